import { SqlFailure } from './failure.ts'

/** The longest statement: https://cloud.google.com/bigquery/quotas#query_jobs ("Maximum unresolved GoogleSQL query length"). */
const MAX_STATEMENT_CHARACTERS = 1024 * 1024

/**
 * The longest text that a statement may become, its views included, as BigQuery bounds it
 * (https://cloud.google.com/bigquery/quotas#query_jobs, "Maximum resolved legacy and GoogleSQL query length").
 */
const MAX_RESOLVED_CHARACTERS = 12 * 1024 * 1024

/**
 * How deep expressions, subqueries and types may be nested in each other. BigQuery's own bound is its stack;
 * ours also keeps DuckDB quick, whose planning takes the cube of the depth and cannot be interrupted.
 */
export const MAX_NESTING = 150

/** BigQuery's words for a statement that its stack cannot hold (https://cloud.google.com/bigquery/docs/troubleshoot-queries). */
export function tooDeep(at?: number): SqlFailure {
  const message = 'Out of stack space due to deeply nested query expression during query resolution'
  return new SqlFailure(message, at, 'resourcesExceeded')
}

export function checkStatementLength(statement: string): void {
  if (statement.length <= MAX_STATEMENT_CHARACTERS) return
  throw new SqlFailure(
    'The query is too large. The maximum standard SQL query length is 1024.00K characters, including comments and white space characters.',
  )
}

/** Refuses a text of DuckDB's before it is put together: nested constructs that repeat a part can make a short statement a very long one. */
export function checkResolvedLength(sql: string, at?: number): void {
  if (sql.length <= MAX_RESOLVED_CHARACTERS) return
  throw new SqlFailure(
    'Resources exceeded during query execution: Not enough resources for query planning - too many subqueries or query is too complex.',
    at,
    'resourcesExceeded',
  )
}

/** Long enough to hold a column or a literal: such a text may be written out several times. */
const REPEATABLE_CHARACTERS = 200

/** A literal, which `build` of `once` may want to see. */
const CONSTANT = /^(?:CAST\('?[-+.\w]*'? AS [A-Z]+\)|true|false|'[^']{0,40}')$/

/**
 * The text that `build` makes of expressions which it writes out more than once. Long ones are computed first
 * and named: otherwise the text would double with each level of nesting.
 */
export function once(expressions: readonly string[], build: (...texts: string[]) => string): string {
  if (expressions.every((sql) => sql.length <= REPEATABLE_CHARACTERS)) return build(...expressions)
  const named: string[] = []
  const texts = expressions.map((sql) => {
    if (CONSTANT.test(sql)) return sql
    named.push(`v${named.length} := ${sql}`)
    return `r.v${named.length - 1}`
  })
  if (named.length === 0) return build(...expressions)
  return `list_transform([struct_pack(${named.join(', ')})], lambda r: ${build(...texts)})[1]`
}

/** Bytes that a value may have without being counted. */
const UNCOUNTED_BYTES = 64 * 1024

/**
 * `sql`, an operation of DuckDB's that makes about `size` bytes, or an error where it would make too many for
 * one batch of rows: DuckDB neither counts these bytes nor can it be interrupted while it makes them.
 *
 * @param exact the same bytes, when `size` is only a quick upper bound
 */
export function bounded(sql: string, size: string, exact = size): string {
  return `CASE WHEN ${size} <= ${UNCOUNTED_BYTES} OR bq_within(CAST(${exact} AS BIGINT)) THEN ${sql} END`
}

/** The parts joined by an associative operator, as a balanced tree: DuckDB bounds the depth of expressions. */
export function balanced<Part>(parts: readonly Part[], join: (left: Part, right: Part) => Part): Part {
  if (parts.length === 1) return parts[0]!
  const middle = Math.ceil(parts.length / 2)
  return join(balanced(parts.slice(0, middle), join), balanced(parts.slice(middle), join))
}

/** DuckDB's optimizer takes the square of an expression's length, and the cube of its depth, where other statements gain little. */
const OPTIMIZED_CHARACTERS = 16 * 1024
const OPTIMIZED_DEPTH = 60

/** Whether DuckDB's text is too long or too deep to optimize: the optimizer cannot be interrupted, and takes longer than it saves. */
export function isCostlyToPlan(sql: string): boolean {
  if (sql.length > OPTIMIZED_CHARACTERS) return true
  let depth = 0
  for (const character of sql) {
    if (character === '(') depth += 1
    else if (character === ')') depth -= 1
    if (depth > OPTIMIZED_DEPTH) return true
  }
  return false
}
