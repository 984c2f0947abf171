/*
 * The resources of Cloud Build v1 in JSON, as they go over the wire and are stored
 * (https://cloud.google.com/build/docs/api/reference/rest/v1/projects.builds).
 */

export type BuildStatus = 'QUEUED' | 'WORKING' | 'SUCCESS' | 'FAILURE' | 'INTERNAL_ERROR' | 'TIMEOUT'

export interface BuildStep {
  name: string
  args: string[]
  status: BuildStatus
  timing?: TimeSpan
}

export interface TimeSpan {
  startTime: string
  endTime?: string
}

export interface Build {
  id: string
  /** `projects/NUMBER/locations/L/builds/ID` */
  name: string
  projectId: string
  status: BuildStatus
  statusDetail?: string
  source: { storageSource: { bucket: string; object: string; generation: string } }
  steps: BuildStep[]
  results?: { images: { name: string; digest: string; pushTiming: TimeSpan }[]; buildStepImages: string[] }
  createTime: string
  startTime?: string
  finishTime?: string
  timeout: string
  images: string[]
  logsBucket: string
  logUrl: string
  tags: string[]
  serviceAccount: string
  failureInfo?: { type: string; detail: string }
}

/** Whether the build has ended. */
export function isFinished({ status }: Build): boolean {
  return status !== 'QUEUED' && status !== 'WORKING'
}

/**
 * `operations/build/P/…`: the name in SubmitBuild's response ends with the build's ID in base64 and has no region
 * (google/oss-rebuild, internal/gcb/gcb.go: "no resource name routing to regional backends due to GCB's legacy operation
 * ID format"; googleapis/google-cloud-python#12123).
 */
export function operationName(build: Build, projectId: string): string {
  return `operations/build/${projectId}/${Buffer.from(build.id).toString('base64')}`
}

/** The region of a build. */
export function locationOf(build: Build): string {
  return build.name.split('/')[3] ?? ''
}
