import { setTimeout as pause } from 'node:timers/promises'
import type { DeploymentRef } from '../../contracts/names.ts'
import { longestTryMs, type RunSpec } from '../../contracts/run-spec.ts'
import type { StepOutcome, StepReporter } from '../../contracts/steps.ts'
import { localCloud } from '../../google/transport/environment.ts'
import { tasksInFlight } from '../../google/rest/queues.ts'
import { pauseQueues } from './pause-queues.ts'
import { duration } from './watch.ts'
import { counted } from '../../contracts/count-text.ts'

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
  const longestMs = Math.min(LONGEST_WAIT_MS, (spec ? longestTryMs(spec.limits) : 0) + ROW_MS)
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

const tasks = (count: number): string => counted(count, 'task')
