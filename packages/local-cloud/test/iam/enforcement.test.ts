import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startLocalCloud, type LocalCloud } from '../../src/host/local-cloud.ts'
import { createAccount, iamClients, PROJECT, type IamClients } from './iam-fixture.ts'
import { accessToken, admin, callApi, runProgram } from '../host/local-cloud-fixture.ts'

const LOCATION = `${PROJECT}/locations/us-central1`
const OWNER = { role: 'roles/owner', members: ['serviceAccount:operator@imagery-local.iam.gserviceaccount.com'] }

let directory: string
let cloud: LocalCloud
let clients: IamClients
/** An account with only the roles that a test grants it. */
let nobody: string
let metadataHost: string

beforeAll(async () => {
  directory = mkdtempSync(path.join(tmpdir(), 'imagery-enforcement-'))
  cloud = await startLocalCloud({ dataDir: directory, allServicesEnabled: true })
  clients = await iamClients(cloud)
  nobody = await createAccount(clients, 'nobody-yet')
  const answer = await admin(cloud, 'GET', `account?email=${nobody}`)
  metadataHost = (answer.body as { metadataHost: string }).metadataHost
  await post('/bigquery/v2/projects/imagery-local/datasets', { datasetReference: { datasetId: 'd' } })
  await post('/bigquery/v2/projects/imagery-local/datasets/d/tables', {
    tableReference: { tableId: 't' },
    schema: { fields: [{ name: 'a', type: 'STRING' }] },
  })
  await post('/storage/v1/b?project=imagery-local', { name: 'imagery-a' })
  await post('/upload/storage/v1/b/imagery-a/o?uploadType=media&name=o', {})
})
afterAll(async () => {
  await cloud.stop()
  rmSync(directory, { recursive: true, force: true })
})

async function post(route: string, body: object): Promise<void> {
  const answer = await callApi(cloud, route, { method: 'POST', body: JSON.stringify(body) })
  expect([route, answer.status]).toEqual([route, 200])
}

/** Grants the account exactly these roles on the project. */
async function hold(...roles: string[]): Promise<void> {
  const bindings = [OWNER, ...roles.map((role) => ({ role, members: [`serviceAccount:${nobody}`] }))]
  await clients.projects.setIamPolicy({ resource: PROJECT, requestBody: { policy: { bindings } } })
}

interface Answer {
  status: number
  message: string
}

/** A REST call of the account. */
async function call(method: string, route: string, body?: object): Promise<Answer> {
  const token = await accessToken({ locator: { ...cloud.locator, metadataHost } })
  const answer = await fetch(cloud.locator.http + route, {
    method,
    headers: { authorization: `Bearer ${token}` },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  const text = await answer.text()
  const message = answer.ok ? '' : (/"message":\s*"((?:[^"\\]|\\.)*)"/.exec(text)?.[1] ?? text)
  return { status: answer.status, message }
}

const query = (sql: string): [string, string, object] => [
  'POST',
  '/bigquery/v2/projects/imagery-local/queries',
  { query: sql, useLegacySql: false },
]

