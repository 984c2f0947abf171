import type { RunSpec } from '../contracts/run-spec.ts'

/** Cloud Tasks gives up an HTTP task's try after 15 s at the least, 30 min at the most (https://cloud.google.com/tasks/docs/reference/rest/v2/projects.locations.queues.tasks#Task.FIELDS.dispatch_deadline). */
const SHORTEST_DISPATCH_SECONDS = 15
const LONGEST_DISPATCH_SECONDS = 1_800

/** Time for a ledger row to become durable, with all retries, once the attempt has ended. */
export const LEDGER_BUDGET_MS = 20_000

/** For what surrounds attempt and ledger: the spec's load, a replacement row, the network. */
const MARGIN_MS = 15_000

/** How long Cloud Tasks waits for one try: longer than the attempt and its ledger row can take, so that no try is doubled while it still works. */
export function dispatchDeadlineSeconds(limits: RunSpec['limits']): number {
  const seconds = Math.ceil((limits.attempt_timeout_ms + LEDGER_BUDGET_MS + MARGIN_MS) / 1_000)
  return Math.min(LONGEST_DISPATCH_SECONDS, Math.max(SHORTEST_DISPATCH_SECONDS, seconds))
}
