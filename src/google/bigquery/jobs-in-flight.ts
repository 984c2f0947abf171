import type { Job } from '@google-cloud/bigquery'
import { call, cloudError } from '../transport/errors.ts'

/** What ends the wait for every job of this process: the command's Ctrl-C. */
let interruption: AbortSignal | undefined
const waits = new Set<Promise<unknown>>()

/** Long enough for one call. Whoever has pressed Ctrl-C waits no longer. */
const CANCEL_DEADLINE_MS = 5_000

/** From now on, a job that this process waits for is cancelled when `signal` is aborted: what nobody waits for must not cost money. */
export function cancelJobsOn(signal: AbortSignal): void {
  interruption = signal
}

/** Settles when no job is waited for any more. */
export async function jobsSettled(): Promise<void> {
  await Promise.allSettled(waits)
}

/**
 * Waits for a job that this process has begun. A wait that is interrupted, or ends without the job's outcome,
 * cancels the job, if `isLost` says that nobody else can have use for it then.
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
    // The wait is over with this error, whatever becomes of the job: BigQuery ends it at its time limit at the latest.
    if (signal?.aborted || isLost(error)) await call(job.cancel(), CANCEL_DEADLINE_MS).catch(cloudError)
    throw error
  } finally {
    signal?.removeEventListener('abort', interrupt)
    // The one that lost the race may still reject.
    work.catch(() => undefined)
    interrupted.catch(() => undefined)
  }
}
