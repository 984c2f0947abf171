import { ArtifactRegistryClient } from '@google-cloud/artifact-registry'
import { OAuth2Client } from 'google-auth-library'
import { afterEach, describe, expect, it } from 'vitest'
import { CHANGE_MS } from '../../src/apis/artifact-registry/repositories.ts'
import { ManualClock } from '../../src/kernel/clock.ts'
import type { LocalCloud } from '../../src/host/local-cloud.ts'
import { accessToken, callApi, LocalClouds } from '../host/local-cloud-fixture.ts'

const clouds = new LocalClouds()
const PARENT = 'projects/imagery-local/locations/us-central1'

const clients: ArtifactRegistryClient[] = []
afterEach(async () => {
  for (const client of clients.splice(0)) await client.close()
})

/** Google's own client, which speaks REST when told to do without gRPC. */
async function clientOf(cloud: LocalCloud): Promise<ArtifactRegistryClient> {
  const authClient = new OAuth2Client()
  authClient.setCredentials({ access_token: await accessToken(cloud) })
  const client = new ArtifactRegistryClient({
    authClient: authClient as never,
    projectId: 'imagery-local',
    fallback: true,
    protocol: 'http',
    apiEndpoint: '127.0.0.1',
    port: Number(new URL(cloud.locator.http).port),
  })
  clients.push(client)
  return client
}

async function create(client: ArtifactRegistryClient, repositoryId: string, repository: object = {}) {
  const request = { parent: PARENT, repositoryId, repository: { format: 'DOCKER' as const, ...repository } }
  const [operation] = await client.createRepository(request)
  const [created] = await operation.promise()
  return created
}

describe('a repository', () => {
  it('is created by a long-running operation, then read, changed, listed and deleted', async () => {
    const client = await clientOf(await clouds.start())
    const created = await create(client, 'imagery', { description: 'images', labels: { app: 'imagery' } })
    expect(created).toMatchObject({
      name: `${PARENT}/repositories/imagery`,
      description: 'images',
      labels: { app: 'imagery' },
      registryUri: 'us-central1-docker.pkg.dev/imagery-local/imagery',
    })
    expect(Number(created.createTime?.seconds)).toBeGreaterThan(1_700_000_000)
    const name = created.name ?? ''
    await client.updateRepository({
      repository: { name, description: 'other' },
      updateMask: { paths: ['description'] },
    })
    const [read] = await client.getRepository({ name })
    expect(read).toMatchObject({
      format: 'DOCKER',
      mode: 'STANDARD_REPOSITORY',
      description: 'other',
      labels: { app: 'imagery' },
    })
    await create(client, 'a-second')
    const [listed] = await client.listRepositories({ parent: PARENT, pageSize: 1 })
    expect(listed.map((repository) => repository.name?.split('/').at(-1))).toEqual(['a-second', 'imagery'])
    const [deletion] = await client.deleteRepository({ name })
    await deletion.promise()
    await expect(client.getRepository({ name })).rejects.toMatchObject({ code: 5 })
    await expect(client.deleteRepository({ name })).rejects.toMatchObject({ code: 5 })
  })

  // https://cloud.google.com/artifact-registry/docs/repositories/cleanup-policy
  it('keeps its cleanup policies', async () => {
    const client = await clientOf(await clouds.start())
    const cleanupPolicies = {
      'delete-old': {
        id: 'delete-old',
        action: 'DELETE' as const,
        condition: { tagState: 'UNTAGGED' as const, olderThan: { seconds: 86_400 } },
      },
      'keep-three': { id: 'keep-three', action: 'KEEP' as const, mostRecentVersions: { keepCount: 3 } },
    }
    const created = await create(client, 'imagery', { cleanupPolicies })
    const [read] = await client.getRepository({ name: created.name ?? '' })
    expect(read.cleanupPolicies).toMatchObject({
      'delete-old': { action: 'DELETE', condition: { tagState: 'UNTAGGED', olderThan: { seconds: '86400' } } },
      'keep-three': { action: 'KEEP', mostRecentVersions: { keepCount: 3 } },
    })
  })

  it('exists once its operation is done, even after a restart in the middle', async () => {
    const clock = new ManualClock()
    const cloud = await clouds.start({ clock })
    const route = `/v1/${PARENT}/repositories`
    const begun = await callApi(cloud, `${route}?repositoryId=imagery`, { method: 'POST', body: '{"format":"DOCKER"}' })
    const { name, done } = (await begun.json()) as { name: string; done?: boolean }
    expect([name, done]).toEqual([expect.stringMatching(`^${PARENT}/operations/[0-9a-f-]{36}$`), undefined])
    expect((await callApi(cloud, `${route}/imagery`)).status).toBe(404)
    await cloud.stop()
    const again = await clouds.start({ clock })
    await clock.advance(CHANGE_MS)
    expect(await (await callApi(again, `/v1/${name}`)).json()).toMatchObject({
      done: true,
      response: { '@type': 'type.googleapis.com/google.devtools.artifactregistry.v1.Repository' },
    })
    expect((await callApi(again, `${route}/imagery`)).status).toBe(200)
  })

  it('is not created when a fault rule fails its operation', async () => {
    const effect = { kind: 'error', status: 'INTERNAL' } as const
    const cloud = await clouds.start({
      faults: [{ method: 'operation/artifactregistry.repositories.create', times: 1, effect }],
    })
    const client = await clientOf(cloud)
    await expect(create(client, 'imagery')).rejects.toMatchObject({ code: 13 })
    expect((await create(client, 'imagery')).name).toBe(`${PARENT}/repositories/imagery`)
    await expect(create(client, 'imagery')).rejects.toMatchObject({
      code: 6,
      message: expect.stringContaining('already exists') as string,
    })
  })
})

