import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { callApi } from '../host/local-cloud-fixture.ts'
import {
  BUILDER,
  buildIdOf,
  buildOf,
  dockerfile,
  grant,
  IMAGE,
  logOf,
  PARENT,
  REPOSITORY,
  startBuildHarness,
  type BuildHarness,
} from './build-fixture.ts'

let harness: BuildHarness
beforeAll(async () => {
  harness = await startBuildHarness()
  await harness.upload('app.tar.gz', { Dockerfile: dockerfile(), 'server.mjs': '' })
})
afterAll(() => harness.stop())

describe('a build', () => {
  it('is submitted through Cloud Run, followed through Cloud Build, and pushes an image', async () => {
    const [{ buildOperation }] = await harness.builds.submitBuild({
      parent: PARENT,
      storageSource: { bucket: 'sources', object: 'app.tar.gz' },
      imageUri: `${IMAGE}:first`,
      dockerBuild: {},
      serviceAccount: `projects/imagery-local/serviceAccounts/${BUILDER}`,
    })
    expect(buildOperation).toMatchObject({
      name: expect.stringMatching('^operations/build/imagery-local/[A-Za-z0-9]{48}$') as string,
      done: false,
      metadata: { type_url: 'type.googleapis.com/google.devtools.cloudbuild.v1.BuildOperationMetadata' },
    })
    const operation = await harness.finished(`${PARENT}/operations/${buildIdOf(buildOperation?.name)}`)
    expect(operation.error).toBeUndefined()
    const build = buildOf(operation)
    expect(build).toMatchObject({
      status: 'SUCCESS',
      projectId: 'imagery-local',
      images: [`${IMAGE}:first`],
      results: {
        images: [{ name: `${IMAGE}:first`, digest: expect.stringMatching(/^sha256:[0-9a-f]{64}$/) as string }],
      },
      steps: [{ name: 'gcr.io/cloud-builders/docker', status: 'SUCCESS' }],
      serviceAccount: `projects/imagery-local/serviceAccounts/${BUILDER}`,
    })
    const name = `${PARENT}/builds/${build.id}`
    expect((await harness.cloudBuild.projects.locations.builds.get({ name })).data).toEqual(build)
    const { data } = await harness.cloudBuild.projects.locations.builds.list({ parent: PARENT, pageSize: 1 })
    expect(data.builds).toEqual([build])
  })

  it('pushes an image that Artifact Registry lists, under its tag and its digest', async () => {
    const build = buildOf(await harness.build({ Dockerfile: dockerfile(), 'server.mjs': '1' }, `${IMAGE}:one`))
    const digest = build.results?.images?.[0]?.digest ?? ''
    const listed = await harness.call(`/v1/${REPOSITORY}/dockerImages`)
    expect(listed['dockerImages']).toContainEqual(
      expect.objectContaining({
        name: `${REPOSITORY}/dockerImages/app@${digest}`,
        uri: `${IMAGE}@${digest}`,
        tags: ['one'],
      }),
    )
    expect(await harness.call(`/v1/${REPOSITORY}/packages/app/tags/one`)).toEqual({
      name: `${REPOSITORY}/packages/app/tags/one`,
      version: `${REPOSITORY}/packages/app/versions/${digest}`,
    })
    const version = `/v1/${REPOSITORY}/packages/app/versions/${digest}`
    expect((await callApi(harness.cloud, version, { method: 'DELETE' })).status).toBe(400)
    await harness.call(`${version}?force=true`, { method: 'DELETE' })
    await expect.poll(async () => (await callApi(harness.cloud, version)).status).toBe(404)
    expect((await callApi(harness.cloud, `/v1/${REPOSITORY}/packages/app/tags/one`)).status).toBe(404)
  })

  it('is found by its tags and status; an unsupported filter is refused', async () => {
    const tag = `hash-${randomUUID().slice(0, 8)}`
    const operation = await harness.submit('app.tar.gz', { tags: [tag, 'second'] })
    const listed = async (filter: string) => {
      const { data } = await harness.cloudBuild.projects.locations.builds.list({ parent: PARENT, filter })
      return (data.builds ?? []).map(({ id }) => id)
    }
    const { id } = buildOf(await harness.finished(operation))
    expect(await listed(`tags="${tag}"`)).toEqual([id])
    expect(await listed(`tags = ${tag} AND tags="second" AND status="SUCCESS"`)).toEqual([id])
    expect(await listed(`tags="${tag}" AND status="WORKING"`)).toEqual([])
    for (const filter of [`tags="${tag}" OR status="WORKING"`, 'tags:x', 'images="x"', 'tags="x" AND ', 'tags="a" "b"'])
      expect((await callApi(harness.cloud, `/v1/${PARENT}/builds?${new URLSearchParams({ filter })}`)).status).toBe(501)
  })

  it('of the same files has the same digest; of other files, a different one', async () => {
    const digests: (string | null | undefined)[] = []
    for (const content of ['a', 'a', 'b']) {
      const build = buildOf(await harness.build({ Dockerfile: dockerfile(), 'server.mjs': content }))
      digests.push(build.results?.images?.[0]?.digest)
    }
    expect(digests[1]).toBe(digests[0])
    expect(digests[2]).not.toBe(digests[0])
  })

  it('writes its log to the logs bucket step by step', async () => {
    const build = buildOf(await harness.build({ Dockerfile: dockerfile(), 'server.mjs': '' }))
    const log = await logOf(harness, build)
    expect(log.split('\n')).toEqual(
      expect.arrayContaining([
        `starting build "${build.id}"`,
        'FETCHSOURCE',
        'BUILD',
        'Step 1/4 : FROM node:22-slim',
        'Step 3/4 : COPY . ./',
        'Step 4/4 : CMD ["node", "server.mjs"]',
        'PUSH',
        'DONE',
      ]),
    )
    const buckets = await harness.call('/storage/v1/b?project=imagery-local')
    expect((buckets['items'] as { name: string }[]).map(({ name }) => name)).toEqual(['sources'])
  })
})

