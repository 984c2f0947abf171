import { createHash } from 'node:crypto'
import type { protos, ServicesClient } from '@google-cloud/run'
import type { Place } from '../contracts/names.ts'
import { grpcClientOptions } from './credentials.ts'
import { call, callUnless, CloudError, cloudError, LONG_CALL_DEADLINE_MS } from './errors.ts'
import { POLICY_VERSION, type Policy, type PolicyHolder } from './policy.ts'

let client: Promise<ServicesClient> | undefined

async function services(): Promise<ServicesClient> {
  client ??= Promise.all([import('@google-cloud/run'), grpcClientOptions('')]).then(
    ([{ ServicesClient }, { projectId: _, ...options }]) =>
      new ServicesClient(options as ConstructorParameters<typeof ServicesClient>[0]),
  )
  return client
}

/** Who may reach a service, beside being allowed to call it (https://cloud.google.com/run/docs/securing/ingress). */
export const INGRESS = {
  all: 'INGRESS_TRAFFIC_ALL',
  internal: 'INGRESS_TRAFFIC_INTERNAL_ONLY',
  'internal-and-cloud-load-balancing': 'INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER',
} as const

/** What a service runs: a container image, or a source archive as it is on Google's Node base image. */
export type Program = { image: string } | { archive: { bucket: string; object: string; generation: string } }

/** What imagery asks of a Cloud Run service. */
export interface ServiceSpec {
  program: Program
  /** SHA-256 of the runtime, kept as a label: the same runtime is not deployed again. */
  sourceHash: string
  /** After `node`. */
  args: readonly string[]
  environment: Record<string, string>
  serviceAccount: string
  /** Requests at once in one instance. */
  concurrency: number
  minInstances: number
  maxInstances: number
  ingress: keyof typeof INGRESS
  timeoutSeconds: number
  memory: string
  cpu: string
  labels: Record<string, string>
}

/** A service as it is deployed. */
export interface ServiceDescription {
  name: string
  url: string
  ready: boolean
  labels: Record<string, string>
  /** The hash that the service was deployed with, as far as a label holds it: its first 63 digits. */
  sourceHash: string
  /** What the service reports when it is not ready. */
  message: string
}

type IService = protos.google.cloud.run.v2.IService

const SOURCE_LABEL = 'imagery-source'
const SPEC_LABEL = 'imagery-spec'

function serviceName({ projectId, region }: Place, id: string): string {
  return `projects/${projectId}/locations/${region}/services/${id}`
}

/** A service; undefined when there is none, as in a project that has never used Cloud Run. */
export async function describeService(place: Place, id: string): Promise<ServiceDescription | undefined> {
  const client = await services()
  try {
    const answer = await callUnless('NOT_FOUND', client.getService({ name: serviceName(place, id) }), undefined)
    return answer && description(answer[0])
  } catch (error) {
    if (error instanceof CloudError && error.reason === 'SERVICE_DISABLED') return undefined
    throw error
  }
}

function description(service: IService): ServiceDescription {
  return {
    name: service.name ?? '',
    url: service.uri ?? '',
    ready: service.terminalCondition?.state === 'CONDITION_SUCCEEDED',
    labels: service.labels ?? {},
    sourceHash: service.labels?.[SOURCE_LABEL] ?? '',
    message: service.terminalCondition?.message ?? '',
  }
}

/**
 * Makes or updates a private service and waits until it is ready. A service that already is as
 * asked is left alone.
 *
 * @throws CloudError FAILED_PRECONDITION with the service's own message when it does not become ready
 */
export async function deployService(
  place: Place,
  id: string,
  spec: ServiceSpec,
): Promise<{ url: string; outcome: 'created' | 'updated' | 'unchanged' }> {
  const client = await services()
  const name = serviceName(place, id)
  const existing = await describeService(place, id)
  if (existing && isAsAsked(existing, spec)) return { url: existing.url, outcome: 'unchanged' }
  const service = { ...serviceMessage(spec), labels: { ...existing?.labels, ...labelsOf(spec) } }
  try {
    const [operation] = existing
      ? await client.updateService({ service: { ...service, name } })
      : await client.createService({ parent: name.slice(0, name.indexOf('/services/')), serviceId: id, service })
    await call(operation.promise(), LONG_CALL_DEADLINE_MS)
    const deployed = await describeService(place, id)
    if (!deployed?.ready) throw new CloudError('FAILED_PRECONDITION', deployed?.message || `${id} did not become ready`)
    return { url: deployed.url, outcome: existing ? 'updated' : 'created' }
  } catch (error) {
    throw cloudError(error)
  }
}

/** Whether a service was deployed with this very spec, and runs. */
export function isAsAsked(existing: ServiceDescription, spec: ServiceSpec): boolean {
  return existing.ready && Object.entries(labelsOf(spec)).every(([key, value]) => existing.labels[key] === value)
}

function labelsOf(spec: ServiceSpec): Record<string, string> {
  return { ...spec.labels, [SOURCE_LABEL]: spec.sourceHash.slice(0, 63), [SPEC_LABEL]: specHash(spec) }
}

/** The same archive may be uploaded anew, as another generation: its hash says what it is. */
function specHash({ program, ...rest }: ServiceSpec): string {
  const what = 'image' in program ? program.image : 'archive'
  return createHash('sha256')
    .update(JSON.stringify([what, rest]))
    .digest('hex')
    .slice(0, 63)
}

/** Google's Node base image for a service that runs a source archive without a build. */
function baseImage(): string {
  return 'us-central1-docker.pkg.dev/serverless-runtimes/google-24-full/runtimes/nodejs22'
}

/** The form that runs an archive without a build: https://cloud.google.com/run/docs/deploying-source-code */
function programMessage(program: Program): object {
  if ('image' in program) return { image: program.image }
  return { image: 'scratch', baseImageUri: baseImage(), sourceCode: { cloudStorageSource: program.archive } }
}

/** Where the container itself answers; from outside, Cloud Run keeps paths that end in z for itself. */
const HEALTH = { httpGet: { path: '/healthz' } }

function serviceMessage(spec: ServiceSpec): IService {
  return {
    ingress: INGRESS[spec.ingress],
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
          // Paid for while there are requests only, which is Cloud Run's default where no resources are named
          // (https://cloud.google.com/run/docs/configuring/billing-settings).
          resources: { limits: { cpu: spec.cpu, memory: spec.memory }, cpuIdle: true, startupCpuBoost: true },
          startupProbe: { ...HEALTH, periodSeconds: 1, timeoutSeconds: 1, failureThreshold: 120 },
          livenessProbe: { ...HEALTH, periodSeconds: 30, timeoutSeconds: 10, failureThreshold: 4 },
        },
      ],
    },
  }
}

/** Who may do what with a service. */
export function servicePolicy(place: Place, id: string): PolicyHolder {
  const resource = serviceName(place, id)
  return {
    async read() {
      const options = { requestedPolicyVersion: POLICY_VERSION }
      const [policy] = await call((await services()).getIamPolicy({ resource, options }))
      return policy as Policy
    },
    async write(policy) {
      await call((await services()).setIamPolicy({ resource, policy }))
    },
  }
}

export async function deleteService(place: Place, id: string): Promise<'deleted' | 'absent'> {
  const client = await services()
  const deletion = client.deleteService({ name: serviceName(place, id) }).then(async ([operation]) => {
    await operation.promise()
    return 'deleted' as const
  })
  return callUnless('NOT_FOUND', deletion, 'absent' as const, LONG_CALL_DEADLINE_MS)
}
