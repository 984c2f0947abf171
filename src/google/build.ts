import type { BuildsClient } from '@google-cloud/run'
import type { Place } from '../contracts/names.ts'
import { grpcClientOptions } from './credentials.ts'
import { call, CloudError, repeatably } from './errors.ts'
import { callApi, finishOperation, type RestOperation } from './rest.ts'

let client: Promise<BuildsClient> | undefined

async function builds(): Promise<BuildsClient> {
  client ??= Promise.all([import('@google-cloud/run'), grpcClientOptions('')]).then(
    ([{ BuildsClient }, { projectId: _, ...options }]) =>
      new BuildsClient(options as ConstructorParameters<typeof BuildsClient>[0]),
  )
  return client
}

/** A build as its operation tells (https://cloud.google.com/build/docs/api/reference/rest/v1/projects.builds#Build). */
interface Build {
  id?: string
  status?: string
  statusDetail?: string
  logUrl?: string
  failureInfo?: { type?: string; detail?: string }
  steps?: { id?: string; name?: string; status?: string }[]
  results?: { images?: { name?: string; digest?: string }[] }
}

type BuildOperation = RestOperation<{ build?: Build }, Build>

/** Cloud Build's own limit for a build without a timeout of its own is 60 minutes. */
const BUILD_DEADLINE_MS = 70 * 60_000

/**
 * Builds an image from an archive with a Dockerfile, and waits for it. Cloud Run starts the build,
 * but its operation is one of Cloud Build
 * (https://cloud.google.com/run/docs/reference/rpc/google.cloud.run.v2#submitbuildresponse).
 *
 * @param options.serviceAccount e-mail address of the account that Cloud Build acts as
 * @param options.progress called with what the build is doing, e.g. `step 2 of 3`
 * @throws CloudError with the build's own words and where its log is
 */
export async function buildImage(
  place: Place,
  options: {
    source: { bucket: string; object: string; generation: string }
    image: string
    serviceAccount: string
    progress: (text: string) => void
  },
): Promise<void> {
  const client = await builds()
  const account = `projects/${place.projectId}/serviceAccounts/${options.serviceAccount}`
  const [{ buildOperation }] = await repeatably(() =>
    call(
      client.submitBuild({
        parent: `projects/${place.projectId}/locations/${place.region}`,
        storageSource: options.source,
        imageUri: options.image,
        dockerBuild: {},
        serviceAccount: account,
      }),
    ),
  )
  if (!buildOperation?.name) throw new CloudError('INTERNAL', 'Cloud Run started a build without naming its operation')
  const started = await callApi<BuildOperation>('cloudbuild', `v1/${buildOperation.name}`)
  let last: Build = {}
  try {
    const finished = await finishOperation('cloudbuild', started, {
      version: 'v1',
      deadlineMs: BUILD_DEADLINE_MS,
      watch: ({ metadata }) => {
        last = metadata?.build ?? last
        options.progress(progressText(last))
      },
    })
    last = finished.response ?? last
  } catch (error) {
    if (!(error instanceof CloudError) || (error.retryable && !last.status?.includes('FAIL'))) throw error
    throw new CloudError(error.status, failureText(error.message, last), { cause: error })
  }
  if (last.status !== undefined && last.status !== 'SUCCESS')
    throw new CloudError('FAILED_PRECONDITION', failureText(`the build ended ${last.status}`, last))
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

function failureText(message: string, { failureInfo, statusDetail, logUrl }: Build): string {
  const detail = failureInfo?.detail ?? statusDetail
  const why = detail && !message.includes(detail) ? `${message}: ${detail}` : message
  return logUrl ? `${why} (its log: ${logUrl})` : why
}
