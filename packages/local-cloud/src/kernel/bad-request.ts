import { GoogleError } from './errors.ts'

/** One fault of a request's JSON, as google.rpc.BadRequest lists it. */
export interface FieldViolation {
  /** Proto path in snake_case, e.g. `queue.rate_limits.max_burst_size`; absent for the request itself. */
  field?: string
  description: string
}

/** The request's JSON does not fit its proto: lists every violation, one per line, and again as details. */
export function badRequest(violations: readonly FieldViolation[]): GoogleError {
  const message = violations.map(({ description }) => description).join('\n')
  return new GoogleError('INVALID_ARGUMENT', message, {
    details: [{ '@type': 'type.googleapis.com/google.rpc.BadRequest', fieldViolations: violations }],
  })
}

/** Formats `at` as in Google's messages: empty for the request itself. */
export function whereIs(at: string): string {
  return at === '' ? '' : ` at '${at}'`
}

/** Longer values are cut in messages. */
const SHOWN_CHARACTERS = 100

/** Returns a JSON value as shown in messages. */
export function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? 'undefined'
  return text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}…` : text
}
