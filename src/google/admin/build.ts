import type { BuildsClient } from '@google-cloud/run'
import type { DeploymentRef } from '../../contracts/names.ts'
import { grpcClientOptions } from '../auth/credentials.ts'
import { call, CloudError, repeatably } from '../transport/errors.ts'
import { callApi, pollUntilDone, type RestOperation } from '../rest/rest.ts'

let client: Promise<BuildsClient> | undefined

async function builds(): Promise<BuildsClient> {
  client ??= Promise.all([import('@google-cloud/run'), grpcClientOptions('')]).then(
    ([{ BuildsClient }, { projectId: _, ...options }]) =>
      new BuildsClient(options as ConstructorParameters<typeof BuildsClient>[0]),
  )
  return client
}

/** https://cloud.google.com/build/docs/api/reference/rest/v1/projects.builds#Build */
interface Build {
  id?: string
  status?: string
  statusDetail?: string
  logUrl?: string
  failureInfo?: { type?: string; detail?: string }
  steps?: { id?: string; name?: string; status?: string }[]
  images?: string[]
  tags?: string[]
}

/**
 * A build in any other state has ended
 * (https://cloud.google.com/build/docs/api/reference/rest/v1/projects.builds#Status).
 */
const UNDER_WAY: readonly (string | undefined)[] = [undefined, 'STATUS_UNKNOWN', 'PENDING', 'QUEUED', 'WORKING']

/** Cloud Build's default timeout is 60 minutes. */
const BUILD_DEADLINE_MS = 70 * 60_000

export interface BuildOptions {
  source: { bucket: string; object: string; generation: string }
  image: string
  /** Email address of the account that Cloud Build runs as. */
  serviceAccount: string
  /** Identifies the build: if a build with the same tag and image is in progress, imagery waits for it. */
  tag: string
  /** Called with the build's progress, e.g. `step 2 of 3`. */
  progress: (text: string) => void
}

/**
 * Builds an image from an archive with a Dockerfile, and waits for it. If a build of the same image with
 * the same tag is in progress, for example from an interrupted deploy, waits for that build instead.
 *
 * @throws CloudError with the build's own message and the URL of its log
 */
export async function buildImage(place: DeploymentRef, options: BuildOptions): Promise<void> {
  // Checked before each try: a call whose response was lost can have started a build.
  const path = await repeatably(
    async () => (await buildInProgress(place, options)) ?? (await submittedBuild(place, options)),
  )
  const look = (): Promise<Build> => callApi<Build>('cloudbuild', path)
  const build = await pollUntilDone(await look(), {
    look,
    what: `build ${path.slice(path.lastIndexOf('/') + 1)}`,
    isDone: ({ status }) => !UNDER_WAY.includes(status),
    deadlineMs: BUILD_DEADLINE_MS,
    watch: (seen) => options.progress(progressText(seen)),
  })
  if (build.status !== 'SUCCESS') throw new CloudError('FAILED_PRECONDITION', failureText(build))
}

const buildsPath = ({ projectId }: DeploymentRef, region: string): string =>
  `v1/projects/${projectId}/locations/${region}/builds`

/**
 * Returns the path of the newest unfinished build with a tag and image. Listings are newest first.
 *
 * The filter uses the API's own syntax, which gcloud passes through
 * (https://cloud.google.com/build/docs/view-build-results). The image and the state of a build are
 * checked here.
 */
async function buildInProgress(place: DeploymentRef, { tag, image }: BuildOptions): Promise<string | undefined> {
  const path = buildsPath(place, place.region)
  const { builds = [] } = await callApi<{ builds?: Build[] }>('cloudbuild', path, {
    query: { filter: `tags="${tag}"` },
  })
  const found = builds.find(
    ({ id, status, tags, images }) =>
      id !== undefined && UNDER_WAY.includes(status) && tags?.includes(tag) && images?.includes(image),
  )
  return found && `${path}/${found.id}`
}

/**
 * Starts a build and returns its path. Cloud Run starts it, but the operation belongs to Cloud Build
 * (https://cloud.google.com/run/docs/reference/rpc/google.cloud.run.v2#submitbuildresponse).
 */
async function submittedBuild(
  place: DeploymentRef,
  { source, image, serviceAccount, tag }: BuildOptions,
): Promise<string> {
  const client = await builds()
  const [{ buildOperation }] = await call(
    client.submitBuild({
      parent: `projects/${place.projectId}/locations/${place.region}`,
      storageSource: source,
      imageUri: image,
      dockerBuild: {},
      serviceAccount: `projects/${place.projectId}/serviceAccounts/${serviceAccount}`,
      tags: [tag],
    }),
  )
  const name = buildOperation?.name ?? ''
  const [, region] = /\/locations\/([^/]+)\//.exec(name) ?? []
  if (region === undefined) throw new CloudError('INTERNAL', 'Cloud Run started a build without naming its operation')
  const { metadata } = await callApi<RestOperation<{ build?: Build }>>('cloudbuild', `v1/${name}`)
  if (!metadata?.build?.id) throw new CloudError('INTERNAL', `the operation ${name} does not name its build`)
  return `${buildsPath(place, region)}/${metadata.build.id}`
}

function progressText({ status = 'QUEUED', steps = [] }: Build): string {
  if (status === 'PENDING' || status === 'QUEUED') return 'waiting for a builder'
  const finished = steps.filter((step) => step.status === 'SUCCESS').length
  const current = steps.find((step) => step.status === 'WORKING')
  const name = current?.id || current?.name
  return steps.length === 0
    ? 'building'
    : `step ${Math.min(steps.length, finished + 1)} of ${steps.length}${name ? ` (${name})` : ''}`
}

function failureText({ status, failureInfo, statusDetail, logUrl }: Build): string {
  const detail = failureInfo?.detail ?? statusDetail
  const why = `the build ended ${status}${detail ? `: ${detail}` : ''}`
  return logUrl ? `${why} (its log: ${logUrl})` : why
}
