import { createHash } from 'node:crypto'
import type { ServicesClient } from '@google-cloud/run'
import type { DeploymentRef } from '../../contracts/names.ts'
import { jsonClientOptions } from '../auth/credentials.ts'
import { call, callUnless, CloudError, cloudError, LONG_CALL_DEADLINE_MS } from '../transport/errors.ts'
import { POLICY_VERSION, type Policy, type PolicyHolder } from '../rest/policy.ts'
import { changedFields } from './drift.ts'
import { serviceName, SOURCE_LABEL } from './find-service.ts'
import { serviceMessage, type IService, type ServiceSpec } from './service-message.ts'

export { INGRESS, type Program, type ServiceSpec } from './service-message.ts'

let client: Promise<ServicesClient> | undefined

async function services(): Promise<ServicesClient> {
  client ??= Promise.all([import('@google-cloud/run'), jsonClientOptions()]).then(
    ([{ ServicesClient }, options]) => new ServicesClient(options as ConstructorParameters<typeof ServicesClient>[0]),
  )
  return client
}

/** A deployed service. */
export interface ServiceDescription {
  name: string
  url: string
  ready: boolean
  labels: Record<string, string>
  /** The hash that the service was deployed with, cut to the length of a label: its first 63 digits. */
  sourceHash: string
  /** The service's own message when it is not ready. */
  message: string
  /** The whole message. */
  service: IService
}

const SPEC_LABEL = 'imagery-spec'

/** Returns a service; undefined when there is none, as in a project that has never used Cloud Run. */
export async function describeService(place: DeploymentRef, id: string): Promise<ServiceDescription | undefined> {
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
    service,
  }
}

/**
 * Creates or updates a private service and waits until it is ready. Skips a service that is already as
 * requested.
 *
 * @throws CloudError FAILED_PRECONDITION with the service's own message when it does not become ready
 */
export async function deployService(
  place: DeploymentRef,
  id: string,
  spec: ServiceSpec,
): Promise<{ url: string; outcome: 'created' | 'updated' | 'unchanged' }> {
  const client = await services()
  const name = serviceName(place, id)
  const existing = await describeService(place, id)
  if (existing && matchesRequest(existing, spec)) return { url: existing.url, outcome: 'unchanged' }
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

/** Whether a service matches this spec and is ready. */
export function matchesRequest(existing: ServiceDescription, spec: ServiceSpec): boolean {
  return existing.ready && fieldsToChange(existing, spec).length === 0
}

/** Returns the names of the fields that a deployment of this spec would change in a service. */
export function fieldsToChange({ service, labels }: ServiceDescription, spec: ServiceSpec): string[] {
  const fields = changedFields(service, serviceMessage(spec))
  if (fields.length > 0) return fields
  return Object.entries(labelsOf(spec)).flatMap(([key, value]) => (labels[key] === value ? [] : [`labels.${key}`]))
}

function labelsOf(spec: ServiceSpec): Record<string, string> {
  return { ...spec.labels, [SOURCE_LABEL]: spec.sourceHash.slice(0, 63), [SPEC_LABEL]: specHash(spec) }
}

/** The same archive can be uploaded again as another generation; its hash identifies it. */
function specHash({ program, ...rest }: ServiceSpec): string {
  const what = 'image' in program ? program.image : 'archive'
  return createHash('sha256')
    .update(JSON.stringify([what, rest]))
    .digest('hex')
    .slice(0, 63)
}

/** The IAM policy of a service. */
export function servicePolicy(place: DeploymentRef, id: string): PolicyHolder {
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

export async function deleteService(place: DeploymentRef, id: string): Promise<'deleted' | 'absent'> {
  const client = await services()
  const deletion = client.deleteService({ name: serviceName(place, id) }).then(async ([operation]) => {
    await operation.promise()
    return 'deleted' as const
  })
  return callUnless('NOT_FOUND', deletion, 'absent' as const, LONG_CALL_DEADLINE_MS)
}
