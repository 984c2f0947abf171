import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { BuildsClient, ServicesClient } from '@google-cloud/run'
import { auth, cloudbuild } from '@googleapis/cloudbuild'
import type { cloudbuild_v1 } from '@googleapis/cloudbuild'
import { credentials, Metadata } from '@grpc/grpc-js'
import { CHANGE_MS } from '../../src/apis/artifact-registry/repositories.ts'
import { ManualClock } from '../../src/kernel/clock.ts'
import { startLocalCloud, type LocalCloud, type LocalCloudOptions } from '../../src/host/local-cloud.ts'
import { accessToken, callApi } from '../host/local-cloud-fixture.ts'
import { eventually, pack } from '../cloud-run/cloud-run-fixture.ts'
import { giveSigningKey } from '../identity/signing-key-fixture.ts'

export const PARENT = 'projects/imagery-local/locations/us-central1'
export const REPOSITORY = `${PARENT}/repositories/images`
export const IMAGE = 'us-central1-docker.pkg.dev/imagery-local/images/app'
export const BUILDER = 'builder@imagery-local.iam.gserviceaccount.com'

/** A local cloud with what a build needs: a bucket, a repository, and an account that may build. */
export interface BuildHarness {
  cloud: LocalCloud
  /** Kept until `stop`, so that another local cloud can continue with it. */
  dataDir: string
  builds: BuildsClient
  services: ServicesClient
  /** Google's own client of Cloud Build. */
  cloudBuild: cloudbuild_v1.Cloudbuild
  /** A REST call as the operator; fails the test when it is refused. */
  call(route: string, init?: { method?: string; body?: unknown }): Promise<Record<string, unknown>>
  /** Puts an archive of the files into the bucket. */
  upload(object: string, archive: Buffer | Record<string, string>): Promise<void>
  /** Submits a build of an archive; its operation by its region, as gcloud reads it. */
  submit(object: string, changes?: object): Promise<string>
  /** The operation of a build, once it is done. */
  finished(operation: string): Promise<cloudbuild_v1.Schema$Operation>
  /** Uploads the files, builds them, and waits. */
  build(files: Record<string, string>, imageUri?: string): Promise<cloudbuild_v1.Schema$Operation>
  stop(): Promise<void>
}

