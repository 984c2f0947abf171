import { randomUUID } from 'node:crypto'
import { callApi, callApiOnce, pollUntilDone, type RestOperation } from '../rest/rest.ts'
import { CloudError, needCloud } from '../transport/errors.ts'
import { pause, pausesNow } from '../transport/pauses.ts'

/** https://cloud.google.com/build/docs/api/reference/rest/v1/projects.builds#Build */
interface Build {
  /** `projects/NUMBER/locations/REGION/builds/ID` */
  name?: string
  id?: string
  status?: string
  statusDetail?: string
  logUrl?: string
  failureInfo?: { type?: string; detail?: string }
  steps?: { id?: string; name?: string; status?: string }[]
  images?: string[]
  tags?: string[]
}

/** A build that Cloud Build has, in any state. */
export interface StartedBuild {
  id: string
  region: string
  logUrl: string | undefined
}

/**
 * A build in any other state has ended
 * (https://cloud.google.com/build/docs/api/reference/rest/v1/projects.builds#Status).
 */
const UNDER_WAY: readonly (string | undefined)[] = [undefined, 'STATUS_UNKNOWN', 'PENDING', 'QUEUED', 'WORKING']

export interface BuildRequest {
  projectId: string
  source: { bucket: string; object: string; generation: string }
  image: string
  /** Email address of the account that Cloud Build runs as. */
  serviceAccount: string
  /** Identifies builds of the same source. */
  tag: string
}

const buildsPath = (projectId: string, region: string): string => `v1/projects/${projectId}/locations/${region}/builds`

/**
 * Returns the newest unfinished build of the same source and image in a region. Listings are newest first.
 *
 * The filter uses the API's own syntax, which gcloud passes through
 * (https://cloud.google.com/build/docs/view-build-results). The image and the state of a build are
 * checked here.
 */
export async function buildInProgress(
  { projectId, tag, image }: Pick<BuildRequest, 'projectId' | 'tag' | 'image'>,
  region: string,
): Promise<StartedBuild | undefined> {
  const builds = await taggedBuilds(projectId, region, tag)
  const found = builds.find(({ status, images }) => UNDER_WAY.includes(status) && images?.includes(image))
  return found && started(found, region)
}

async function taggedBuilds(projectId: string, region: string, tag: string): Promise<Build[]> {
  const query = { filter: `tags="${tag}"` }
  const { builds = [] } = await callApi<{ builds?: Build[] }>('cloudbuild', buildsPath(projectId, region), { query })
  return builds.filter(({ id, tags }) => id !== undefined && tags?.includes(tag))
}

/** After these, Cloud Run can have started a build although its answer was lost. */
const UNCLEAR: ReadonlySet<string> = new Set(['UNAVAILABLE', 'DEADLINE_EXCEEDED', 'INTERNAL', 'CANCELLED', 'UNKNOWN'])

const MOST_TRIES = 4
const FIRST_PAUSE_MS = 1_000

/**
 * Starts one build. When an answer was lost, looks for the build before it submits another.
 *
 * Cloud Run starts it, but it belongs to Cloud Build. The answer's operation names no region (`operations/build/PROJECT/…`),
 * so that it cannot be read again; the build's own name is in its metadata, where gcloud reads it too
 * (lib/googlecloudsdk/command_lib/run/sourcedeploys/deployer.py of google-cloud-sdk; google/oss-rebuild,
 * internal/gcb/gcb.go; googleapis/google-cloud-python#12123).
 *
 * @param progress called with what it waits for
 * @throws CloudError; `isRegionRefusal` tells whether another region can do
 */
export async function startBuild(
  request: BuildRequest,
  region: string,
  progress: (text: string) => void,
): Promise<StartedBuild> {
  const attempt = `imagery-attempt-${randomUUID()}`
  for (let tries = 1; ; tries++) {
    try {
      return await submitted(request, region, attempt)
    } catch (error) {
      needCloud()
      if (!(error instanceof CloudError)) throw error
      const isUnclear = UNCLEAR.has(error.status)
      if (isUnclear) progress(`no answer to the start of the build in ${region}; looking for the build`)
      const found = isUnclear ? await foundSoon(request, region, attempt) : undefined
      if (found) return found
      if (tries === MOST_TRIES || !error.retryable) throw error
      await pause(FIRST_PAUSE_MS * 2 ** (tries - 1))
    }
  }
}

/** https://cloud.google.com/run/docs/reference/rest/v2/projects.locations.builds/submit */
async function submitted(
  { projectId, source, image, serviceAccount, tag }: BuildRequest,
  region: string,
  attempt: string,
): Promise<StartedBuild> {
  const { buildOperation } = await callApiOnce<{ buildOperation?: RestOperation<{ build?: Build }> }>(
    'run',
    `v2/projects/${projectId}/locations/${region}/builds:submit`,
    {
      body: {
        storageSource: source,
        imageUri: image,
        dockerBuild: {},
        serviceAccount: `projects/${projectId}/serviceAccounts/${serviceAccount}`,
        tags: [tag, attempt],
      },
    },
  )
  const build = buildOperation?.metadata?.build ?? {}
  // Cloud Build's operations end in the build's ID, in base64.
  const encoded = /^operations\/build\/[^/]+\/(.+)$/.exec(buildOperation?.name ?? '')?.[1]
  const id = build.id ?? (encoded && Buffer.from(encoded, 'base64').toString())
  if (id) return started({ ...build, id }, region)
  throw new CloudError(
    'UNKNOWN',
    `Cloud Run started a build in ${region} without naming it (${buildOperation?.name ?? 'no operation'})`,
  )
}

