import { longestTryMs, type RunSpec } from '../contracts/run-spec.ts'

/**
 * Cloud Tasks ends an HTTP task's try after at least 15 s and at most 30 min
 * (https://cloud.google.com/tasks/docs/reference/rest/v2/projects.locations.queues.tasks#Task.FIELDS.dispatch_deadline).
 */
const SHORTEST_DISPATCH_SECONDS = 15
const LONGEST_DISPATCH_SECONDS = 1_800

/** Time for a ledger row to become durable, with all retries, once the attempt has ended. */
export const LEDGER_BUDGET_MS = 20_000

/** Extra time around attempt and ledger: loading the spec, a replacement row, the network. */
const MARGIN_MS = 15_000

/**
 * How long Cloud Tasks waits for one try: longer than the wait for a call, the attempt and its ledger row can take, so that
 * no second try starts while the first one runs.
 */
export function dispatchDeadlineSeconds(limits: RunSpec['limits']): number {
  const seconds = Math.ceil((longestTryMs(limits) + LEDGER_BUDGET_MS + MARGIN_MS) / 1_000)
  return Math.min(LONGEST_DISPATCH_SECONDS, Math.max(SHORTEST_DISPATCH_SECONDS, seconds))
}
