import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { useLocalCloud } from '../../src/google/transport/environment.ts'
import type { Check, DoctorContext } from '../../src/services/doctor/check.ts'
import { organization } from '../../src/services/doctor/organization.ts'
import { deployerRoles, runnerRoles } from '../../src/services/doctor/permissions.ts'
import { apis, billing, project } from '../../src/services/doctor/project.ts'
import { googleTarget } from '../../src/services/session/target.ts'

/** What the local cloud does not emulate: projects without billing, organizations with policies. */

let server: Server
/** By method and path: a status and a body in the form of Google's discovery documents. */
let answers: Record<string, { status?: number; body: unknown }>
const asked: { route: string; body: string }[] = []

beforeAll(async () => {
  server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const { pathname } = new URL(request.url ?? '', 'http://google')
      const route = `${request.method} ${pathname}`
      asked.push({ route, body: Buffer.concat(chunks).toString('utf8') })
      const token = { body: { access_token: 'token', expires_in: 3_600, token_type: 'Bearer' } }
      const { status = 200, body } = pathname.endsWith('/token')
        ? { ...token, status: 200 }
        : (answers[route] ?? { status: 404, body: { error: { code: 404, status: 'NOT_FOUND', message: route } } })
      response.writeHead(status, { 'content-type': 'application/json', 'metadata-flavor': 'Google' })
      response.end(JSON.stringify(body))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  useLocalCloud({
    version: 1,
    pid: process.pid,
    projectId: 'my-project',
    projectNumber: '1',
    region: 'europe-west1',
    http: `http://127.0.0.1:${port}`,
    grpc: { host: '127.0.0.1', port },
    caFile: '',
    metadataHost: `127.0.0.1:${port}`,
    adminToken: '',
    startedAt: '',
  })
})

afterAll(() => {
  server.closeAllConnections()
  server.close()
})

beforeEach(() => {
  answers = {}
  asked.length = 0
})

const context: DoctorContext = {
  target: googleTarget({ projectId: 'my-project', region: 'europe-west1' }, ''),
  runtimeFolder: '',
  member: 'user:ada@example.com',
  deployment: undefined,
  isBuilding: true,
  model: 'gemini-3.5-flash-lite',
  location: 'global',
  table: undefined,
}

const deployment = { ...context.target, bucket: '', mainUrl: '', populateUrl: '', maxInstances: 8, runtimeHashes: [] }
const look = (check: Check, known: Partial<DoctorContext> = {}) => check.run({ ...context, ...known })

test('a missing project is distinguished from an existing one', async () => {
  answers['GET /v3/projects/my-project'] = { body: { name: 'projects/123456789012', state: 'ACTIVE' } }
  expect(await look(project)).toMatchObject({ status: 'ok', detail: 'my-project, number 123456789012' })
  const message = 'The caller does not have permission'
  answers['GET /v3/projects/my-project'] = {
    status: 403,
    body: { error: { code: 403, status: 'PERMISSION_DENIED', message } },
  }
  expect(await look(project)).toMatchObject({ status: 'failed', detail: expect.stringContaining(message) })
})

test('a project without billing fails, with the command that links an account', async () => {
  answers['GET /v1/projects/my-project/billingInfo'] = { body: { name: 'projects/my-project/billingInfo' } }
  expect(await look(billing)).toMatchObject({
    status: 'failed',
    fixes: expect.arrayContaining(['gcloud billing projects link my-project --billing-account ACCOUNT']),
  })
})

test('disabled APIs pass before a deploy, which enables them, and fail after it', async () => {
  answers['GET /v1/projects/my-project/services:batchGet'] = {
    body: { services: [{ name: 'projects/123/services/run.googleapis.com', state: 'ENABLED' }] },
  }
  expect((await look(apis)).status).toBe('warning')
  const { status, detail, fixes } = await look(apis, { deployment })
  expect(status).toBe('failed')
  expect(`${detail}${fixes.join()}`).not.toContain(' run.googleapis.com')
  expect(fixes[0]).toContain('bigquery.googleapis.com')
})

describe('roles', () => {
  test('are inferred from the missing permissions', async () => {
    const route = 'POST /v3/projects/my-project:testIamPermissions'
    answers[route] = { body: {} }
    await look(runnerRoles)
    const { permissions } = JSON.parse(asked.find((call) => call.route === route)!.body) as { permissions: string[] }
    answers[route] = { body: { permissions: permissions.filter((each) => !each.startsWith('bigquery.jobs')) } }
    expect(await look(runnerRoles)).toMatchObject({
      status: 'failed',
      detail: 'this account lacks roles/bigquery.user (for bigquery.jobs.create)',
      fixes: [
        'gcloud projects add-iam-policy-binding my-project --member user:ada@example.com --role roles/bigquery.user',
      ],
    })
    answers[route] = { body: { permissions } }
    expect((await look(runnerRoles)).status).toBe('ok')
  })

  test('on buckets are not checked on the project, whose owners have them on each bucket', async () => {
    answers['POST /v3/projects/my-project:testIamPermissions'] = { body: {} }
    expect((await look(deployerRoles)).status).toBe('failed')
    const body = asked.map((call) => call.body).join('')
    expect(body).toContain('storage.buckets.create')
    expect(body).not.toMatch(/storage\.(?:objects|buckets\.get)/)
  })
})

