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

/** Nothing more comes of a build in any other state (https://cloud.google.com/build/docs/api/reference/rest/v1/projects.builds#Status). */
const UNDER_WAY: readonly (string | undefined)[] = [undefined, 'STATUS_UNKNOWN', 'PENDING', 'QUEUED', 'WORKING']

/** Cloud Build's own limit for a build without a timeout of its own is 60 minutes. */
const BUILD_DEADLINE_MS = 70 * 60_000

export interface BuildOptions {
  source: { bucket: string; object: string; generation: string }
  image: string
  /** E-mail address of the account that Cloud Build acts as. */
  serviceAccount: string
  /** What the build is found by: one of the same tag and image that is under way already is waited for. */
  tag: string
  /** Called with what the build is doing, e.g. `step 2 of 3`. */
  progress: (text: string) => void
}

/**
 * Builds an image from an archive with a Dockerfile, and waits for it. A build of the same image by
 * the same tag that is under way, as somebody's interrupted deploy leaves one, is waited for instead.
 *
 * @throws CloudError with the build's own words and where its log is
 */
export async function buildImage(place: DeploymentRef, options: BuildOptions): Promise<void> {
  // Looked for before each try: an answer that was lost may have begun a build.
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
 * The path of the newest build by a tag and of an image that is not done. Listings come newest first.
 *
 * The filter is the API's own language, in which gcloud writes what it passes on
 * (https://cloud.google.com/build/docs/view-build-results); whether a build is of this image and under
 * way is looked at here.
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
 * Begins a build and answers its path. Cloud Run starts it, but its operation is one of Cloud Build
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
  if (!metadata?.build?.id) throw new CloudError('INTERNAL', `${name} does not tell of its build`)
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
