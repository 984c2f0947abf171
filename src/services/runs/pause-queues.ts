import { mainService, type DeploymentRef } from '../../contracts/names.ts'
import { ServiceTokenError } from '../../google/auth/service-tokens.ts'
import { callService } from '../../google/cloud-run/invoke.ts'
import { findService } from '../../google/cloud-run/find-service.ts'
import { pauseQueue } from '../../google/tasks.ts'
import { CloudError } from '../../google/transport/errors.ts'

/**
 * Pauses a run's queues. Returns whether they are paused now. Pauses through the service, whose account may do this.
 * Without the service, or with an older one, or if the caller may not see it, uses the caller's own permissions.
 */
export async function pauseQueues(queues: readonly string[], place: DeploymentRef, runId: string): Promise<boolean> {
  const main = await findService(place, mainService(place)).catch((error: unknown) =>
    error instanceof CloudError && error.status === 'PERMISSION_DENIED' ? undefined : Promise.reject(error),
  )
  const answer = main?.ready
    ? await callService(main.url, '/pause', {
        method: 'POST',
        body: { v: 1, run_id: runId },
        timeoutMs: 60_000,
      }).catch((error: unknown) =>
        error instanceof ServiceTokenError || error instanceof CloudError ? undefined : Promise.reject(error),
      )
    : undefined
  if (answer?.status === 200) return true
  try {
    await Promise.all(queues.map((name) => pauseQueue(name)))
    return true
  } catch (error) {
    if (error instanceof CloudError && error.status === 'PERMISSION_DENIED') return false
    throw error
  }
}
