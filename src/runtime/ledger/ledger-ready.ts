import type { RunSpec } from '../../contracts/run-spec.ts'
import { sleep, type Clock } from '../clock.ts'

/** One request of the command line waits so long; the command line asks again, and shows that it waits. */
const WAIT_MS = 15_000

const FIRST_PAUSE_MS = 250
const LONGEST_PAUSE_MS = 4_000

/** Waits until rows that are streamed into a run's ledger arrive. Returns whether they do by now. */
export async function waitForLedger(
  spec: RunSpec,
  { isReady, clock }: { isReady: (spec: RunSpec, nowMs: number) => Promise<boolean>; clock: Clock },
): Promise<boolean> {
  const untilMs = clock.now() + WAIT_MS
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(LONGEST_PAUSE_MS, pauseMs * 2)) {
    if (await isReady(spec, clock.now())) return true
    if (clock.now() + pauseMs > untilMs) return false
    await sleep(clock, pauseMs)
  }
}
