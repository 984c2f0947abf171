import { decodeJwt } from 'jose'
import { describe, expect, it } from 'vitest'
import { ManualClock } from '../../src/kernel/clock.ts'
import { createAccount, iamClients, PROJECT, refusal } from './iam-fixture.ts'
import { LocalClouds } from '../host/local-cloud-fixture.ts'

const clouds = new LocalClouds()
const runtime = 'imagery-runtime@imagery-local.iam.gserviceaccount.com'

describe('service accounts', () => {
  it('are created, found by email and unique ID, listed in order, changed and deleted', async () => {
    const { accounts } = await iamClients(await clouds.start())
    const requestBody = { accountId: 'imagery-runtime', serviceAccount: { displayName: 'Runtime' } }
    const { data: created } = await accounts.create({ name: PROJECT, requestBody })
    expect(created).toMatchObject({
      name: `${PROJECT}/serviceAccounts/${runtime}`,
      projectId: 'imagery-local',
      email: runtime,
      displayName: 'Runtime',
      uniqueId: expect.stringMatching(/^\d{21}$/),
    })
    for (const name of [
      created.name!,
      `projects/-/serviceAccounts/${runtime}`,
      `${PROJECT}/serviceAccounts/${created.uniqueId}`,
    ]) {
      expect((await accounts.get({ name })).data).toEqual(created)
    }
    const patch = {
      serviceAccount: { description: 'of the services', displayName: 'ignored' },
      updateMask: 'description',
    }
    expect((await accounts.patch({ name: created.name!, requestBody: patch })).data).toEqual({
      ...created,
      description: 'of the services',
    })
    const first = await accounts.list({ name: PROJECT, pageSize: 1 })
    expect(first.data.accounts?.map(({ email }) => email)).toEqual([runtime])
    const second = await accounts.list({ name: PROJECT, pageToken: first.data.nextPageToken! })
    expect(second.data.accounts?.map(({ email }) => email)).toEqual(['operator@imagery-local.iam.gserviceaccount.com'])
    expect(second.data.nextPageToken).toBeUndefined()
    await accounts.delete({ name: created.name! })
    expect(await refusal(accounts.get({ name: created.name! }))).toMatchObject({
      code: 404,
      message: 'Unknown service account',
    })
  })

  it('have valid and unique IDs', async () => {
    const { accounts } = await iamClients(await clouds.start())
    const create = (accountId: string) => accounts.create({ name: PROJECT, requestBody: { accountId } })
    for (const accountId of [
      'short',
      'a'.repeat(31),
      'Upper-case',
      '1digit-first',
      'ends-in-hyphen-',
      'under_score',
      '',
    ]) {
      expect([accountId, await refusal(create(accountId))]).toMatchObject([
        accountId,
        { code: 400, status: 'INVALID_ARGUMENT' },
      ])
    }
    await create('a23456')
    expect(await refusal(create('a23456'))).toMatchObject({
      code: 409,
      status: 'ALREADY_EXISTS',
      message: 'Service account a23456 already exists within project projects/imagery-local.',
    })
  })

  it('survive a restart', async () => {
    const cloud = await clouds.start()
    const email = await createAccount(await iamClients(cloud), 'imagery-runtime')
    await cloud.stop()
    const { accounts } = await iamClients(await clouds.start())
    expect((await accounts.get({ name: `${PROJECT}/serviceAccounts/${email}` })).data.email).toBe(email)
  })

  it('get a new unique ID when they are recreated', async () => {
    const clients = await iamClients(await clouds.start())
    const name = `${PROJECT}/serviceAccounts/${await createAccount(clients, 'imagery-runtime')}`
    const before = (await clients.accounts.get({ name })).data.uniqueId
    await clients.accounts.delete({ name })
    await createAccount(clients, 'imagery-runtime')
    expect((await clients.accounts.get({ name })).data.uniqueId).not.toBe(before)
  })
})

describe('IAM Credentials', () => {
  it('issues ID tokens for the requested audience', async () => {
    const clients = await iamClients(await clouds.start())
    const name = `projects/-/serviceAccounts/${await createAccount(clients, 'imagery-invoker')}`
    await grantTokens(clients, 'imagery-invoker')
    const requestBody = { audience: 'https://main.run.app', includeEmail: true }
    const { data } = await clients.credentials.generateIdToken({ name, requestBody })
    expect(decodeJwt(data.token!)).toMatchObject({
      aud: 'https://main.run.app',
      email: 'imagery-invoker@imagery-local.iam.gserviceaccount.com',
    })
    expect(await refusal(clients.credentials.generateIdToken({ name, requestBody: {} }))).toMatchObject({ code: 400 })
  })

  it('issues access tokens for the account with the requested lifetime', async () => {
    const clock = new ManualClock()
    const cloud = await clouds.start({ clock })
    const clients = await iamClients(cloud)
    const name = `projects/-/serviceAccounts/${await createAccount(clients, 'imagery-invoker')}`
    await grantTokens(clients, 'imagery-invoker')
    const scope = ['https://www.googleapis.com/auth/cloud-platform']
    const { data } = await clients.credentials.generateAccessToken({ name, requestBody: { scope, lifetime: '60s' } })
    expect(Date.parse(data.expireTime!)).toBe(clock.now() + 60_000)
    const impersonated = await iamClients(cloud, data.accessToken!)
    const requestBody = { permissions: ['run.services.get'] }
    expect((await impersonated.projects.testIamPermissions({ resource: PROJECT, requestBody })).data).toEqual({})
    await clock.advance(60_000)
    expect(await refusal(impersonated.projects.testIamPermissions({ resource: PROJECT, requestBody }))).toMatchObject({
      code: 401,
    })
    expect(
      await refusal(clients.credentials.generateAccessToken({ name, requestBody: { scope, lifetime: '3601s' } })),
    ).toMatchObject({ code: 400 })
  })
})

async function grantTokens({ accounts }: Awaited<ReturnType<typeof iamClients>>, id: string): Promise<void> {
  await accounts.setIamPolicy({
    resource: `${PROJECT}/serviceAccounts/${id}@imagery-local.iam.gserviceaccount.com`,
    requestBody: {
      policy: {
        bindings: [
          {
            role: 'roles/iam.serviceAccountTokenCreator',
            members: ['serviceAccount:operator@imagery-local.iam.gserviceaccount.com'],
          },
        ],
      },
    },
  })
}
