import { AttemptFailure } from './models/model.ts'

/**
 * How an instance ends, in two steps. Cloud Run kills it 10 s after SIGTERM
 * (https://cloud.google.com/run/docs/container-contract#instance-shutdown): a call to a model that
 * begins after the signal would most likely be paid for nothing, and what has not ended shortly
 * before the kill must be given up in time for its rows to be written.
 */
export class Shutdown {
  readonly #begun = new AbortController()
  readonly #over = new AbortController()

  /** Aborted by the signal to end: nothing new is begun. */
  get begun(): AbortSignal {
    return this.#begun.signal
  }

  /** Aborted when no time is left: what is under way is given up. */
  get over(): AbortSignal {
    return this.#over.signal
  }

  begin(): void {
    this.#begun.abort(stopped('this instance is stopping'))
  }

  giveUp(): void {
    this.#over.abort(stopped('this instance was stopped before there was an answer'))
  }
}

function stopped(message: string): AttemptFailure {
  return new AttemptFailure('timeout', message, { retryable: true })
}
