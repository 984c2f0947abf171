import { describe, expect, it } from 'vitest'
import { CHANGE_MS } from '../../src/apis/service-usage/services.ts'
import { ManualClock } from '../../src/kernel/clock.ts'
import type { LocalCloud } from '../../src/host/local-cloud.ts'
import { createAccount, iamClients, PROJECT } from '../iam/iam-fixture.ts'
import { accessToken, admin, callApi, LocalClouds } from './local-cloud-fixture.ts'

const clouds = new LocalClouds()
const NUMBER = /^\d{12}$/

interface Answer {
  status: number
  body: { error?: { status: string; message: string; details?: Detail[] }; [name: string]: unknown }
}

interface Detail {
  reason?: string
  metadata?: Record<string, string>
}

/** A REST call with the given token; the operator's unless given. */
async function call(
  cloud: LocalCloud,
  method: string,
  route: string,
  options: { body?: object; token?: string; quotaProject?: string } = {},
): Promise<Answer> {
  const answer = await fetch(`${cloud.locator.http}/${route}`, {
    method,
    headers: {
      authorization: `Bearer ${options.token ?? (await accessToken(cloud))}`,
      ...(options.quotaProject === undefined ? {} : { 'x-goog-user-project': options.quotaProject }),
    },
    ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) }),
  })
  return { status: answer.status, body: (await answer.json()) as Answer['body'] }
}

async function tokenOf(cloud: LocalCloud, email: string): Promise<string> {
  const { body } = await admin(cloud, 'GET', `account?email=${email}`)
  const { metadataHost } = body as { metadataHost: string }
  return accessToken({ locator: { ...cloud.locator, metadataHost } })
}

/** Grants a role on a resource whose policy is read and written at `route`. */
async function grant(cloud: LocalCloud, route: string, role: string, email: string): Promise<Answer> {
  const { body: policy } = await call(cloud, 'POST', `${route}:getIamPolicy`, { body: {} })
  const bindings = [...((policy['bindings'] as object[] | undefined) ?? []), { role, members: [email] }]
  return call(cloud, 'POST', `${route}:setIamPolicy`, { body: { policy: { ...policy, bindings } } })
}

describe('a granted role', () => {
  it('is in the policy at once, but has no effect before its time', async () => {
    const clock = new ManualClock()
    const cloud = await clouds.start({ clock, conditions: { grantsMs: 180_000 } })
    const email = await createAccount(await iamClients(cloud), 'deployer')
    const token = await tokenOf(cloud, email)
    const list = async (): Promise<number> =>
      (await call(cloud, 'GET', `v1/${PROJECT}/serviceAccounts`, { token })).status
    const test = async (): Promise<unknown> =>
      (
        await call(cloud, 'POST', `v3/${PROJECT}:testIamPermissions`, {
          token,
          body: { permissions: ['iam.serviceAccounts.list'] },
        })
      ).body
    expect(
      await grant(cloud, `v3/${PROJECT}`, 'roles/iam.serviceAccountAdmin', `serviceAccount:${email}`),
    ).toMatchObject({
      status: 200,
      body: { bindings: expect.arrayContaining([expect.objectContaining({ role: 'roles/owner' })]) },
    })
    expect([await list(), await test()]).toEqual([403, {}])
    await clock.advance(179_999)
    expect(await list()).toBe(403)
    await clock.advance(1)
    expect([await list(), await test()]).toEqual([200, { permissions: ['iam.serviceAccounts.list'] }])
  })

  it('waits on a bucket, an account and a dataset too, and not for who created them', async () => {
    const clock = new ManualClock()
    const cloud = await clouds.start({ clock, conditions: { grantsMs: 60_000 } })
    const clients = await iamClients(cloud)
    const email = await createAccount(clients, 'runtime-1')
    const member = `serviceAccount:${email}`
    const token = await tokenOf(cloud, email)
    expect(
      (await call(cloud, 'POST', 'storage/v1/b?project=imagery-local', { body: { name: 'images-1' } })).status,
    ).toBe(200)
    const datasets = 'bigquery/v2/projects/imagery-local/datasets'
    const datasetReference = { datasetId: 'results' }
    const made = await call(cloud, 'POST', datasets, { body: { datasetReference } })
    await call(cloud, 'PUT', 'storage/v1/b/images-1/iam', {
      body: { bindings: [{ role: 'roles/storage.objectViewer', members: [member] }] },
    })
    const access = [...(made.body['access'] as object[]), { role: 'READER', userByEmail: email }]
    await call(cloud, 'PATCH', `${datasets}/results`, { body: { access } })
    await grant(cloud, `v1/${PROJECT}/serviceAccounts/${email}`, 'roles/iam.serviceAccountViewer', member)
    const tries = async (): Promise<number[]> =>
      Promise.all(
        [`storage/v1/b/images-1/o`, `${datasets}/results`, `v1/${PROJECT}/serviceAccounts/${email}`].map(
          async (route) => (await call(cloud, 'GET', route, { token })).status,
        ),
      )
    expect(await tries()).toEqual([403, 403, 403])
    await clock.advance(60_000)
    expect(await tries()).toEqual([200, 200, 200])
  })
})

