import { AttemptFailure } from './models/model.ts'

/**
 * The two steps of an instance's shutdown. Cloud Run kills it 10 s after SIGTERM
 * (https://cloud.google.com/run/docs/container-contract#instance-shutdown): a model call that starts
 * after the signal would most likely be billed for nothing, and attempts still in progress shortly
 * before the kill must be canceled in time to write their rows.
 */
export class Shutdown {
  readonly #begun = new AbortController()
  readonly #over = new AbortController()

  /** Aborted by the stop signal: nothing new starts. */
  get begun(): AbortSignal {
    return this.#begun.signal
  }

  /** Aborted when no time is left: attempts in progress are canceled. */
  get over(): AbortSignal {
    return this.#over.signal
  }

  begin(): void {
    this.#begun.abort(stopped('this instance is stopping', { countsAsTry: false }))
  }

  giveUp(): void {
    this.#over.abort(stopped('this instance was stopped before the answer arrived', { countsAsTry: true }))
  }
}

/** A unit that was only waiting for its turn has not been tried. */
function stopped(message: string, { countsAsTry }: { countsAsTry: boolean }): AttemptFailure {
  return new AttemptFailure('timeout', message, { retryable: true, countsAsTry })
}
