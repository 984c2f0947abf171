import type { DeploymentRef } from '../../contracts/names.ts'
import { callApi } from '../rest/rest.ts'
import { CloudError, ifFound } from '../transport/errors.ts'

/** The label with the hash that a service was deployed with. */
export const SOURCE_LABEL = 'imagery-source'

/** What every command asks of a deployed service. */
export interface FoundService {
  url: string
  ready: boolean
  /** The hash that the service was deployed with, cut to the length of a label: its first 63 digits. */
  sourceHash: string
  /** Infinity if the service has no limit of its own. */
  maxInstances: number
}

/** The part of a service that is read (https://cloud.google.com/run/docs/reference/rest/v2/projects.locations.services#Service). */
interface WireService {
  uri?: string
  labels?: Record<string, string>
  terminalCondition?: { state?: string }
  scaling?: { maxInstanceCount?: number }
  template?: { scaling?: { maxInstanceCount?: number } }
}

export function serviceName({ projectId, region }: DeploymentRef, id: string): string {
  return `projects/${projectId}/locations/${region}/services/${id}`
}

/**
 * Returns a service; undefined when there is none, as in a project that has never used Cloud Run. Makes the request itself,
 * because loading the client of Cloud Run would take each command 0.1 s (docs/decisions/0024-cost-of-a-command.md).
 *
 * @throws CloudError
 */
export async function findService(place: DeploymentRef, id: string): Promise<FoundService | undefined> {
  const found = await ifFound(callApi<WireService>('run', `v2/${serviceName(place, id)}`)).catch((error: unknown) => {
    if (error instanceof CloudError && error.reason === 'SERVICE_DISABLED') return undefined
    throw error
  })
  return (
    found && {
      url: found.uri ?? '',
      ready: found.terminalCondition?.state === 'CONDITION_SUCCEEDED',
      sourceHash: found.labels?.[SOURCE_LABEL] ?? '',
      maxInstances: Math.min(
        found.template?.scaling?.maxInstanceCount || Number.POSITIVE_INFINITY,
        found.scaling?.maxInstanceCount || Number.POSITIVE_INFINITY,
      ),
    }
  )
}
