import { auth, serviceusage } from '@googleapis/serviceusage'
import type { serviceusage_v1 } from '@googleapis/serviceusage'
import { describe, expect, it } from 'vitest'
import { CHANGE_MS } from '../../src/apis/service-usage/services.ts'
import { ManualClock } from '../../src/kernel/clock.ts'
import type { LocalCloud, LocalCloudOptions } from '../../src/host/local-cloud.ts'
import { accessToken, callApi, LocalClouds, runProgram } from '../host/local-cloud-fixture.ts'

const clouds = new LocalClouds()
const PROJECT = 'projects/imagery-local'

/** A local cloud whose project has the services enabled that a new one has. */
function start(options: Partial<LocalCloudOptions> = {}): Promise<LocalCloud> {
  return clouds.start({ allServicesEnabled: false, ...options })
}

/** Google's own client of the REST API, pointed at the local cloud by its `rootUrl`. */
async function clientOf(cloud: LocalCloud): Promise<serviceusage_v1.Serviceusage> {
  const credentials = new auth.OAuth2()
  credentials.setCredentials({ access_token: await accessToken(cloud) })
  return serviceusage({ version: 'v1', rootUrl: `${cloud.locator.http}/`, auth: credentials })
}

async function enabledServices(client: serviceusage_v1.Serviceusage): Promise<string[]> {
  const names: string[] = []
  let pageToken: string | undefined
  do {
    const query = { parent: PROJECT, filter: 'state:ENABLED', pageSize: 10, ...(pageToken ? { pageToken } : {}) }
    const { data } = await client.services.list(query)
    names.push(...(data.services ?? []).map(({ config }) => config?.name ?? ''))
    pageToken = data.nextPageToken ?? undefined
  } while (pageToken)
  return names
}

/** The answer to a refused call. */
async function refusal(
  call: Promise<unknown>,
): Promise<{ code: number; message: string; status: string; details: unknown[] }> {
  const error = await call.then(
    () => undefined,
    (thrown: unknown) => thrown as { response: { data: { error: Awaited<ReturnType<typeof refusal>> } } },
  )
  if (!error) throw new Error('the call was not refused')
  return error.response.data.error
}

const nameOf = (service: string): string => `${PROJECT}/services/${service}`

describe('a new project', () => {
  // https://cloud.google.com/service-usage/docs/enabled-service#default
  it('has only the services enabled that Google enables in every project', async () => {
    const client = await clientOf(await start())
    const enabled = await enabledServices(client)
    expect(enabled).toEqual(enabled.toSorted())
    expect(enabled).toContain('bigquery.googleapis.com')
    expect(enabled).toContain('storage.googleapis.com')
    expect(enabled).toContain('serviceusage.googleapis.com')
    for (const service of ['run', 'cloudtasks', 'pubsub', 'cloudbuild', 'artifactregistry', 'aiplatform', 'iam']) {
      expect(enabled).not.toContain(`${service}.googleapis.com`)
    }
  })
})

