import type { Comparison } from '@imagery/viewer/contract/comparison'
import { compareRuns } from '../judge/compare.ts'
import { openJudgedRun } from '../judge/run-rows.ts'
import type { StateStore } from '../session/state-store.ts'
import type { Target } from '../session/target.ts'

/**
 * Finds two runs, and returns a function that compares them once, when it is first asked: that reads both by a query.
 *
 * @throws ImageryError RUN_NOT_FOUND, AMBIGUOUS_RUN_ID or RUN_NOT_COMPLETE
 */
export async function comparing(
  target: Target,
  store: StateStore,
  { a, b, signal }: { a: string; b: string; signal: AbortSignal },
): Promise<() => Promise<Comparison>> {
  const runs = { a: await openJudgedRun(target, store, a), b: await openJudgedRun(target, store, b) }
  let known: Promise<Comparison> | undefined
  return () => {
    if (!known) {
      const asked = compareRuns(runs, { signal })
      known = asked
      // A failure can pass.
      asked.catch(() => (known = undefined))
    }
    return known
  }
}
