import { callApi, finishOperation, type RestOperation, type Wait } from '../rest/rest.ts'
import { repeatably } from '../transport/errors.ts'
import { settled } from '../transport/settle.ts'

interface Service {
  name?: string
  config?: { name?: string }
  state?: 'ENABLED' | 'DISABLED' | 'STATE_UNSPECIFIED'
}

/**
 * Maximum number of names in one batchGet call
 * (https://cloud.google.com/service-usage/docs/reference/rest/v1/services/batchGet).
 */
const NAMES_AT_ONCE = 30

/** Returns the `services` (such as `run.googleapis.com`) that are not enabled in a project, in their order. */
export async function disabledServices(projectId: string, services: readonly string[]): Promise<string[]> {
  const parent = `projects/${projectId}`
  const enabled = new Set<string>()
  for (let start = 0; start < services.length; start += NAMES_AT_ONCE) {
    const names = services.slice(start, start + NAMES_AT_ONCE).map((service) => `${parent}/services/${service}`)
    const answer = await callApi<{ services?: Service[] }>('serviceusage', `v1/${parent}/services:batchGet`, {
      query: { names },
    })
    for (const { name = '', state } of answer.services ?? []) {
      if (state === 'ENABLED') enabled.add(name.slice(name.lastIndexOf('/') + 1))
    }
  }
  return services.filter((service) => !enabled.has(service))
}

/** Returns a project's number, without the Resource Manager API, which a new project has not enabled. */
export async function projectNumberOfServices(projectId: string): Promise<string | undefined> {
  const path = `v1/projects/${projectId}/services/serviceusage.googleapis.com`
  const { name = '' } = await callApi<Service>('serviceusage', path)
  return /^projects\/(\d+)\//.exec(name)?.[1]
}

/**
 * Creates a service's agent in a project unless it exists, and returns its email address if Google says it
 * (https://cloud.google.com/service-usage/docs/reference/rest/v1beta1/services/generateServiceIdentity).
 */
export async function generateServiceIdentity(
  projectId: string,
  service: string,
  wait: Wait = {},
): Promise<string | undefined> {
  const path = `v1beta1/projects/${projectId}/services/${service}:generateServiceIdentity`
  const started = await callApi<RestOperation<unknown, { email?: string }>>('serviceusage', path, { body: {} })
  const { response } = await finishOperation('serviceusage', started, {
    ...wait,
    version: 'v1beta1',
    deadlineMs: IDENTITY_DEADLINE_MS,
    what: `creating the service agent of ${service}`,
  })
  return response?.email
}

const IDENTITY_DEADLINE_MS = 2 * 60_000

/** How long to wait for the services, and before that for another change of one of them. */
export const ENABLE_DEADLINE_MS = 10 * 60_000

/**
 * Google's FAILED_PRECONDITION for a service that another caller is enabling or disabling
 * (https://github.com/hashicorp/terraform-provider-google/issues/7493).
 */
const ANOTHER_ACTIVATION = /another activation or deactivation is in progress/i

/**
 * Enables services, all or none (https://cloud.google.com/service-usage/docs/reference/rest/v1/services/batchEnable: 20 at
 * most). Waits while another change of one of them is in progress.
 *
 * @param wait.waiting called with what is waited for, and the time waited so far in milliseconds
 */
export async function enableServices(
  projectId: string,
  services: readonly string[],
  wait: { waiting?: (what: string, waitedMs: number) => void; signal?: AbortSignal | undefined } = {},
): Promise<void> {
  const what = services.length === 1 ? `enabling ${services[0]}` : `enabling ${services.length} APIs`
  const enable = async (): Promise<void> => {
    const operation = await callApi<RestOperation>('serviceusage', `v1/projects/${projectId}/services:batchEnable`, {
      body: { serviceIds: services },
    })
    await finishOperation('serviceusage', operation, {
      version: 'v1',
      deadlineMs: ENABLE_DEADLINE_MS,
      what,
      waiting: (waitedMs) => wait.waiting?.(what, waitedMs),
      signal: wait.signal,
    })
  }
  // An operation can also fail for a passing reason, and then has enabled nothing.
  await settled(() => repeatably(enable), {
    isTransient: ({ message }) => ANOTHER_ACTIVATION.test(message),
    settleMs: ENABLE_DEADLINE_MS,
    waiting: (waitedMs) => wait.waiting?.('another change of the same APIs is in progress', waitedMs),
    signal: wait.signal,
  })
}
