import type { Job } from '@google-cloud/bigquery'
import { call, cloudError, CloudError } from '../transport/errors.ts'

/** Ends the wait for every job of this process: the command's Ctrl-C. */
let interruption: AbortSignal | undefined
const waits = new Set<Promise<unknown>>()

/** Long enough for one call. A user who pressed Ctrl-C should not wait longer. */
const CANCEL_DEADLINE_MS = 5_000

/**
 * From now on, aborting `signal` cancels the jobs that this process waits for, because an unneeded job must not cost
 * money.
 */
export function cancelJobsOn(signal: AbortSignal): void {
  interruption = signal
}

/**
 * What can still interrupt a wait that begins now. What a command does after its Ctrl-C, to leave things in order,
 * is not interrupted.
 */
export function interruptionToCome(): AbortSignal | undefined {
  return interruption?.aborted ? undefined : interruption
}

/** Settles when this process waits for no more jobs. */
export async function jobsSettled(): Promise<void> {
  await Promise.allSettled(waits)
}

/**
 * When the end of a wait is to be the end of the job: whenever its outcome is not known then, only when a person
 * interrupts it, or never, because the job belongs to another process.
 */
export type Cancelling = 'always' | 'when interrupted' | 'never'

/**
 * Waits for a job.
 *
 * @param signal `interruptionToCome`, as it was before the job was begun
 * @param work the wait itself, which ends early when it is told that it is over
 * @throws the signal's reason when interrupted; otherwise what `work` throws
 */
export async function waitFor<Result>(
  job: Job,
  signal: AbortSignal | undefined,
  work: (isOver: () => boolean) => Promise<Result>,
  cancelling: Cancelling = 'always',
): Promise<Result> {
  const wait = waitOrCancel(job, signal, work, cancelling)
  waits.add(wait)
  return wait.finally(() => waits.delete(wait))
}

async function waitOrCancel<Result>(
  job: Job,
  signal: AbortSignal | undefined,
  work: (isOver: () => boolean) => Promise<Result>,
  cancelling: Cancelling,
): Promise<Result> {
  const { promise: interrupted, reject } = Promise.withResolvers<never>()
  const interrupt = (): void => reject(signal?.reason)
  if (signal?.aborted) interrupt()
  signal?.addEventListener('abort', interrupt, { once: true })
  let isOver = false
  try {
    return await Promise.race([interrupted, work(() => isOver)])
  } catch (error) {
    const isOpen = !(error instanceof CloudError) || error.retryable
    const isCancelled = (cancelling === 'always' && isOpen) || (cancelling === 'when interrupted' && signal?.aborted)
    // The wait ends with its own error, whatever happens to the job: BigQuery ends it at its time limit at the latest.
    if (isCancelled) await call(job.cancel(), CANCEL_DEADLINE_MS).catch(cloudError)
    throw error
  } finally {
    isOver = true
    signal?.removeEventListener('abort', interrupt)
  }
}
