import { GoogleError } from './errors.ts'

/** One fault of a request's JSON, as google.rpc.BadRequest lists it. */
export interface FieldViolation {
  /** Proto path in snake_case, e.g. `generation_config.media_resolution`; absent for the request itself. */
  field?: string
  description: string
}

/** The request's JSON does not fit its proto: every violation, one a line, and again as details. */
export function badRequest(violations: readonly FieldViolation[]): GoogleError {
  const message = violations.map(({ description }) => description).join('\n')
  return new GoogleError('INVALID_ARGUMENT', message, {
    details: [{ '@type': 'type.googleapis.com/google.rpc.BadRequest', fieldViolations: violations }],
  })
}