describe('enabling a service', () => {
  it('is a long-running operation, and survives a restart', async () => {
    const clock = new ManualClock()
    const cloud = await start({ clock })
    const client = await clientOf(cloud)
    const { data: begun } = await client.services.enable({ name: nameOf('run.googleapis.com'), requestBody: {} })
    expect(begun.name).toMatch(/^operations\/acat\.p2-\d+-/)
    expect(begun.done).toBeUndefined()
    await clock.advance(CHANGE_MS - 1)
    expect((await client.operations.get({ name: begun.name ?? '' })).data.done).toBeUndefined()
    expect((await client.services.get({ name: nameOf('run.googleapis.com') })).data.state).toBe('DISABLED')
    await clock.advance(1)
    const { data: ended } = await client.operations.get({ name: begun.name ?? '' })
    expect(ended).toMatchObject({
      done: true,
      response: {
        '@type': 'type.googleapis.com/google.api.serviceusage.v1.EnableServiceResponse',
        service: { state: 'ENABLED', config: { name: 'run.googleapis.com', title: 'Cloud Run Admin API' } },
      },
    })
    await cloud.stop()
    const again = await clientOf(await start({ clock }))
    expect((await again.services.get({ name: nameOf('run.googleapis.com') })).data.state).toBe('ENABLED')
    expect((await again.operations.get({ name: begun.name ?? '' })).data.done).toBe(true)
  })

  it('continues after a restart in the middle', async () => {
    const clock = new ManualClock()
    const cloud = await start({ clock })
    const { data: begun } = await (await clientOf(cloud)).services.enable({ name: nameOf('run.googleapis.com') })
    await cloud.stop()
    const client = await clientOf(await start({ clock }))
    expect((await client.operations.get({ name: begun.name ?? '' })).data.done).toBeUndefined()
    await clock.advance(CHANGE_MS)
    expect((await client.operations.get({ name: begun.name ?? '' })).data.done).toBe(true)
    expect(await enabledServices(client)).toContain('run.googleapis.com')
  })

  it('that is enabled already is done at once', async () => {
    const client = await clientOf(await start())
    const { data } = await client.services.enable({ name: nameOf('bigquery.googleapis.com') })
    expect(data).toMatchObject({ name: 'operations/noop.DONE_OPERATION', done: true })
  })

  it('that does not exist is refused with PERMISSION_DENIED', async () => {
    const client = await clientOf(await start())
    expect(await refusal(client.services.enable({ name: nameOf('no-such.googleapis.com') }))).toMatchObject({
      code: 403,
      message: 'Not found or permission denied for service(s): no-such.googleapis.com.',
      status: 'PERMISSION_DENIED',
    })
  })

  it('that needs billing is refused in a project without billing', async () => {
    const cloud = await start({ hasBilling: false })
    const client = await clientOf(cloud)
    const serviceIds = ['pubsub.googleapis.com', 'run.googleapis.com', 'cloudtasks.googleapis.com']
    const refused = await refusal(client.services.batchEnable({ parent: PROJECT, requestBody: { serviceIds } }))
    expect(refused).toMatchObject({
      code: 400,
      status: 'FAILED_PRECONDITION',
      message: expect.stringContaining(
        "activation of service(s) 'run.googleapis.com,cloudtasks.googleapis.com'",
      ) as string,
    })
    expect(refused.details).toContainEqual(expect.objectContaining({ reason: 'UREQ_PROJECT_BILLING_NOT_FOUND' }))
    expect(await enabledServices(client)).not.toContain('pubsub.googleapis.com')
  })

  it('fails under a fault rule and leaves the project unchanged', async () => {
    const effect = { kind: 'error', status: 'INTERNAL', message: 'Internal error encountered.' } as const
    const clock = new ManualClock()
    const cloud = await start({ clock, faults: [{ method: 'operation/serviceusage.*', nth: 1, effect }] })
    const client = await clientOf(cloud)
    const serviceIds = ['run.googleapis.com', 'pubsub.googleapis.com']
    const enable = () => client.services.batchEnable({ parent: PROJECT, requestBody: { serviceIds } })
    const { data: first } = await enable()
    await clock.advance(CHANGE_MS)
    const { data: failed } = await client.operations.get({ name: first.name ?? '' })
    expect(failed).toMatchObject({ done: true, error: { code: 13, message: 'Internal error encountered.' } })
    expect(await enabledServices(client)).not.toContain('run.googleapis.com')
    const { data: second } = await enable()
    await clock.advance(CHANGE_MS)
    expect((await client.operations.get({ name: second.name ?? '' })).data.error).toBeUndefined()
    expect(await enabledServices(client)).toEqual(expect.arrayContaining(serviceIds))
  })

  it('takes at most 20 at a time, and at least one', async () => {
    const client = await clientOf(await start())
    const batch = (serviceIds: string[]) =>
      refusal(client.services.batchEnable({ parent: PROJECT, requestBody: { serviceIds } }))
    expect(await batch([])).toMatchObject({ code: 400 })
    expect(await batch(Array.from({ length: 21 }, () => 'run.googleapis.com'))).toMatchObject({ code: 400 })
  })
})