describe('a new service account', () => {
  it('is missing, refused and there in turn, for its time, wherever it is named', async () => {
    const clock = new ManualClock()
    const cloud = await clouds.start({ clock, conditions: { accountsMs: 90_000 } })
    const email = await createAccount(await iamClients(cloud), 'runtime-1')
    const account = `v1/${PROJECT}/serviceAccounts/${email}`
    const look = async (): Promise<number> => (await call(cloud, 'GET', account)).status
    expect([await look(), await look(), await look(), await look()]).toEqual([404, 403, 200, 404])
    const name = async (): Promise<unknown> => {
      const { status, body } = await grant(cloud, `v3/${PROJECT}`, 'roles/viewer', `serviceAccount:${email}`)
      return body.error?.message ?? status
    }
    expect([await name(), await name()]).toEqual([`Service account ${email} does not exist.`, 200])
    const policy = async (): Promise<number> =>
      (await call(cloud, 'POST', `${account}:getIamPolicy`, { body: {} })).status
    expect([await policy(), await policy(), await policy()]).toEqual([404, 403, 200])
    await clock.advance(90_000)
    expect([await look(), await look(), await policy(), await name()]).toEqual([200, 200, 200, 200])
  })

  it('can be forbidden by the organization, by the managed constraint too', async () => {
    const cloud = await clouds.start()
    const create = (id: string): Promise<Answer> =>
      call(cloud, 'POST', `v1/${PROJECT}/serviceAccounts`, { body: { accountId: id } })
    for (const [constraint, message] of [
      ['iam.disableServiceAccountCreation', 'Service account creation is not allowed on this project.'],
      ['iam.managed.disableServiceAccountCreation', 'Operation denied by org policy'],
    ] as const) {
      const organizationPolicies = { [constraint]: { enforce: true } }
      expect((await admin(cloud, 'PUT', 'conditions', { organizationPolicies })).status).toBe(200)
      expect(await create('forbidden-1')).toMatchObject({
        status: 400,
        body: { error: { status: 'FAILED_PRECONDITION', message: expect.stringContaining(message) as string } },
      })
      const effective = await call(cloud, 'GET', `v2/${PROJECT}/policies/${constraint}:getEffectivePolicy`)
      expect(effective.body).toMatchObject({ spec: { rules: [{ enforce: true }] } })
    }
    await admin(cloud, 'PUT', 'conditions', {})
    expect((await create('allowed-1')).status).toBe(200)
  })
})

describe('enabling a service', () => {
  const enable = (cloud: LocalCloud): Promise<Answer> =>
    call(cloud, 'POST', `v1/${PROJECT}/services/pubsub.googleapis.com:enable`, { body: {} })
  const listTopics = async (cloud: LocalCloud): Promise<string> => {
    const { status, body } = await call(cloud, 'GET', `v1/${PROJECT}/topics`)
    return body.error?.details?.[0]?.reason ?? String(status)
  }

  it('is done before its API accepts calls, and for a while the API accepts only some', async () => {
    const clock = new ManualClock()
    const cloud = await clouds.start({ clock, allServicesEnabled: false, conditions: { servicesMs: 60_000 } })
    await enable(cloud)
    await clock.advance(CHANGE_MS)
    const { body } = await call(cloud, 'GET', `v1/${PROJECT}/services/pubsub.googleapis.com`)
    expect(body).toMatchObject({ state: 'ENABLED' })
    expect(await listTopics(cloud)).toBe('SERVICE_DISABLED')
    await clock.advance(30_000)
    expect([await listTopics(cloud), await listTopics(cloud)]).toEqual(['200', 'SERVICE_DISABLED'])
    await clock.advance(30_000)
    expect([await listTopics(cloud), await listTopics(cloud)]).toEqual(['200', '200'])
  })

  it('is refused while the same service is being enabled', async () => {
    const clock = new ManualClock()
    const cloud = await clouds.start({ clock, allServicesEnabled: false })
    await enable(cloud)
    expect((await enable(cloud)).body.error).toMatchObject({
      status: 'FAILED_PRECONDITION',
      message:
        'Another activation or deactivation is in progress for the following service(s): pubsub.googleapis.com and project imagery-local.',
    })
    await clock.advance(CHANGE_MS)
    expect((await enable(cloud)).body).toMatchObject({ done: true })
  })
})

