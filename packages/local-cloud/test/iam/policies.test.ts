import { describe, expect, it } from 'vitest'
import { createAccount, iamClients, PROJECT, refusal, type IamClients } from './iam-fixture.ts'
import { callApi, LocalClouds } from '../host/local-cloud-fixture.ts'

const clouds = new LocalClouds()
const operator = 'serviceAccount:operator@imagery-local.iam.gserviceaccount.com'
const owner = { role: 'roles/owner', members: [operator] }

type Bindings = { role: string; members: string[] }[]

async function setBindings({ projects }: IamClients, bindings: Bindings, etag?: string): Promise<string> {
  const policy = { bindings, ...(etag === undefined ? {} : { etag }) }
  const { data } = await projects.setIamPolicy({ resource: PROJECT, requestBody: { policy } })
  return data.etag!
}

describe('the local project', () => {
  it('belongs to its operator', async () => {
    const { projects } = await iamClients(await clouds.start())
    const { data } = await projects.getIamPolicy({ resource: PROJECT, requestBody: {} })
    expect(data).toMatchObject({ version: 1, bindings: [owner] })
    expect((await projects.get({ name: PROJECT })).data).toMatchObject({ projectId: 'imagery-local', state: 'ACTIVE' })
  })

  it('is also found by its number, with a policy of version 1', async () => {
    const cloud = await clouds.start()
    const { projects } = await iamClients(cloud)
    const { name } = (await projects.get({ name: PROJECT })).data
    expect((await projects.get({ name: name! })).data.projectId).toBe('imagery-local')
    const answer = await callApi(cloud, '/v1/projects/imagery-local')
    expect(await answer.json()).toMatchObject({ projectNumber: name!.split('/')[1], lifecycleState: 'ACTIVE' })
  })
})

describe('a policy', () => {
  it('is replaced as a whole, with one binding per role and unique members in order', async () => {
    const clients = await iamClients(await clouds.start())
    const email = `serviceAccount:${await createAccount(clients, 'imagery-runtime')}`
    await setBindings(clients, [
      owner,
      { role: 'roles/run.viewer', members: ['user:zoe@example.com', email] },
      { role: 'roles/run.viewer', members: [email] },
    ])
    const { data } = await clients.projects.getIamPolicy({ resource: PROJECT, requestBody: {} })
    expect(data.bindings).toEqual([owner, { role: 'roles/run.viewer', members: [email, 'user:zoe@example.com'] }])
  })

  it('is not overwritten by a writer with a stale etag', async () => {
    const clients = await iamClients(await clouds.start())
    const { data } = await clients.projects.getIamPolicy({ resource: PROJECT, requestBody: {} })
    const next = await setBindings(clients, [owner], data.etag!)
    expect(next).not.toBe(data.etag)
    expect(await refusal(setBindings(clients, [owner], data.etag!))).toMatchObject({
      code: 409,
      status: 'ABORTED',
      message: expect.stringMatching(
        /^There were concurrent policy changes\. Please retry the whole read-modify-write/,
      ),
    })
    await setBindings(clients, [owner], next)
  })

  it('names only roles and members that exist', async () => {
    const clients = await iamClients(await clouds.start())
    const set = (role: string, member: string) => refusal(setBindings(clients, [owner, { role, members: [member] }]))
    expect(await set('roles/run.emperor', operator)).toMatchObject({
      code: 400,
      message: 'Role roles/run.emperor is not supported for this resource.',
    })
    const nobody = 'nobody-there@imagery-local.iam.gserviceaccount.com'
    expect(await set('roles/run.viewer', `serviceAccount:${nobody}`)).toMatchObject({
      code: 400,
      status: 'INVALID_ARGUMENT',
      message: `Service account ${nobody} does not exist.`,
    })
    for (const member of ['zoe@example.com', 'robot:zoe@example.com', 'user:zoe', 'allUsers']) {
      expect([member, await set('roles/run.viewer', member)]).toMatchObject([member, { code: 400 }])
    }
  })

  it('of a service account accepts only roles of IAM', async () => {
    const clients = await iamClients(await clouds.start())
    const resource = `${PROJECT}/serviceAccounts/${await createAccount(clients, 'imagery-invoker')}`
    const set = (role: string) =>
      clients.accounts.setIamPolicy({
        resource,
        requestBody: { policy: { bindings: [{ role, members: [operator] }] } },
      })
    expect(await refusal(set('roles/run.invoker'))).toMatchObject({ code: 400 })
    await set('roles/iam.serviceAccountUser')
    expect((await clients.accounts.getIamPolicy({ resource })).data.bindings).toEqual([
      { role: 'roles/iam.serviceAccountUser', members: [operator] },
    ])
    const missing = `${PROJECT}/serviceAccounts/nobody-there@imagery-local.iam.gserviceaccount.com`
    expect(await refusal(clients.accounts.getIamPolicy({ resource: missing }))).toMatchObject({ code: 404 })
  })

  it('keeps a deleted account, marked as deleted, and a new account of that name does not inherit', async () => {
    const cloud = await clouds.start()
    const clients = await iamClients(cloud)
    const email = await createAccount(clients, 'imagery-runtime')
    const { uniqueId } = (await clients.accounts.get({ name: `${PROJECT}/serviceAccounts/${email}` })).data
    await setBindings(clients, [owner, { role: 'roles/run.viewer', members: [`serviceAccount:${email}`] }])
    await clients.accounts.delete({ name: `${PROJECT}/serviceAccounts/${email}` })
    await createAccount(clients, 'imagery-runtime')
    const { data } = await clients.projects.getIamPolicy({ resource: PROJECT, requestBody: {} })
    const deleted = { role: 'roles/run.viewer', members: [`deleted:serviceAccount:${email}?uid=${uniqueId}`] }
    expect(data.bindings).toEqual([owner, deleted])
    await setBindings(clients, data.bindings as Bindings, data.etag!)
  })
})

describe('testIamPermissions', () => {
  it("returns the permissions of the caller's roles: an owner cannot create tokens for other accounts", async () => {
    const { projects } = await iamClients(await clouds.start())
    const permissions = [
      'run.services.create',
      'resourcemanager.projects.setIamPolicy',
      'iam.serviceAccounts.actAs',
      'iam.serviceAccounts.getOpenIdToken',
      'iam.serviceAccounts.getAccessToken',
      'storage.objects.get',
    ]
    const { data } = await projects.testIamPermissions({ resource: PROJECT, requestBody: { permissions } })
    expect(data.permissions).toEqual(permissions.slice(0, 3))
  })

  it('refuses an invalid permission', async () => {
    const { projects } = await iamClients(await clouds.start())
    for (const permission of ['run.services.*', 'run', 'run.services.fly']) {
      const call = projects.testIamPermissions({ resource: PROJECT, requestBody: { permissions: [permission] } })
      expect([permission, await refusal(call)]).toMatchObject([permission, { code: 400 }])
    }
  })
})