// https://cloud.google.com/apis/docs/troubleshooting#api_not_enabled
describe('an API that the project has not enabled', () => {
  const disabled = (title: string, service: string, number: string): string =>
    `${title} has not been used in project ${number} before or it is disabled. Enable it by visiting ` +
    `https://console.developers.google.com/apis/api/${service}/overview?project=${number} then retry. If you enabled ` +
    'this API recently, wait a few minutes for the action to propagate to our systems and retry.'

  it.each([
    ['/v1/projects/imagery-local/locations/us-central1/repositories', 'Artifact Registry API', 'artifactregistry'],
    ['/v1/projects/imagery-local/billingInfo', 'Cloud Billing API', 'cloudbilling'],
    ['/v1/projects/imagery-local/locations/us-central1/builds', 'Cloud Build API', 'cloudbuild'],
    ['/v1/projects/imagery-local/serviceAccounts', 'Identity and Access Management (IAM) API', 'iam'],
    ['/v3/projects/imagery-local', 'Cloud Resource Manager API', 'cloudresourcemanager'],
    ['/v1/projects/imagery-local/topics', 'Cloud Pub/Sub API', 'pubsub'],
    ['/v2/projects/imagery-local/locations/us-central1/queues', 'Cloud Tasks API', 'cloudtasks'],
    ['/v2/projects/imagery-local/locations/us-central1/services', 'Cloud Run Admin API', 'run'],
  ])('refuses %s and says where to enable it', async (route, title, label) => {
    const cloud = await start()
    const service = `${label}.googleapis.com`
    const answer = await callApi(cloud, route)
    const { projectNumber } = cloud.locator
    expect([answer.status, await answer.json()]).toMatchObject([
      403,
      {
        error: {
          code: 403,
          status: 'PERMISSION_DENIED',
          message: disabled(title, service, projectNumber),
          details: expect.arrayContaining([
            expect.objectContaining({
              reason: 'SERVICE_DISABLED',
              domain: 'googleapis.com',
              metadata: expect.objectContaining({ service, consumer: `projects/${projectNumber}` }) as object,
            }),
          ]) as object,
        },
      },
    ])
  })

  it('answers once it is enabled, and refuses again once it is disabled', async () => {
    const clock = new ManualClock()
    const cloud = await start({ clock })
    const client = await clientOf(cloud)
    const name = nameOf('pubsub.googleapis.com')
    const topics = async (): Promise<number> => (await callApi(cloud, `/v1/${PROJECT}/topics`)).status
    const statuses = [await topics()]
    await client.services.enable({ name })
    await clock.advance(CHANGE_MS)
    statuses.push(await topics())
    await client.services.disable({ name })
    await clock.advance(CHANGE_MS)
    statuses.push(await topics())
    expect(statuses).toEqual([403, 200, 403])
  })

  it('refuses every caller before it checks permissions', async () => {
    const cloud = await start()
    const answer = await fetch(`${cloud.locator.http}/v1/${PROJECT}/topics`)
    expect(answer.status).toBe(401)
  })

  it('is refused over gRPC with the same words and details', async () => {
    const { locator } = await start()
    const source = `
      import { CloudTasksClient } from '@google-cloud/tasks'
      const tasks = new CloudTasksClient({ apiEndpoint: cloud.grpc.host, port: cloud.grpc.port, projectId: cloud.projectId })
      const parent = 'projects/imagery-local/locations/us-central1'
      const error = await tasks.listQueues({ parent }).catch((error) => error)
      console.log(JSON.stringify({ code: error.code, details: error.details, reason: error.reason, metadata: error.errorInfoMetadata }))
      await tasks.close()
    `
    expect(await runProgram(locator, source)).toEqual({
      code: 7,
      details: disabled('Cloud Tasks API', 'cloudtasks.googleapis.com', locator.projectNumber),
      reason: 'SERVICE_DISABLED',
      metadata: expect.objectContaining({ service: 'cloudtasks.googleapis.com' }) as object,
    })
  })
})

