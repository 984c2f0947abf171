import { GoogleError } from '../../kernel/errors.ts'
import type { JobError } from './records.ts'

/** Where a bad row is, and what is wrong with it. */
export interface BadRow {
  /** The URI of its file, if it came from Cloud Storage. */
  uri: string | undefined
  message: string
}

/** A load that gave up. Its message says so, and `errors` names the rows. */
export class LoadFailure extends GoogleError {
  readonly errors: readonly JobError[]

  constructor(errors: readonly [JobError, ...JobError[]]) {
    const [{ message, location }] = errors
    super('INVALID_ARGUMENT', message, { reason: 'invalid', ...(location === undefined ? {} : { location }) })
    this.errors = errors
  }
}

/**
 * "At most, five errors of any type are returned regardless of the --max_bad_records value"
 * (https://cloud.google.com/bigquery/docs/loading-data-cloud-storage-json#loading_json_data_into_a_new_table)
 */
const MOST_SHOWN = 5

/** Counts the rows that a load leaves out, `maxBadRecords` at most, and words its errors as BigQuery does. */
export class BadRows {
  readonly #kind: 'CSV' | 'JSON'
  readonly #allowed: number
  readonly #shown: JobError[] = []
  #count = 0

  constructor(kind: 'CSV' | 'JSON', allowed: number) {
    this.#kind = kind
    this.#allowed = allowed
  }

  get count(): number {
    return this.#count
  }

  /** The errors of the rows left out, which a load that succeeds lists too. */
  get errors(): readonly JobError[] {
    return this.#shown
  }

  /**
   * @param rows how many rows were read, with this one
   * @throws LoadFailure if it is one too many
   */
  add({ uri, message }: BadRow, rows: number): void {
    this.#count += 1
    const error = loadError(message, uri)
    if (this.#shown.length < MOST_SHOWN) this.#shown.push(error)
    if (this.#count <= this.#allowed) return
    const counts = `encountered too many errors, giving up. Rows: ${rows}; errors: ${this.#count}`
    throw new LoadFailure([
      loadError(`${this.#kind} table ${counts}. Please look into the errors[] collection for more details.`, uri),
      loadError(`${this.#kind} processing ${counts}; max bad: ${this.#allowed}; error percent: 0`, undefined),
      ...this.#shown,
    ])
  }
}

/** An error about a file's content. Only files of Cloud Storage have a location. */
function loadError(message: string, uri: string | undefined): JobError {
  const text = `Error while reading data, error message: ${message}`
  return uri === undefined
    ? { reason: 'invalid', message: text }
    : { reason: 'invalid', message: `${text} File: ${uri}`, location: uri }
}
