import type { Job } from '@google-cloud/bigquery'
import { call, cloudError } from '../transport/errors.ts'

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

/** Settles when this process waits for no more jobs. */
export async function jobsSettled(): Promise<void> {
  await Promise.allSettled(waits)
}

/**
 * Waits for a job that this process started. If the wait is interrupted, or ends without the job's outcome,
 * cancels the job, provided that `isLost` says that no other process can use it.
 *
 * @throws the signal's reason when interrupted; otherwise CloudError
 */
export async function waitFor<Result>(
  job: Job,
  work: Promise<Result>,
  isLost: (error: unknown) => boolean = () => true,
): Promise<Result> {
  const wait = waitOrCancel(job, work, isLost)
  waits.add(wait)
  return wait.finally(() => waits.delete(wait))
}

async function waitOrCancel<Result>(
  job: Job,
  work: Promise<Result>,
  isLost: (error: unknown) => boolean,
): Promise<Result> {
  const signal = interruption
  const { promise: interrupted, reject } = Promise.withResolvers<never>()
  const interrupt = (): void => reject(signal?.reason)
  if (signal?.aborted) interrupt()
  signal?.addEventListener('abort', interrupt, { once: true })
  try {
    return await Promise.race([work, interrupted])
  } catch (error) {
    // The wait ends with this error, whatever happens to the job: BigQuery ends it at its time limit at the latest.
    if (signal?.aborted || isLost(error)) await call(job.cancel(), CANCEL_DEADLINE_MS).catch(cloudError)
    throw error
  } finally {
    signal?.removeEventListener('abort', interrupt)
    // The promise that lost the race can still reject.
    work.catch(() => undefined)
    interrupted.catch(() => undefined)
  }
}
