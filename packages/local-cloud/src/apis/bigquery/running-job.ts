import type { DuckDBConnection } from '@duckdb/node-api'
import type { JobError } from './records.ts'

/** Thrown where a job goes no further because it was stopped. */
export class JobStopped extends Error {
  override readonly name = 'JobStopped'
  readonly jobError: JobError

  constructor(jobError: JobError) {
    super(jobError.message)
    this.jobError = jobError
  }
}

/** An interruption that arrives between two statements is lost, so it is repeated. */
const REPEAT_MS = 25

/** A job in progress, which can be stopped. */
export class RunningJob {
  /** Settles when the job has ended, with or without an error. */
  done: Promise<void> = Promise.resolve()
  #connection: DuckDBConnection | undefined
  #stopped: JobError | undefined

  get isStopped(): boolean {
    return this.#stopped !== undefined
  }

  /** Ends the job with this error, unless its outcome is being written already. The first cause counts. */
  stop(cause: JobError): void {
    if (this.#stopped) return
    this.#stopped = cause
    this.#interrupt()
  }

  checkStopped(): void {
    if (this.#stopped) throw new JobStopped(this.#stopped)
  }

  /** Runs statements of the job, whose connection is its own meanwhile. Rejects JobStopped as soon as the job is stopped. */
  async statements<Result>(connection: DuckDBConnection, work: () => Promise<Result>): Promise<Result> {
    this.checkStopped()
    this.#connection = connection
    try {
      return await work()
    } finally {
      this.#connection = undefined
      this.checkStopped()
    }
  }

  #interrupt(): void {
    if (!this.#connection) return
    this.#connection.interrupt()
    setTimeout(() => this.#interrupt(), REPEAT_MS).unref()
  }
}
