/**
 * A statement that BigQuery would refuse, in BigQuery's words. `at` is an offset into the statement
 * and becomes ` at [line:column]`, as BigQuery writes it.
 */
export class SqlFailure extends Error {
  override readonly name = 'SqlFailure'
  readonly at: number | undefined
  readonly reason: 'invalidQuery' | 'notFound' | 'invalid' | 'notImplemented' | 'resourcesExceeded'

  constructor(message: string, at?: number, reason: SqlFailure['reason'] = 'invalidQuery') {
    super(message)
    this.at = at
    this.reason = reason
  }
}

/** GoogleSQL that BigQuery runs and the local cloud does not: refused by name, never approximated. */
export function unsupported(what: string, at?: number): SqlFailure {
  return new SqlFailure(
    `${what} is not emulated by the local cloud; see packages/local-cloud/docs/emulator-support.md`,
    at,
    'notImplemented',
  )
}

/** The message with its place: lines and columns count from 1, in characters. */
export function failureMessage(failure: SqlFailure, statement: string): string {
  if (failure.at === undefined) return failure.message
  const before = statement.slice(0, failure.at)
  const line = before.split('\n').length
  const column = Array.from(before.slice(before.lastIndexOf('\n') + 1)).length + 1
  return `${failure.message} at [${line}:${column}]`
}
