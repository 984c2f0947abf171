import type { protos, ServicesClient } from '@google-cloud/run'
import type { Place } from '../contracts/names.ts'
import { grpcClientOptions } from './credentials.ts'
import { call, callUnless, CloudError, cloudError, LONG_CALL_DEADLINE_MS, repeatably } from './errors.ts'

let client: Promise<ServicesClient> | undefined

async function services(): Promise<ServicesClient> {
  client ??= Promise.all([import('@google-cloud/run'), grpcClientOptions('')]).then(
    ([{ ServicesClient }, { projectId: _, ...options }]) =>
      new ServicesClient(options as ConstructorParameters<typeof ServicesClient>[0]),
  )
  return client
}

/** What imagery asks of a Cloud Run service. */
export interface ServiceSpec {
  /** The source archive, run as it is on Google's Node base image. */
  source: { bucket: string; object: string; generation: string }
  /** SHA-256 of the runtime, kept as a label: the same runtime is not deployed again. */
  sourceHash: string
  args: readonly string[]
  environment: Record<string, string>
  serviceAccount: string
  /** Requests at once in one instance. */
  concurrency: number
  maxInstances: number
  timeoutSeconds: number
  memory: string
  cpu: string
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

export async function describeService(place: Place, id: string): Promise<ServiceDescription | undefined> {
  const client = await services()
  const answer = await callUnless('NOT_FOUND', client.getService({ name: serviceName(place, id) }), undefined)
  return answer && description(answer[0])
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
  const labels = { [SOURCE_LABEL]: spec.sourceHash.slice(0, 63), [SPEC_LABEL]: await specHash(spec) }
  const existing = await describeService(place, id)
  if (existing?.ready && Object.entries(labels).every(([key, value]) => existing.labels[key] === value)) {
    return { url: existing.url, outcome: 'unchanged' }
  }
  const service = { ...serviceMessage(spec), labels }
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

async function specHash(spec: ServiceSpec): Promise<string> {
  const { createHash } = await import('node:crypto')
  const { source: _, ...rest } = spec
  return createHash('sha256').update(JSON.stringify(rest)).digest('hex').slice(0, 63)
}

/** Google's Node base image for a service that runs a source archive without a build. */
function baseImage(): string {
  return 'us-central1-docker.pkg.dev/serverless-runtimes/google-24-full/runtimes/nodejs22'
}

/** The form that runs an archive without a build: https://cloud.google.com/run/docs/deploying-source-code */
function serviceMessage(spec: ServiceSpec): IService {
  return {
    ingress: 'INGRESS_TRAFFIC_ALL',
    template: {
      serviceAccount: spec.serviceAccount,
      timeout: { seconds: spec.timeoutSeconds },
      maxInstanceRequestConcurrency: spec.concurrency,
      scaling: { minInstanceCount: 0, maxInstanceCount: spec.maxInstances },
      containers: [
        {
          image: 'scratch',
          baseImageUri: baseImage(),
          sourceCode: { cloudStorageSource: spec.source },
          command: ['node'],
          args: [...spec.args],
          env: Object.entries(spec.environment).map(([key, value]) => ({ name: key, value })),
          resources: { limits: { cpu: spec.cpu, memory: spec.memory }, startupCpuBoost: true },
        },
      ],
    },
  }
}

/** Lets accounts, and nobody else, call a service. Bindings of other roles stay. */
export async function setInvokers(place: Place, id: string, emails: readonly string[]): Promise<void> {
  // Read and write together: the policy's etag sees to it that nobody else's change is lost.
  return repeatably(() => setInvokersOnce(place, id, emails))
}

async function setInvokersOnce(place: Place, id: string, emails: readonly string[]): Promise<void> {
  const client = await services()
  const resource = serviceName(place, id)
  const members = emails.map((email) => `serviceAccount:${email}`).toSorted()
  const [policy] = await call(client.getIamPolicy({ resource }))
  const bindings = policy.bindings ?? []
  const current = bindings.find(({ role }) => role === INVOKER_ROLE)?.members?.toSorted()
  if (JSON.stringify(current) === JSON.stringify(members)) return
  const others = bindings.filter(({ role }) => role !== INVOKER_ROLE)
  await call(
    client.setIamPolicy({ resource, policy: { ...policy, bindings: [...others, { role: INVOKER_ROLE, members }] } }),
  )
}

const INVOKER_ROLE = 'roles/run.invoker'

export async function deleteService(place: Place, id: string): Promise<'deleted' | 'absent'> {
  const client = await services()
  const deletion = client.deleteService({ name: serviceName(place, id) }).then(async ([operation]) => {
    await operation.promise()
    return 'deleted' as const
  })
  return callUnless('NOT_FOUND', deletion, 'absent' as const, LONG_CALL_DEADLINE_MS)
}