describe('the IAM policy of a repository', () => {
  it('is stored with an etag, rejects a write with a stale etag, and is deleted with the repository', async () => {
    const client = await clientOf(await clouds.start())
    const resource = (await create(client, 'imagery')).name ?? ''
    const [before] = await client.getIamPolicy({ resource })
    expect(before.bindings ?? []).toEqual([])
    const bindings = [{ role: 'roles/artifactregistry.reader', members: ['user:a@example.com'] }]
    const [after] = await client.setIamPolicy({ resource, policy: { ...before, bindings } })
    expect(after.bindings).toMatchObject(bindings)
    await expect(client.setIamPolicy({ resource, policy: { ...before, bindings: [] } })).rejects.toMatchObject({
      code: 10,
    })
    expect((await client.getIamPolicy({ resource }))[0].bindings).toMatchObject(bindings)
    await expect(
      client.setIamPolicy({ resource, policy: { bindings: [{ role: 'roles/run.admin!', members: [] }] } }),
    ).rejects.toMatchObject({ code: 3 })
    const permissions = ['artifactregistry.repositories.uploadArtifacts']
    expect((await client.testIamPermissions({ resource, permissions }))[0].permissions).toEqual(permissions)
    await expect(client.getIamPolicy({ resource: `${PARENT}/repositories/none` })).rejects.toMatchObject({ code: 5 })
    await (await client.deleteRepository({ name: resource }))[0].promise()
    await create(client, 'imagery')
    expect((await client.getIamPolicy({ resource }))[0].bindings ?? []).toEqual([])
  })
})

describe('refuses what Google refuses', () => {
  const body = (repository: object): string => JSON.stringify({ format: 'DOCKER', ...repository })
  it.each([
    ['an id with capitals', 'repositoryId=Imagery', body({}), 400, 'Imagery'],
    ['an id that ends with a hyphen', 'repositoryId=imagery-', body({}), 400, 'imagery-'],
    ['an id of 64 characters', `repositoryId=${'a'.repeat(64)}`, body({}), 400, 'at most 63'],
    ['no id', '', body({}), 400, 'repository_id'],
    ['no format', 'repositoryId=imagery', '{}', 400, 'format'],
    [
      'an unknown field',
      'repositoryId=imagery',
      body({ colour: 'red' }),
      400,
      'Unknown name "colour": Cannot find field.',
    ],
    ['an unknown format', 'repositoryId=imagery', body({ format: 'PODMAN' }), 400, "Invalid value at 'format'"],
    ['an unknown query parameter', 'repositoryId=imagery&force=true', body({}), 400, 'Unknown name "force"'],
    ['a label in capitals', 'repositoryId=imagery', body({ labels: { App: 'x' } }), 400, '"App" is not a label key'],
    [
      'a cleanup policy without an action',
      'repositoryId=imagery',
      body({ cleanupPolicies: { a: { id: 'a' } } }),
      400,
      'needs an action',
    ],
    [
      'a cleanup policy of an age in days',
      'repositoryId=imagery',
      body({ cleanupPolicies: { a: { action: 'DELETE', condition: { olderThan: '30d' } } } }),
      400,
      '"30d"',
    ],
    ['another format', 'repositoryId=imagery', body({ format: 'NPM' }), 501, 'format NPM'],
    ["a key of one's own", 'repositoryId=imagery', body({ kmsKeyName: 'projects/p/…' }), 501, 'kms_key_name'],
  ])('%s', async (_what, query, text, status, words) => {
    const cloud = await clouds.start()
    const answer = await callApi(cloud, `/v1/${PARENT}/repositories?${query}`, { method: 'POST', body: text })
    expect([answer.status, await answer.json()]).toMatchObject([
      status,
      { error: { code: status, message: expect.stringContaining(words) as string } },
    ])
  })

  it.each([
    ['another project', '/v1/projects/elsewhere/locations/us-central1/repositories', 403],
    ['a location that cannot be', '/v1/projects/imagery-local/locations/Mars/repositories', 400],
    ['an operation that never was', `/v1/${PARENT}/operations/00000000-0000-4000-8000-000000000000`, 404],
    ['a method that is not emulated', `/v1/${PARENT}/repositories/imagery/files`, 501],
  ])('%s', async (_what, route, status) => {
    expect((await callApi(await clouds.start(), route)).status).toBe(status)
  })

  it('a change of format', async () => {
    const cloud = await clouds.start()
    await create(await clientOf(cloud), 'imagery')
    const answer = await callApi(cloud, `/v1/${PARENT}/repositories/imagery?updateMask=format`, {
      method: 'PATCH',
      body: body({}),
    })
    expect(answer.status).toBe(400)
  })
})