describe('disabling a service', () => {
  it('makes it unusable, and is refused if it is not enabled', async () => {
    const clock = new ManualClock()
    const client = await clientOf(await start({ clock }))
    await client.services.disable({
      name: nameOf('dataform.googleapis.com'),
      requestBody: { checkIfServiceHasUsage: 'SKIP' },
    })
    await clock.advance(CHANGE_MS)
    expect(await enabledServices(client)).not.toContain('dataform.googleapis.com')
    expect(await refusal(client.services.disable({ name: nameOf('dataform.googleapis.com') }))).toMatchObject({
      code: 400,
      status: 'FAILED_PRECONDITION',
    })
  })
})

describe('reading services', () => {
  it('returns several at once, of one project only', async () => {
    const client = await clientOf(await start())
    const names = [nameOf('run.googleapis.com'), nameOf('storage.googleapis.com')]
    const { data } = await client.services.batchGet({ parent: PROJECT, names })
    expect(data.services?.map(({ state }) => state)).toEqual(['DISABLED', 'ENABLED'])
    const other = ['projects/other/services/run.googleapis.com']
    expect(await refusal(client.services.batchGet({ parent: PROJECT, names: other }))).toMatchObject({ code: 400 })
  })

  it('of a project that does not exist is refused', async () => {
    const client = await clientOf(await start())
    expect(await refusal(client.services.list({ parent: 'projects/elsewhere' }))).toMatchObject({ code: 403 })
  })
})

describe('an invalid request', () => {
  it.each([
    [
      'an unknown field',
      'POST',
      'services:batchEnable',
      '{"services":["run.googleapis.com"]}',
      'Unknown name "services": Cannot find field.',
    ],
    [
      'a value of another type',
      'POST',
      'services:batchEnable',
      '{"serviceIds":[7]}',
      "Invalid value at 'service_ids[0]' (TYPE_STRING), 7",
    ],
    [
      'an unknown query parameter',
      'GET',
      'services?state=ENABLED',
      undefined,
      'Unknown name "state": Cannot bind query parameter.',
    ],
    ['an unknown filter', 'GET', 'services?filter=enabled', undefined, "filter 'enabled'"],
  ])('with %s is refused with 400', async (_what, method, route, body, words) => {
    const cloud = await start()
    const answer = await callApi(cloud, `/v1/${PROJECT}/${route}`, { method, ...(body === undefined ? {} : { body }) })
    expect([answer.status, await answer.json()]).toMatchObject([
      400,
      { error: { status: 'INVALID_ARGUMENT', message: expect.stringContaining(words) as string } },
    ])
  })

  it('for an unsupported method is refused by name', async () => {
    const answer = await callApi(await start(), '/v1/operations')
    expect(answer.status).toBe(501)
  })
})

describe('the billing of a project', () => {
  it.each([
    [true, { billingEnabled: true, billingAccountName: 'billingAccounts/000000-000000-000000' }],
    [false, { billingEnabled: false, billingAccountName: '' }],
  ])('says whether billing is enabled: %s', async (hasBilling, info) => {
    const cloud = await clouds.start({ hasBilling })
    const answer = await callApi(cloud, `/v1/${PROJECT}/billingInfo`)
    expect(await answer.json()).toEqual({ name: `${PROJECT}/billingInfo`, projectId: 'imagery-local', ...info })
    expect((await callApi(cloud, '/v1/projects/elsewhere/billingInfo')).status).toBe(403)
  })
})