describe('the organization', () => {
  const constraints = [
    'iam.disableServiceAccountCreation',
    'iam.managed.disableServiceAccountCreation',
    'iam.managed.allowedPolicyMembers',
    'iam.allowedPolicyMemberDomains',
    'gcp.restrictServiceUsage',
    'gcp.restrictNonCmekServices',
    'cloudbuild.allowedWorkerPools',
    'run.allowedBinaryAuthorizationPolicies',
    'gcp.resourceLocations',
    'run.allowedIngress',
    'storage.uniformBucketLevelAccess',
    'storage.publicAccessPrevention',
  ]
  const policies = (rules: Record<string, object[]>): void => {
    for (const constraint of constraints) {
      const name = `projects/1/policies/${constraint}`
      answers[`GET /v2/projects/my-project/policies/${constraint}:getEffectivePolicy`] = {
        body: { name, ...(rules[constraint] ? { spec: { rules: rules[constraint] } } : {}) },
      }
    }
  }

  test("passes without policies, or with those that imagery's buckets comply with", async () => {
    policies({ 'storage.publicAccessPrevention': [{ enforce: true }], 'run.allowedIngress': [{ allowAll: true }] })
    expect((await look(organization)).status).toBe('ok')
  })

  test.each(['iam.disableServiceAccountCreation', 'iam.managed.disableServiceAccountCreation'])(
    'that blocks new service accounts by %s fails only while one is missing',
    async (constraint) => {
      policies({ [constraint]: [{ enforce: true }] })
      const email = (account: string): string => `imagery-${account}@my-project.iam.gserviceaccount.com`
      for (const account of ['runtime', 'invoker']) {
        answers[`GET /v1/projects/my-project/serviceAccounts/${email(account)}`] = { body: { email: email(account) } }
      }
      expect(await look(organization)).toMatchObject({
        status: 'failed',
        detail: `${constraint} blocks new service accounts, and ${email('builder')} must be created`,
      })
      expect((await look(organization, { isBuilding: false })).status).toBe('ok')
      answers[`GET /v1/projects/my-project/serviceAccounts/${email('builder')}`] = { body: { email: email('builder') } }
      expect((await look(organization)).status).toBe('ok')
    },
  )

  test('that restricts services, keys, builds or binaries fails a first deploy and warns about a later one', async () => {
    for (const [constraint, values, word] of [
      ['gcp.restrictServiceUsage', { allowedValues: ['is:run.googleapis.com'] }, 'pubsub.googleapis.com'],
      ['gcp.restrictServiceUsage', { deniedValues: ['cloudtasks.googleapis.com'] }, 'cloudtasks.googleapis.com'],
      ['gcp.restrictNonCmekServices', { deniedValues: ['is:storage.googleapis.com'] }, 'storage.googleapis.com'],
      ['cloudbuild.allowedWorkerPools', { allowedValues: ['projects/p/locations/l/workerPools/w'] }, 'workerPools/w'],
      ['run.allowedBinaryAuthorizationPolicies', { allowedValues: ['default'] }, 'binary authorization'],
    ] as const) {
      policies({ [constraint]: [{ values }] })
      const first = await look(organization)
      expect([constraint, first.status, first.detail]).toEqual([constraint, 'failed', expect.stringContaining(word)])
      expect((await look(organization, { deployment })).status).toBe('warning')
    }
  })

  test('that allows only certain members by the managed constraint is reported with them', async () => {
    const parameters = { allowedPrincipalSets: ['//cloudresourcemanager.googleapis.com/organizations/7'] }
    policies({ 'iam.managed.allowedPolicyMembers': [{ enforce: true, parameters }] })
    expect(await look(organization)).toMatchObject({
      status: 'warning',
      detail: expect.stringContaining('organizations/7') as string,
    })
  })

  test('that limits locations, members or ingress is reported with what it limits', async () => {
    policies({
      'gcp.resourceLocations': [{ values: { allowedValues: ['in:us-locations'] } }],
      'iam.allowedPolicyMemberDomains': [{ values: { allowedValues: ['C0abcdefg'] } }],
      'run.allowedIngress': [{ values: { allowedValues: ['internal'] } }],
    })
    const { status, detail, fixes } = await look(organization)
    expect(status).toBe('warning')
    for (const word of ['in:us-locations', 'C0abcdefg', 'internal']) expect(detail).toContain(word)
    expect(fixes).toEqual([expect.stringContaining('--ingress internal')])
    policies({ 'gcp.resourceLocations': [{ values: { deniedValues: ['europe-west1'] } }] })
    expect((await look(organization)).status).toBe('failed')
    policies({ 'gcp.resourceLocations': [{ values: { allowedValues: ['europe-west1'] } }] })
    expect((await look(organization)).status).toBe('ok')
  })
})