describe("a call by an account without roles is refused in its API's words", () => {
  it.each<[what: string, message: string | RegExp, ...Parameters<typeof call>]>([
    [
      'Cloud Storage',
      "nobody-yet@imagery-local.iam.gserviceaccount.com does not have storage.objects.get access to the Google Cloud Storage object. Permission 'storage.objects.get' denied on resource (or it may not exist).",
      'GET',
      '/storage/v1/b/imagery-a/o/o?alt=media',
    ],
    [
      'Cloud Storage',
      /does not have storage\.buckets\.list access to the Google Cloud project/,
      'GET',
      '/storage/v1/b?project=imagery-local',
    ],
    [
      'BigQuery',
      'Access Denied: Project imagery-local: User does not have bigquery.jobs.create permission in project imagery-local.',
      ...query('SELECT 1'),
    ],
    [
      'BigQuery',
      'Access Denied: Table imagery-local:d.t: Permission bigquery.tables.get denied on table imagery-local:d.t (or it may not exist).',
      'GET',
      '/bigquery/v2/projects/imagery-local/datasets/d/tables/t',
    ],
    [
      'BigQuery',
      'Access Denied: Table imagery-local:d.t: Permission bigquery.tables.updateData denied on table imagery-local:d.t (or it may not exist).',
      'POST',
      '/bigquery/v2/projects/imagery-local/datasets/d/tables/t/insertAll',
      { rows: [{ json: { a: 'x' } }] },
    ],
    [
      'Cloud Tasks',
      `The principal (user or service account) lacks IAM permission \\"cloudtasks.queues.get\\" for the resource \\"${LOCATION}/queues/q\\" (or the resource may not exist).`,
      'GET',
      `/v2/${LOCATION}/queues/q`,
    ],
    ['Pub/Sub', 'User not authorized to perform this action.', 'GET', `/v1/${PROJECT}/topics/some-topic`],
    [
      'Cloud Run',
      `Permission 'run.services.get' denied on resource '${LOCATION}/services/s' (or resource may not exist).`,
      'GET',
      `/v2/${LOCATION}/services/s`,
    ],
    [
      'Vertex AI',
      `Permission 'aiplatform.endpoints.predict' denied on resource '//aiplatform.googleapis.com/projects/imagery-local/locations/global/publishers/google/models/gemini-3.5-flash-lite' (or it may not exist).`,
      'POST',
      '/v1/projects/imagery-local/locations/global/publishers/google/models/gemini-3.5-flash-lite:generateContent',
      { contents: [{ role: 'user', parts: [{ text: 'a' }] }] },
    ],
    [
      'IAM',
      "Permission 'iam.serviceAccounts.list' denied on resource (or it may not exist).",
      'GET',
      `/v1/${PROJECT}/serviceAccounts`,
    ],
    [
      'Resource Manager',
      `Permission 'resourcemanager.projects.getIamPolicy' denied on resource '//cloudresourcemanager.googleapis.com/${PROJECT}' (or it may not exist).`,
      'POST',
      `/v3/${PROJECT}:getIamPolicy`,
      {},
    ],
  ])('%s', async (_, message, ...request) => {
    await hold()
    const answer = await call(...request)
    expect(answer.status).toBe(403)
    expect(answer.message).toMatch(typeof message === 'string' ? exactly(message) : message)
  })

  it('over gRPC with the permission and the resource in machine-readable details', async () => {
    await hold()
    const refused = await runProgram(
      { ...cloud.locator, metadataHost },
      `
      import { CloudTasksClient } from '@google-cloud/tasks'
      const client = new CloudTasksClient({ apiEndpoint: cloud.grpc.host, port: cloud.grpc.port })
      const error = await client.createQueue({ parent: '${LOCATION}', queue: { name: '${LOCATION}/queues/q' } }).catch((error) => error)
      console.log(JSON.stringify({ code: error.code, reason: error.reason, metadata: error.errorInfoMetadata }))
      process.exit()`,
    )
    expect(refused).toEqual({
      code: 7,
      reason: 'IAM_PERMISSION_DENIED',
      metadata: { permission: 'cloudtasks.queues.create', resource: LOCATION },
    })
  })
})