describe('a quota project', () => {
  it('must be one that the caller may use, and have the API enabled', async () => {
    const cloud = await clouds.start()
    await admin(cloud, 'PUT', 'projects/other-project', {})
    const email = await createAccount(await iamClients(cloud), 'viewer-1')
    await grant(cloud, `v3/${PROJECT}`, 'roles/viewer', `serviceAccount:${email}`)
    const token = await tokenOf(cloud, email)
    const topics = (quotaProject: string, as?: string): Promise<Answer> =>
      call(cloud, 'GET', `v1/${PROJECT}/topics`, { quotaProject, ...(as === undefined ? {} : { token: as }) })
    expect((await topics('imagery-local')).status).toBe(200)
    expect((await topics('other-project')).body.error?.details?.[0]).toMatchObject({
      reason: 'SERVICE_DISABLED',
      metadata: { service: 'pubsub.googleapis.com', containerInfo: expect.stringMatching(NUMBER) as string },
    })
    const denied = await topics('imagery-local', token)
    expect(denied).toMatchObject({
      status: 403,
      body: {
        error: {
          message: expect.stringContaining('Caller does not have required permission to use project imagery-local.'),
          details: [
            {},
            {
              reason: 'USER_PROJECT_DENIED',
              metadata: { consumer: 'projects/imagery-local', service: 'pubsub.googleapis.com' },
            },
          ],
        },
      },
    })
    await grant(cloud, `v3/${PROJECT}`, 'roles/serviceusage.serviceUsageConsumer', `serviceAccount:${email}`)
    expect((await topics('imagery-local', token)).status).toBe(200)
    expect((await call(cloud, 'GET', `v1/${PROJECT}/topics`, { token })).status).toBe(200)
  })
})

describe("a user's credentials", () => {
  it('buy access tokens of that user, whose address the token shows', async () => {
    const cloud = await clouds.start()
    const { body } = await admin(cloud, 'PUT', 'users/ada@example.com', { quota_project_id: 'other-project' })
    expect(body).toMatchObject({ type: 'authorized_user', quota_project_id: 'other-project' })
    const buy = async (refreshToken: string): Promise<Record<string, string>> => {
      const answer = await fetch(`${cloud.locator.http}/token`, {
        method: 'POST',
        body: new URLSearchParams({ grant_type: 'refresh_token', refresh_token: refreshToken }),
      })
      return (await answer.json()) as Record<string, string>
    }
    const { refresh_token: refreshToken } = body as { refresh_token: string }
    const { access_token: token = '' } = await buy(refreshToken)
    const info = await fetch(`${cloud.locator.http}/tokeninfo`, {
      method: 'POST',
      body: new URLSearchParams({ access_token: token }),
    })
    expect(await info.json()).toMatchObject({ email: 'ada@example.com' })
    await grant(cloud, `v3/${PROJECT}`, 'roles/viewer', 'user:ada@example.com')
    expect((await call(cloud, 'GET', `v1/${PROJECT}/topics`, { token })).status).toBe(200)
    expect(await buy(`${refreshToken}x`)).toMatchObject({ error: 'invalid_grant' })
    const wrong = await fetch(`${cloud.locator.http}/tokeninfo`, {
      method: 'POST',
      body: new URLSearchParams({ access_token: 'x' }),
    })
    expect([wrong.status, await wrong.json()]).toMatchObject([400, { error: 'invalid_token' }])
  })
})

describe("a stranger's bucket", () => {
  it('is hidden from everyone here, and its name cannot be taken', async () => {
    const cloud = await clouds.start({ conditions: { takenBuckets: ['imagery-taken'] } })
    const got = await call(cloud, 'GET', 'storage/v1/b/imagery-taken')
    expect(got).toMatchObject({
      status: 403,
      body: { error: { message: expect.stringContaining('does not have storage.buckets.get access') as string } },
    })
    const created = await call(cloud, 'POST', 'storage/v1/b?project=imagery-local', { body: { name: 'imagery-taken' } })
    expect(created).toMatchObject({
      status: 409,
      body: { error: { message: expect.stringContaining('The requested bucket name is not available') as string } },
    })
    const listed = await callApi(cloud, '/storage/v1/b?project=imagery-local&prefix=imagery-')
    expect(await listed.json()).toEqual({ kind: 'storage#buckets' })
  })
})

it('conditions that do not exist are refused', async () => {
  const cloud = await clouds.start()
  expect(await admin(cloud, 'PUT', 'conditions', { grantMs: 1 })).toMatchObject({ status: 400 })
  expect(await admin(cloud, 'GET', 'conditions')).toMatchObject({
    status: 200,
    body: { grantsMs: 0, accountsMs: 0, servicesMs: 0, takenBuckets: [] },
  })
})
