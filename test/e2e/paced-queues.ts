import { setTimeout as pause } from 'node:timers/promises'
import { grpcClientOptions } from '../../src/google/auth/credentials.ts'

export interface QueuePace {
  /** Tasks that each queue sends per second. */
  perSecond: number
  /** How many queues the run has. */
  queues: number
}

/**
 * Sets how fast a run's queues send, so that a run lasts as long as a test needs it to. Tries until
 * the queues are there and the local cloud answers, or the signal says to stop.
 */
export async function paceQueues(
  place: { projectId: string; region: string },
  runId: string,
  options: QueuePace & { signal: AbortSignal },
): Promise<void> {
  const { projectId: _, ...settings } = await grpcClientOptions('')
  // Only after this process knows its local cloud: gRPC reads its certificates when it is loaded.
  const tasks = await import('@google-cloud/tasks')
  const client = new tasks.CloudTasksClient(settings)
  const quick = { timeout: 500, maxRetries: 0 }
  try {
    while (!options.signal.aborted) {
      try {
        const parent = `projects/${place.projectId}/locations/${place.region}`
        const [queues] = await client.listQueues({ parent }, quick)
        const own = queues.filter(({ name }) => name?.includes(runId))
        for (const name of own.map((queue) => queue.name ?? '')) {
          const queue = { name, rateLimits: { maxDispatchesPerSecond: options.perSecond } }
          await client.updateQueue({ queue, updateMask: { paths: ['rate_limits.max_dispatches_per_second'] } }, quick)
        }
        if (own.length >= options.queues) return
      } catch {
        // Killed in the middle of it: the next local cloud will answer.
      }
      await pause(50)
    }
  } finally {
    await client.close()
  }
}