describe('the permissions of a role', () => {
  it('apply from the moment the role is granted until it is revoked', async () => {
    await hold('roles/storage.objectViewer')
    expect(await call('GET', '/storage/v1/b/imagery-a/o/o')).toMatchObject({ status: 200 })
    expect(await call('DELETE', '/storage/v1/b/imagery-a/o/o')).toMatchObject({ status: 403 })
    await hold()
    expect(await call('GET', '/storage/v1/b/imagery-a/o/o')).toMatchObject({ status: 403 })
  })

  it('to create objects do not allow replacing existing ones', async () => {
    await hold('roles/storage.objectCreator')
    const upload = '/upload/storage/v1/b/imagery-a/o?uploadType=media&name='
    expect(await call('POST', `${upload}made-by-nobody`, {})).toMatchObject({ status: 200 })
    expect(await call('POST', `${upload}made-by-nobody`, {})).toMatchObject({
      status: 403,
      message: expect.stringContaining('storage.objects.delete'),
    })
  })

  it("to run queries read no tables, and a dataset's reader reads only its tables", async () => {
    await hold('roles/bigquery.jobUser')
    expect(await call(...query('SELECT 1'))).toMatchObject({ status: 200 })
    expect(await call(...query('SELECT a FROM d.t'))).toEqual({
      status: 403,
      message:
        'Access Denied: Table imagery-local:d.t: User does not have permission to query table imagery-local:d.t, or perhaps it does not exist.',
    })
    await grantOnDataset('READER')
    expect(await call(...query('SELECT a FROM d.t'))).toMatchObject({ status: 200 })
    const row = { rows: [{ json: { a: 'x' } }] }
    const insertAll = '/bigquery/v2/projects/imagery-local/datasets/d/tables/t/insertAll'
    expect(await call('POST', insertAll, row)).toMatchObject({ status: 403 })
    await grantOnDataset('WRITER')
    expect(await call('POST', insertAll, row)).toMatchObject({ status: 200 })
  })

  it('to create tasks do not allow tokens of other accounts in them', async () => {
    await hold('roles/cloudtasks.admin')
    const invoker = await createAccount(clients, 'some-invoker')
    expect(await call('POST', `/v2/${LOCATION}/queues`, { name: `${LOCATION}/queues/q` })).toMatchObject({
      status: 200,
    })
    const oidcToken = { serviceAccountEmail: invoker }
    const task = { task: { httpRequest: { url: 'https://example.com/', oidcToken } } }
    const create = () => call('POST', `/v2/${LOCATION}/queues/q/tasks`, task)
    expect(await create()).toMatchObject({ status: 403, message: expect.stringContaining('iam.serviceAccounts.actAs') })
    await clients.accounts.setIamPolicy({
      resource: `${PROJECT}/serviceAccounts/${invoker}`,
      requestBody: {
        policy: { bindings: [{ role: 'roles/iam.serviceAccountUser', members: [`serviceAccount:${nobody}`] }] },
      },
    })
    expect(await create()).toMatchObject({ status: 200 })
  })

  it('do not apply in another project, even for an owner', async () => {
    const routes = [
      '/storage/v1/b?project=another',
      '/bigquery/v2/projects/another/datasets/d',
      '/v2/projects/another/locations/us-central1/queues/q',
      '/v1/projects/another/topics/some-topic',
      '/v3/projects/another',
    ]
    for (const route of routes) expect([route, (await callApi(cloud, route)).status]).toEqual([route, 403])
  })

  it('apply in a project that the operator was given, except to its accounts and policies', async () => {
    expect((await admin(cloud, 'PUT', 'projects/city-of-brno')).status).toBe(200)
    await post('/bigquery/v2/projects/city-of-brno/datasets', { datasetReference: { datasetId: 'shared' } })
    await hold('roles/bigquery.admin')
    const dataset = '/bigquery/v2/projects/city-of-brno/datasets/shared'
    expect(await call('GET', dataset)).toMatchObject({ status: 403 })
    const access = [{ role: 'READER', userByEmail: nobody }]
    await callApi(cloud, dataset, { method: 'PATCH', body: JSON.stringify({ access }) })
    expect(await call('GET', dataset)).toMatchObject({ status: 200 })
    for (const route of ['/v3/projects/city-of-brno', '/v1/projects/city-of-brno/serviceAccounts']) {
      expect([route, (await callApi(cloud, route)).status]).toEqual([route, 403])
    }
    expect((await admin(cloud, 'PUT', 'projects/No')).status).toBe(400)
  })
})

