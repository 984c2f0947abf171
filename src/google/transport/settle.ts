import { CloudError } from './errors.ts'
import { pause, pausesNow } from './pauses.ts'

/**
 * How long to wait for a change of IAM or of a project's APIs. Google: "typically 2 minutes, potentially 7 minutes or
 * longer" (https://cloud.google.com/iam/docs/access-change-propagation).
 */
export const SETTLE_MS = 10 * 60_000

const FIRST_PAUSE_MS = 250
const LONGEST_PAUSE_MS = 8_000

/** How to repeat work whose failure can pass. */
export interface Settling {
  /** Whether this failure passes once an earlier change has taken effect everywhere. */
  isTransient: (error: CloudError) => boolean | Promise<boolean>
  settleMs: number
  /** Called before each pause with the time waited so far, in milliseconds. */
  waiting?: ((waitedMs: number) => void) | undefined
  /** Ends the wait; the work in progress ends first. */
  signal?: AbortSignal | undefined
}

/**
 * Retries work while `isTransient` accepts its failure, until an earlier change has taken effect everywhere or `settleMs`
 * have passed. Rejects with the last failure, or with the reason of the signal.
 */
export async function settled<Result>(work: () => Promise<Result>, settling: Settling): Promise<Result> {
  const { isTransient, settleMs, waiting, signal } = settling
  const startedMs = pausesNow()
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(LONGEST_PAUSE_MS, pauseMs * 2)) {
    try {
      return await work()
    } catch (error) {
      const waitedMs = pausesNow() - startedMs
      if (!(error instanceof CloudError) || waitedMs + pauseMs > settleMs || !(await isTransient(error))) throw error
      waiting?.(waitedMs)
      await interruptiblePause(pauseMs, signal)
    }
  }
}

/** The number of good answers in a row after which a resource counts as known everywhere. */
const GOOD_READS = 3

/**
 * Reads something new until several reads in a row succeed: Google's servers learn of it one after another, so a read that
 * succeeds can be followed by one that fails (https://github.com/hashicorp/terraform-provider-google/issues/19624).
 */
export async function settledReads(read: () => Promise<unknown>, settling: Settling): Promise<void> {
  const startedMs = pausesNow()
  for (let good = 0; good < GOOD_READS; good++) {
    if (good > 0) await interruptiblePause(FIRST_PAUSE_MS, settling.signal)
    let isGood = true
    const waiting = (waitedMs: number): void => {
      isGood = false
      settling.waiting?.(waitedMs)
    }
    const leftMs = settling.settleMs - (pausesNow() - startedMs)
    await settled(read, { ...settling, waiting, settleMs: leftMs })
    if (!isGood) good = 0
  }
}

/** Pauses, or rejects with the reason of the signal once it is aborted. */
export async function interruptiblePause(durationMs: number, signal: AbortSignal | undefined): Promise<void> {
  if (!signal) return pause(durationMs)
  signal.throwIfAborted()
  const { promise: interrupted, reject } = Promise.withResolvers<never>()
  const interrupt = (): void => reject(signal.reason)
  signal.addEventListener('abort', interrupt)
  try {
    await Promise.race([pause(durationMs), interrupted])
  } finally {
    signal.removeEventListener('abort', interrupt)
  }
}