describe('a build that cannot succeed', () => {
  it.each([
    [
      'of a missing repository',
      'app.tar.gz',
      { imageUri: 'us-central1-docker.pkg.dev/imagery-local/none/app' },
      'Repository "none" not found',
    ],
    ['of an archive that is none', 'not-an-archive', {}, 'fetching source'],
  ])('%s fails', async (_what, object, changes, words) => {
    await harness.upload('not-an-archive', Buffer.from('hello'))
    const operation = await harness.finished(await harness.submit(object, changes))
    expect(operation).toMatchObject({ done: true, error: { message: 'Build failed; check build logs for details' } })
    const build = buildOf(operation)
    expect(build).toMatchObject({
      status: 'FAILURE',
      failureInfo: { detail: expect.stringContaining(words) as string },
    })
    expect(await logOf(harness, build)).toContain(`ERROR: ${build.failureInfo?.detail}`)
  })

  it('by an account that may not push fails and names the missing permission', async () => {
    const accountId = `weak-${randomUUID().slice(0, 8)}`
    await harness.call('/v1/projects/imagery-local/serviceAccounts', { body: { accountId } })
    const email = `${accountId}@imagery-local.iam.gserviceaccount.com`
    await grant(harness, 'roles/storage.objectViewer', email)
    const changes = { serviceAccount: `projects/imagery-local/serviceAccounts/${email}` }
    const first = buildOf(await harness.finished(await harness.submit('app.tar.gz', changes)))
    expect(first.failureInfo?.detail).toContain('roles/logging.logWriter')
    await grant(harness, 'roles/logging.logWriter', email)
    const second = buildOf(await harness.finished(await harness.submit('app.tar.gz', changes)))
    expect(second.failureInfo).toEqual({
      type: 'PUSH_NOT_AUTHORIZED',
      detail: `denied: Permission "artifactregistry.repositories.uploadArtifacts" denied on resource "${REPOSITORY}" (or it may not exist)`,
    })
    await harness.call(`/v1/${REPOSITORY}:setIamPolicy`, {
      body: { policy: { bindings: [{ role: 'roles/artifactregistry.writer', members: [`serviceAccount:${email}`] }] } },
    })
    const third = buildOf(await harness.finished(await harness.submit('app.tar.gz', changes)))
    expect(third.status).toBe('SUCCESS')
    await grant(harness, 'roles/storage.objectViewer', email, false)
    await expect(harness.submit('app.tar.gz', changes)).rejects.toMatchObject({
      code: 3,
      details: expect.stringContaining('storage.objects.get') as string,
    })
  })

  it.each([
    ['no source', { storageSource: null }, 3, 'storage_source'],
    [
      'a missing source',
      { storageSource: { bucket: 'sources', object: 'none.tar.gz' } },
      3,
      'No such object: sources/none.tar.gz',
    ],
    [
      'an older generation of its source',
      { storageSource: { bucket: 'sources', object: 'app.tar.gz', generation: 17 } },
      3,
      'No such object',
    ],
    ['no kind of build', { dockerBuild: null }, 3, 'build_type'],
    ['buildpacks', { dockerBuild: null, buildpackBuild: {} }, 12, 'buildpackBuild'],
    ['a worker pool', { workerPool: `${PARENT}/workerPools/mine` }, 12, 'workerPool'],
    ['an image of another registry', { imageUri: 'docker.io/library/app' }, 3, 'image_uri'],
    [
      'a missing account',
      { serviceAccount: 'projects/imagery-local/serviceAccounts/none@imagery-local.iam.gserviceaccount.com' },
      7,
      'or it may not exist',
    ],
    ['the default account, which does not exist', { serviceAccount: '' }, 5, 'compute@developer.gserviceaccount.com'],
    ['a location that cannot be', { parent: 'projects/imagery-local/locations/-' }, 3, 'Invalid parent'],
    ['another project', { parent: 'projects/elsewhere/locations/us-central1' }, 7, 'denied'],
  ])('with %s is refused', async (_what, changes, code, words) => {
    await expect(harness.submit('app.tar.gz', changes)).rejects.toMatchObject({
      code,
      details: expect.stringContaining(words) as string,
    })
  })

  it('is named in the JSON answer, whose operation has no region and cannot be read again', async () => {
    const body = {
      storageSource: { bucket: 'sources', object: 'app.tar.gz' },
      imageUri: `${IMAGE}:json`,
      dockerBuild: {},
      serviceAccount: `projects/imagery-local/serviceAccounts/${BUILDER}`,
    }
    const { buildOperation } = (await harness.call(`/v2/${PARENT}/builds:submit`, { body })) as {
      buildOperation: { name: string; metadata: { build: { id: string; name: string } } }
    }
    const { id, name } = buildOperation.metadata.build
    expect(name).toMatch(new RegExp(`^projects/\\d+/locations/us-central1/builds/${id}$`))
    expect(buildIdOf(buildOperation.name)).toBe(id)
    expect((await callApi(harness.cloud, `/v1/${buildOperation.name}`)).status).toBe(404)
    expect((await callApi(harness.cloud, `/v1/projects/imagery-local/builds/${id}`)).status).toBe(404)
    expect(await harness.call(`/v1/${PARENT}/builds/${id}`)).toMatchObject({ id, name })
    await harness.finished(`${PARENT}/operations/${id}`)
  })

  it.each([
    ['outside those that a new project may build in', 'europe-west4', 9, 'cannot run builds in this region'],
    ['in which there is no Cloud Build', 'asia-southeast3', 5, 'Location asia-southeast3 is not found'],
  ])('in a region %s is refused', async (_what, region, code, words) => {
    const parent = `projects/imagery-local/locations/${region}`
    await expect(harness.submit('app.tar.gz', { parent })).rejects.toMatchObject({
      code,
      details: expect.stringContaining(words) as string,
    })
  })

  it('is not found under another ID or in another location', async () => {
    const operation = await harness.submit('app.tar.gz')
    const elsewhere = operation.replace('us-central1', 'europe-west1')
    expect((await callApi(harness.cloud, `/v1/${elsewhere}`)).status).toBe(404)
    expect((await callApi(harness.cloud, `/v1/${PARENT}/builds/none`)).status).toBe(404)
    expect((await callApi(harness.cloud, `/v1/${PARENT}/builds/none:cancel`, { method: 'POST' })).status).toBe(501)
    await harness.finished(operation)
  })
})