function started({ id = '', name = '', logUrl }: Build, region: string): StartedBuild {
  return { id, region: /\/locations\/([^/]+)\//.exec(name)?.[1] ?? region, logUrl }
}

/** A build whose answer was lost is looked for that long: listings can lag. */
const LOOK_MS = 15_000

async function foundSoon(
  { projectId }: BuildRequest,
  region: string,
  attempt: string,
): Promise<StartedBuild | undefined> {
  const until = pausesNow() + LOOK_MS
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs *= 2) {
    const [build] = await taggedBuilds(projectId, region, attempt).catch((error: unknown) => {
      needCloud()
      throw new CloudError(
        'UNKNOWN',
        `it is unclear whether a build was started in ${region}: ${error instanceof Error ? error.message : String(error)}`,
        {
          cause: error,
        },
      )
    })
    if (build) return started(build, region)
    if (pausesNow() + pauseMs > until) return undefined
    await pause(pauseMs)
  }
}

/**
 * Whether Cloud Build does not build in a region for this project. New projects may build only in some regions
 * (https://cloud.google.com/build/docs/locations#restricted_regions_for_some_projects): "due to quota restrictions,
 * cannot run builds in this region" (google-github-actions/deploy-cloudrun#480). Not every region of Cloud Run has
 * Cloud Build, and an organization can allow some regions only.
 */
export function isRegionRefusal({ status, message }: CloudError, region: string): boolean {
  if (status === 'FAILED_PRECONDITION') return /cannot run builds in this region|resourceLocations/.test(message)
  return (status === 'NOT_FOUND' || status === 'INVALID_ARGUMENT') && isAboutLocation(message, region)
}

function isAboutLocation(message: string, region: string): boolean {
  return (
    /\blocation\b/i.test(message) && message.includes(region) && !/service ?account|repositor|bucket/i.test(message)
  )
}

/** Cloud Build's default timeout is 60 minutes. */
const BUILD_DEADLINE_MS = 70 * 60_000

/** How long a build may stay unreadable before imagery stops watching it. */
const UNREADABLE_MS = 10 * 60_000

/**
 * How long a new build may be missing. Google documents no such delay, so it is short; a build that was read once is never
 * missing again.
 */
const MISSING_MS = 60_000

/** How long a failure to read a build may last. The build goes on meanwhile. */
function patienceMs({ status, retryable }: CloudError, wasRead: boolean): number {
  if (status === 'NOT_FOUND') return wasRead ? 0 : MISSING_MS
  // A new grant, or a service in trouble.
  return retryable || status === 'PERMISSION_DENIED' || status === 'UNKNOWN' ? UNREADABLE_MS : 0
}

/**
 * Watches a build until it has ended. Reads it by its region: by its ID alone, Cloud Build finds only builds in the
 * region `global` (googleapis/nodejs-cloudbuild#349, backstage/backstage#21463).
 *
 * @param progress called with the build's progress, e.g. `step 2 of 3`
 * @param signal ends the wait, but not the build
 * @throws CloudError with the build's own message and the URL of its log; BuildUnwatched when it can go on unwatched
 */
export async function finishBuild(
  projectId: string,
  { id, region, logUrl }: StartedBuild,
  progress: (text: string) => void,
  signal?: AbortSignal,
): Promise<void> {
  const path = `${buildsPath(projectId, region)}/${id}`
  let readMs = pausesNow()
  let wasRead = false
  const look = async (): Promise<Build> => {
    try {
      const build = await callApi<Build>('cloudbuild', path)
      readMs = pausesNow()
      wasRead = true
      return build
    } catch (error) {
      needCloud()
      if (!(error instanceof CloudError)) throw error
      const mayTakeMs = patienceMs(error, wasRead)
      if (pausesNow() - readMs >= mayTakeMs) throw new BuildUnwatched({ id, region, logUrl }, error)
      progress(`build ${id} cannot be read (${error.message}); trying again for at most ${mayTakeMs / 60_000} min`)
      return { status: 'STATUS_UNKNOWN', ...(logUrl === undefined ? {} : { logUrl }) }
    }
  }
  const build = await pollUntilDone(await look(), {
    look,
    what: `build ${id}`,
    isDone: ({ status }) => !UNDER_WAY.includes(status),
    deadlineMs: BUILD_DEADLINE_MS,
    watch: (seen) => seen.status !== 'STATUS_UNKNOWN' && progress(progressText(seen)),
    signal,
  })
  if (build.status !== 'SUCCESS') throw new CloudError('FAILED_PRECONDITION', failureText(build))
}

/** A build that was started and cannot be read. Another one must not be started. */
export class BuildUnwatched extends CloudError {
  constructor({ id, region, logUrl }: StartedBuild, cause: CloudError) {
    const where = logUrl ? ` (its log: ${logUrl})` : ''
    super('UNKNOWN', `build ${id} was started in ${region} and cannot be read: ${cause.message}${where}`, { cause })
  }
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
