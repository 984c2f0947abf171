import type { ProtoTime } from '../../kernel/proto-time.ts'
import { GoogleError } from '../../kernel/errors.ts'

/*
 * The resources of google.cloud.run.v2 in proto-loader form (camelCase keys, enums as names, int64
 * as strings), which is also how they are stored
 * (https://cloud.google.com/run/docs/reference/rpc/google.cloud.run.v2).
 */

export interface Probe {
  initialDelaySeconds: number
  timeoutSeconds: number
  periodSeconds: number
  failureThreshold: number
  httpGet?: { path: string; httpHeaders: { name: string; value: string }[]; port: number } | null
  tcpSocket?: { port: number } | null
  grpc?: object | null
}

export interface EnvironmentVariable {
  name: string
  value?: string
  valueSource?: object | null
}

export interface Container {
  name: string
  image: string
  baseImageUri: string
  sourceCode: { cloudStorageSource?: { bucket: string; object: string; generation: string } | null } | null
  command: string[]
  args: string[]
  env: EnvironmentVariable[]
  resources: { limits: Record<string, string>; cpuIdle: boolean; startupCpuBoost: boolean } | null
  ports: { name: string; containerPort: number }[]
  volumeMounts: object[]
  workingDir: string
  livenessProbe: Probe | null
  startupProbe: Probe | null
  readinessProbe: Probe | null
  dependsOn: string[]
  buildInfo: object | null
}

export interface RevisionTemplate {
  revision: string
  labels: Record<string, string>
  annotations: Record<string, string>
  scaling: { minInstanceCount: number; maxInstanceCount: number } | null
  vpcAccess: object | null
  timeout: ProtoTime | null
  serviceAccount: string
  containers: Container[]
  volumes: object[]
  executionEnvironment: string
  encryptionKey: string
  maxInstanceRequestConcurrency: number
  serviceMesh: object | null
  sessionAffinity: boolean
  healthCheckDisabled: boolean
  nodeSelector: object | null
}

export interface Condition {
  type: string
  state: 'CONDITION_PENDING' | 'CONDITION_RECONCILING' | 'CONDITION_FAILED' | 'CONDITION_SUCCEEDED'
  message: string
  lastTransitionTime: ProtoTime
  severity: 'SEVERITY_UNSPECIFIED' | 'ERROR' | 'WARNING' | 'INFO'
  reason?: string
  revisionReason?: string
}

export interface TrafficTarget {
  type: string
  revision: string
  percent: number
  tag: string
}

export interface Service {
  name: string
  description: string
  uid: string
  generation: string
  labels: Record<string, string>
  annotations: Record<string, string>
  createTime: ProtoTime
  updateTime: ProtoTime
  deleteTime: ProtoTime | null
  creator: string
  lastModifier: string
  client: string
  clientVersion: string
  ingress: string
  launchStage: string
  template: RevisionTemplate
  traffic: TrafficTarget[]
  scaling: {
    minInstanceCount: number
    maxInstanceCount: number
    scalingMode: string
    manualInstanceCount?: number
  } | null
  invokerIamDisabled: boolean
  defaultUriDisabled: boolean
  customAudiences: string[]
  urls: string[]
  uri: string
  observedGeneration: string
  terminalCondition: Condition
  conditions: Condition[]
  latestReadyRevision: string
  latestCreatedRevision: string
  trafficStatuses: (TrafficTarget & { uri: string })[]
  reconciling: boolean
  etag: string
  /** Fields of the proto that only ever lead to a refusal here. */
  binaryAuthorization?: object | null
  iapEnabled?: boolean
  multiRegionSettings?: object | null
  buildConfig?: object | null
  threatDetectionEnabled?: boolean
}

export interface Revision {
  name: string
  uid: string
  generation: string
  labels: Record<string, string>
  annotations: Record<string, string>
  createTime: ProtoTime
  updateTime: ProtoTime
  launchStage: string
  service: string
  scaling: RevisionTemplate['scaling']
  maxInstanceRequestConcurrency: number
  timeout: ProtoTime
  serviceAccount: string
  containers: Container[]
  executionEnvironment: string
  reconciling: boolean
  conditions: Condition[]
  observedGeneration: string
  logUri: string
  creator: string
  etag: string
}

export interface ServiceName {
  project: string
  location: string
  service: string
}

/** Reads `projects/P/locations/L`. A location must be a region, not the `-` wildcard. */
export function parseLocation(parent: string): { project: string; location: string } {
  const [, project, location] = /^projects\/([^/]+)\/locations\/([a-z]+-[a-z]+\d+)$/.exec(parent) ?? []
  if (!project || !location) {
    throw new GoogleError('INVALID_ARGUMENT', `Invalid parent "${parent}": expected projects/PROJECT/locations/REGION`)
  }
  return { project, location }
}

/** Reads `projects/P/locations/L/services/S`. */
export function parseServiceName(name: string): ServiceName {
  const [, parent, service] = /^(.+)\/services\/([^/]+)$/.exec(name) ?? []
  if (!parent || !service) {
    throw new GoogleError(
      'INVALID_ARGUMENT',
      `Invalid service name "${name}": expected projects/PROJECT/locations/REGION/services/SERVICE`,
    )
  }
  return { ...parseLocation(parent), service }
}

/** The last segment of a resource name. */
export function shortName(name: string): string {
  return name.slice(name.lastIndexOf('/') + 1)
}
