import { randomUUID } from 'node:crypto'
import type { Access, CallContext } from '../../kernel/api.ts'
import type { Clock } from '../../kernel/clock.ts'
import { notEmulated } from '../../kernel/errors.ts'
import type { ProjectQuotas } from '../../kernel/project-quotas.ts'
import { invalidArgument, restError } from '../../kernel/rest-request.ts'
import { parseImageReference } from '../artifact-registry/index.ts'
import { BUILD_REGIONS } from './limits.ts'
import { accountResource, builderNeeds } from './permissions.ts'
import type { Build } from './resources.ts'

/** google.cloud.run.v2.SubmitBuildRequest in proto-loader form. */
export interface SubmitBuildRequest {
  parent: string
  storageSource: { bucket: string; object: string; generation: string } | null
  imageUri: string
  buildpackBuild?: object | null
  dockerBuild?: object | null
  serviceAccount: string
  workerPool: string
  tags: string[]
  machineType: string
  releaseTrack: string
  client: string
}

/** https://cloud.google.com/build/docs/build-config-file-schema#timeout: the longest time of a build. */
const TIMEOUT_SECONDS = 3_600

/** https://cloud.google.com/build/docs/build-config-file-schema#tags: the same number and form as Docker's. */
const TAGS_MAX = 64
const TAG = /^[\w][\w.-]{0,127}$/

const BUILDER = 'gcr.io/cloud-builders/docker'

export interface SubmissionOptions {
  clock: Clock
  projectId: string
  projectNumber: string
  access: Pick<Access, 'has'>
  hasAccount: (email: string) => boolean
  /** The generation of the live object; undefined when there is none. */
  objectGeneration: (bucket: string, object: string) => string | undefined
  logUrl: (buildId: string) => string
  quotas: Pick<ProjectQuotas, 'buildRegions'>
}

/**
 * The queued build of a request. Throws GoogleError as SubmitBuild does
 * (https://cloud.google.com/run/docs/reference/rpc/google.cloud.run.v2#submitbuildrequest).
 */
export function submittedBuild(request: SubmitBuildRequest, _call: CallContext, options: SubmissionOptions): Build {
  const { clock, projectId, projectNumber } = options
  const [, project, location] = /^projects\/([^/]+)\/locations\/([a-z]+-[a-z]+\d+)$/.exec(request.parent) ?? []
  if (project === undefined || location === undefined) {
    throw invalidArgument(`Invalid parent "${request.parent}": expected projects/PROJECT/locations/REGION`)
  }
  if (project !== projectId && project !== projectNumber) {
    throw restError(
      'PERMISSION_DENIED',
      `Permission 'cloudbuild.builds.create' denied on resource (or it may not exist).`,
    )
  }
  refuseUnsupported(request)
  checkRegion(location, options.quotas.buildRegions)
  const image = parseImageReference(request.imageUri)
  if (!image || image.digest !== undefined) {
    throw invalidArgument(`image_uri: "${request.imageUri}" is not the name of an image in Artifact Registry`)
  }
  if (request.tags.length > TAGS_MAX || !request.tags.every((tag) => TAG.test(tag))) {
    throw invalidArgument(`tags: at most ${TAGS_MAX}, each of letters, digits, "_", "." and "-"`)
  }
  const serviceAccount = checkedAccount(request.serviceAccount, options)
  const source = checkedSource(request.storageSource, serviceAccount, options)
  const id = randomUUID()
  return {
    id,
    name: `projects/${projectNumber}/locations/${location}/builds/${id}`,
    projectId,
    status: 'QUEUED',
    source: { storageSource: source },
    steps: [
      { name: BUILDER, args: ['build', '--network', 'cloudbuild', '--tag', request.imageUri, '.'], status: 'QUEUED' },
    ],
    createTime: new Date(clock.now()).toISOString(),
    timeout: `${TIMEOUT_SECONDS}s`,
    images: [request.imageUri],
    logsBucket: `gs://${projectNumber}.cloudbuild-logs.googleusercontent.com`,
    logUrl: options.logUrl(id),
    tags: request.tags,
    serviceAccount: `projects/${projectId}/serviceAccounts/${serviceAccount}`,
  }
}

function refuseUnsupported(request: SubmitBuildRequest): void {
  if (request.buildpackBuild) throw notEmulated('SubmitBuild with buildpackBuild (Google Cloud buildpacks)')
  if (!request.dockerBuild) throw invalidArgument('build_type: one of buildpack_build and docker_build is required')
  if (request.workerPool !== '') throw notEmulated('SubmitBuild with workerPool')
  if (request.machineType !== '') throw notEmulated('SubmitBuild with machineType')
}

/**
 * The refusal of a restricted region is Cloud Build's, as Cloud Run passes it on (google-github-actions/deploy-cloudrun#480,
 * with the page that later versions of the message name). Google's answer for a region without Cloud Build is not known;
 * this one is that of other APIs.
 */
function checkRegion(location: string, allowed: readonly string[]): void {
  if (!BUILD_REGIONS.includes(location))
    throw restError('NOT_FOUND', `Location ${location} is not found or access is unauthorized.`)
  if (allowed.includes(location)) return
  throw restError(
    'FAILED_PRECONDITION',
    'failed precondition: due to quota restrictions, Cloud Build cannot run builds in this region, see ' +
      'https://cloud.google.com/build/docs/locations#restricted_regions_for_some_projects',
  )
}

/** The email address of the build's account. */
function checkedAccount(asked: string, { projectId, projectNumber, hasAccount }: SubmissionOptions): string {
  // https://cloud.google.com/build/docs/cloud-build-service-account-updates: the default of projects made since 2024.
  const name = asked || `${projectNumber}-compute@developer.gserviceaccount.com`
  const [, email] =
    /^projects\/[^/]+\/serviceAccounts\/([^/@\s]+@[^/@\s]+)$/.exec(accountResource(name, projectId)) ?? []
  if (email === undefined) {
    throw invalidArgument(`service_account: "${asked}" is not projects/PROJECT/serviceAccounts/ACCOUNT`)
  }
  if (!hasAccount(email)) throw restError('NOT_FOUND', `service account "${email}" not found`)
  return email
}

/** The current source. Cloud Build reads it when the build is submitted. */
function checkedSource(
  source: SubmitBuildRequest['storageSource'],
  builder: string,
  { access, objectGeneration }: SubmissionOptions,
): Build['source']['storageSource'] {
  if (!source || source.bucket === '' || source.object === '') {
    throw invalidArgument('storage_source: bucket and object are required')
  }
  const { bucket, object } = source
  if (!access.has({ email: builder }, builderNeeds.source(bucket, object))) {
    throw invalidArgument(
      `could not resolve source: googleapi: Error 403: ${builder} does not have storage.objects.get access to the ` +
        "Google Cloud Storage object. Permission 'storage.objects.get' denied on resource (or it may not exist)., forbidden",
    )
  }
  const live = objectGeneration(bucket, object)
  const asked = source.generation === '' || source.generation === '0' ? live : source.generation
  if (live === undefined || asked !== live) {
    throw invalidArgument(
      `could not resolve source: googleapi: Error 404: No such object: ${bucket}/${object}, notFound`,
    )
  }
  return { bucket, object, generation: live }
}