describe('the tokens of an account', () => {
  it('are refused once it is disabled or deleted, even after it is recreated', async () => {
    const email = await createAccount(clients, 'short-lived')
    const name = `${PROJECT}/serviceAccounts/${email}`
    const { body } = await admin(cloud, 'GET', `account?email=${email}`)
    const host = (body as { metadataHost: string }).metadataHost
    const token = await accessToken({ locator: { ...cloud.locator, metadataHost: host } })
    const status = async () =>
      (await fetch(`${cloud.locator.http}/v3/${PROJECT}`, { headers: { authorization: `Bearer ${token}` } })).status
    expect(await status()).toBe(403)
    await clients.accounts.disable({ name })
    expect(await status()).toBe(401)
    await clients.accounts.enable({ name })
    expect(await status()).toBe(403)
    await clients.accounts.delete({ name })
    expect(await status()).toBe(401)
    await createAccount(clients, 'short-lived')
    expect(await status()).toBe(401)
  })
})

async function grantOnDataset(role: string): Promise<void> {
  const route = '/bigquery/v2/projects/imagery-local/datasets/d'
  const { access } = (await (await callApi(cloud, route)).json()) as { access: { userByEmail?: string }[] }
  const others = access.filter(({ userByEmail }) => userByEmail !== nobody)
  const body = JSON.stringify({ access: [...others, { role, userByEmail: nobody }] })
  expect((await callApi(cloud, route, { method: 'PATCH', body })).status).toBe(200)
}

function exactly(text: string): RegExp {
  return new RegExp(`^${text.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`)}$`)
}

it('a role on a topic lets an account publish to that topic only, until the topic is deleted', async () => {
  await hold()
  const topic = `/v1/${PROJECT}/topics/ours`
  const messages = { messages: [{ data: 'aGVsbG8=' }] }
  const permissions = ['pubsub.topics.publish', 'pubsub.topics.get']
  const tested = async (route: string): Promise<unknown> => {
    const token = await accessToken({ locator: { ...cloud.locator, metadataHost } })
    const answer = await fetch(`${cloud.locator.http}${route}:testIamPermissions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}` },
      body: JSON.stringify({ permissions }),
    })
    return answer.json()
  }
  for (const name of ['ours', 'theirs']) {
    const made = await callApi(cloud, `/v1/${PROJECT}/topics/${name}`, { method: 'PUT', body: '{}' })
    expect(made.status).toBe(200)
  }
  expect((await call('POST', `${topic}:publish`, messages)).status).toBe(403)
  expect(await tested(topic)).toEqual({})
  const policy = { bindings: [{ role: 'roles/pubsub.publisher', members: [`serviceAccount:${nobody}`] }] }
  const set = await callApi(cloud, `${topic}:setIamPolicy`, { method: 'POST', body: JSON.stringify({ policy }) })
  expect(set.status).toBe(200)
  expect((await call('POST', `${topic}:publish`, messages)).status).toBe(200)
  expect(await tested(topic)).toEqual({ permissions: ['pubsub.topics.publish'] })
  expect((await call('POST', `/v1/${PROJECT}/topics/theirs:publish`, messages)).status).toBe(403)
  expect((await call('GET', `${topic}:getIamPolicy`)).status).toBe(403)
  // "If the resource does not exist, this will return an empty set of permissions, not a NOT_FOUND error":
  // https://cloud.google.com/pubsub/docs/reference/rest/v1/projects.topics/testIamPermissions
  expect(await tested(`/v1/${PROJECT}/topics/nowhere`)).toEqual({})
  expect((await callApi(cloud, topic, { method: 'DELETE' })).status).toBe(200)
  expect((await callApi(cloud, topic, { method: 'PUT', body: '{}' })).status).toBe(200)
  expect((await call('POST', `${topic}:publish`, messages)).status).toBe(403)
})
