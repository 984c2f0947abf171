import { setTimeout as pause } from 'node:timers/promises'
import { mainService, type DeploymentRef } from '../../contracts/names.ts'
import type { RunSpec } from '../../contracts/run-spec.ts'
import type { StepOutcome, StepReporter } from '../../contracts/steps.ts'
import { localCloud } from '../../google/transport/environment.ts'
import { CloudError } from '../../google/transport/errors.ts'
import { callService } from '../../google/cloud-run/invoke.ts'
import { describeService } from '../../google/cloud-run/services.ts'
import { ServiceTokenError } from '../../google/auth/service-tokens.ts'
import { pauseQueue, tasksInFlight } from '../../google/tasks.ts'
import { duration } from '../runs/watch.ts'

/** Time between two counts of the tasks in flight. */
const COUNT_MS = { google: 1_000, local: 50 }

/** The time of an attempt besides the model call: writing its row, and overhead. */
const ROW_MS = 35_000

/** The longest wait. Answers of the flex tier can take 30 minutes. */
const LONGEST_WAIT_MS = 300_000

export interface DrainOptions {
  place: DeploymentRef
  runId: string
  spec: RunSpec | undefined
  signal?: AbortSignal | undefined
  warnings: string[]
  reporter: StepReporter
}

/**
 * Pauses a run's queues, and waits until each task in flight has a response. By then its row is in the
 * ledger, and its cost can be counted. The wait is bounded: a warning reports tasks that are still in
 * flight after it, which still write their rows to the ledger.
 */
export async function drain(queues: readonly string[], options: DrainOptions): Promise<StepOutcome> {
  const { place, runId, spec, signal, warnings, reporter } = options
  if (!(await pauseQueues(queues, place, runId))) {
    warnings.push(`the queues of run ${runId} could not be paused; tasks in flight are not counted`)
    return { skipped: 'the queues cannot be paused' }
  }
  const longestMs = Math.min(LONGEST_WAIT_MS, (spec?.limits.attempt_timeout_ms ?? 0) + ROW_MS)
  const startedMs = performance.now()
  for (let most = 0; ;) {
    signal?.throwIfAborted()
    const counts = await Promise.all(queues.map((name) => tasksInFlight(name)))
    const left = counts.reduce((sum, count) => sum + count, 0)
    most = Math.max(most, left)
    if (left === 0) return most === 0 ? { skipped: 'none' } : { done: `waited for ${tasks(most)}` }
    if (performance.now() - startedMs > longestMs) {
      const message = `${tasks(left)} of run ${runId} did not finish within ${duration(longestMs)}; their cost is not counted, and only the ledger gets their rows`
      warnings.push(message)
      return { done: `${tasks(left)} did not finish` }
    }
    reporter.detail(`waiting for ${tasks(left)} to write their rows, at most ${duration(longestMs)}`)
    await pause(COUNT_MS[localCloud() ? 'local' : 'google'], undefined, signal ? { signal } : {}).catch(() =>
      signal?.throwIfAborted(),
    )
  }
}

const tasks = (count: number): string => `${count.toLocaleString('en')} ${count === 1 ? 'task' : 'tasks'}`

/** Pauses through the service, whose account may do this. Without the service, or with an older one, uses the caller's own permissions. */
async function pauseQueues(queues: readonly string[], place: DeploymentRef, runId: string): Promise<boolean> {
  const main = await describeService(place, mainService(place))
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
