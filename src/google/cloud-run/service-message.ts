import type { protos } from '@google-cloud/run'

export type IService = protos.google.cloud.run.v2.IService

/**
 * Networks allowed to reach a service, in addition to the permission to call it
 * (https://cloud.google.com/run/docs/securing/ingress).
 */
export const INGRESS = {
  all: 'INGRESS_TRAFFIC_ALL',
  internal: 'INGRESS_TRAFFIC_INTERNAL_ONLY',
  'internal-and-cloud-load-balancing': 'INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER',
} as const

/** The program of a service: a container image, or an unbuilt source archive on Google's Node base image. */
export type Program = { image: string } | { archive: { bucket: string; object: string } }

/** The settings of a Cloud Run service that imagery deploys. */
export interface ServiceSpec {
  program: Program
  /** SHA-256 of the runtime, stored as a label so that the same runtime is not deployed again. */
  sourceHash: string
  /** Arguments after `node`. */
  args: readonly string[]
  environment: Record<string, string>
  serviceAccount: string
  /** Maximum concurrent requests per instance. */
  concurrency: number
  minInstances: number
  maxInstances: number
  ingress: keyof typeof INGRESS
  timeoutSeconds: number
  memory: string
  cpu: string
  labels: Record<string, string>
}

/**
 * Google's Node base image for a service that runs a source archive without a build. Cloud Run resolves a bare runtime
 * ID, as Google's own GoogleCloudPlatform/cloud-run-mcp sends it (lib/deployment/constants.js,
 * DEFAULT_NODE_BASE_IMAGE). A full address names a stack too, and nodejs22 has other stacks than nodejs24
 * (https://cloud.google.com/run/docs/configuring/services/runtime-base-images).
 */
const BASE_IMAGE = 'nodejs22'

/**
 * The form that runs an archive without a build (https://cloud.google.com/run/docs/deploying-source-code). The archive's
 * name contains the hash of what is in it, so its newest generation is the right one.
 */
function programMessage(program: Program): object {
  if ('image' in program) return { image: program.image }
  const { bucket, object } = program.archive
  return { image: 'scratch', baseImageUri: BASE_IMAGE, sourceCode: { cloudStorageSource: { bucket, object } } }
}

/** The container's own health path. Cloud Run reserves paths that end in z, so outside callers cannot reach it. */
const HEALTH = { httpGet: { path: '/healthz' } }

/** Returns the service message for a spec. */
export function serviceMessage(spec: ServiceSpec): IService {
  return {
    ingress: INGRESS[spec.ingress],
    // Without a number, Cloud Run gives the service one of its own, which can be lower than that of its revisions
    // (google/oss-rebuild#1605, firebase/firebase-tools#9947).
    scaling: { maxInstanceCount: spec.maxInstances },
    template: {
      serviceAccount: spec.serviceAccount,
      timeout: { seconds: spec.timeoutSeconds },
      maxInstanceRequestConcurrency: spec.concurrency,
      scaling: { minInstanceCount: spec.minInstances, maxInstanceCount: spec.maxInstances },
      containers: [
        {
          ...programMessage(spec.program),
          command: ['node'],
          args: [...spec.args],
          env: Object.entries(spec.environment).map(([key, value]) => ({ name: key, value })),
          // Billed only while there are requests, which is Cloud Run's default if no resources are set
          // (https://cloud.google.com/run/docs/configuring/billing-settings).
          resources: { limits: { cpu: spec.cpu, memory: spec.memory }, cpuIdle: true, startupCpuBoost: true },
          startupProbe: { ...HEALTH, periodSeconds: 1, timeoutSeconds: 1, failureThreshold: 120 },
          livenessProbe: { ...HEALTH, periodSeconds: 30, timeoutSeconds: 10, failureThreshold: 4 },
        },
      ],
    },
  }
}