export async function startBuildHarness(options: Partial<LocalCloudOptions> = {}): Promise<BuildHarness> {
  const dataDir = mkdtempSync(path.join(os.tmpdir(), 'imagery-build-'))
  await giveSigningKey(dataDir)
  const cloud = await startLocalCloud({ dataDir, allServicesEnabled: true, ...options })
  const token = await accessToken(cloud)
  const metadata = new Metadata()
  metadata.set('authorization', `Bearer ${token}`)
  const settings = {
    apiEndpoint: cloud.locator.grpc.host,
    port: cloud.locator.grpc.port,
    sslCreds: credentials.combineChannelCredentials(
      credentials.createSsl(readFileSync(cloud.locator.caFile)),
      credentials.createFromMetadataGenerator((_, callback) => callback(null, metadata)),
    ),
    universeDomain: 'googleapis.com',
    projectId: 'imagery-local',
  }
  const oauth = new auth.OAuth2()
  oauth.setCredentials({ access_token: token })
  const builds = new BuildsClient(settings)
  const services = new ServicesClient(settings)
  const cloudBuild = cloudbuild({ version: 'v1', rootUrl: `${cloud.locator.http}/`, auth: oauth })

  const call: BuildHarness['call'] = async (route, init = {}) => {
    const answer = await callApi(cloud, route, {
      method: init.method ?? (init.body === undefined ? 'GET' : 'POST'),
      ...(init.body === undefined
        ? {}
        : { body: JSON.stringify(init.body), headers: { 'content-type': 'application/json' } }),
    })
    const body = (await answer.json()) as Record<string, unknown>
    if (!answer.ok) throw new Error(`${route}: ${JSON.stringify(body)}`)
    return body
  }
  const operation = async (name: string) => (await cloudBuild.projects.locations.operations.get({ name })).data
  const harness: BuildHarness = {
    cloud,
    dataDir,
    builds,
    services,
    cloudBuild,
    call,
    async upload(object, archive) {
      const body = new Uint8Array(Buffer.isBuffer(archive) ? archive : pack(archive))
      const route = `/upload/storage/v1/b/sources/o?uploadType=media&name=${object}`
      const answer = await callApi(cloud, route, {
        method: 'POST',
        body,
        headers: { 'content-type': 'application/gzip' },
      })
      if (!answer.ok) throw new Error(await answer.text())
    },
    async submit(object, changes = {}) {
      const request = {
        parent: PARENT,
        storageSource: { bucket: 'sources', object },
        imageUri: `${IMAGE}:latest`,
        dockerBuild: {},
        serviceAccount: `projects/imagery-local/serviceAccounts/${BUILDER}`,
        ...changes,
      }
      const [answer] = await builds.submitBuild(request)
      return `${request.parent}/operations/${buildIdOf(answer.buildOperation?.name)}`
    },
    async finished(name) {
      await eventually(`the end of ${name}`, async () => (await operation(name)).done === true)
      return operation(name)
    },
    async build(files, imageUri = `${IMAGE}:latest`) {
      const object = `source-${Math.random()}.tar.gz`
      await harness.upload(object, files)
      return harness.finished(await harness.submit(object, { imageUri }))
    },
    async stop() {
      await Promise.all([builds.close(), services.close()])
      await cloud.stop()
      rmSync(dataDir, { recursive: true, force: true })
    },
  }
  await call('/storage/v1/b?project=imagery-local', { body: { name: 'sources' } })
  const { name } = await call(`/v1/${PARENT}/repositories?repositoryId=images`, { body: { format: 'DOCKER' } })
  await call('/v1/projects/imagery-local/serviceAccounts', { body: { accountId: 'builder' } })
  await grant(harness, 'roles/run.builder', BUILDER)
  if (options.clock instanceof ManualClock) await options.clock.advance(CHANGE_MS)
  await eventually('the repository', async () => (await call(`/v1/${String(name)}`))['done'] === true)
  return harness
}

/** The build's id in the name of the operation that SubmitBuild answers with. */
export function buildIdOf(operation: string | null | undefined): string {
  return Buffer.from((operation ?? '').split('/').at(-1) ?? '', 'base64').toString()
}

/** Grants or revokes an account's role on the project. */
export async function grant(
  harness: Pick<BuildHarness, 'call'>,
  role: string,
  email: string,
  isHeld = true,
): Promise<void> {
  const route = '/v1/projects/imagery-local'
  const policy = (await harness.call(`${route}:getIamPolicy`, { body: {} })) as {
    bindings: { role: string; members: string[] }[]
  }
  const bindings = policy.bindings.filter((binding) => binding.role !== role)
  if (isHeld) bindings.push({ role, members: [`serviceAccount:${email}`] })
  await harness.call(`${route}:setIamPolicy`, { body: { policy: { ...policy, bindings } } })
}

/** A Dockerfile of one program, with additional lines. */
export function dockerfile(...lines: string[]): string {
  return ['FROM node:22-slim', 'WORKDIR /app', 'COPY . ./', ...lines, 'CMD ["node", "server.mjs"]', ''].join('\n')
}

/** The build in an operation. */
export function buildOf(operation: cloudbuild_v1.Schema$Operation): cloudbuild_v1.Schema$Build {
  return (operation.metadata as { build: cloudbuild_v1.Schema$Build }).build
}

/** The log of a build, as it is now. */
export async function logOf(
  { cloud }: Pick<BuildHarness, 'cloud'>,
  build: cloudbuild_v1.Schema$Build,
): Promise<string> {
  const bucket = (build.logsBucket ?? '').replace('gs://', '')
  const answer = await callApi(cloud, `/storage/v1/b/${bucket}/o/log-${build.id}.txt?alt=media`)
  return answer.text()
}
