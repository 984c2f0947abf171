import { conditionFault } from '../../contracts/condition.ts'
import { quoted, quotedColumn } from './names.ts'

/** Which rows of a run to read, and how. */
export interface RowsQuery {
  /** A table's path, `project.dataset.table`, or a query in parentheses. */
  from: string
  columns: readonly string[]
  /** A condition on the columns: one expression, checked by `conditionFault`. */
  where: string | null
  onlyFailed: boolean
  sort: readonly { column: string; descending: boolean }[]
  /** Columns that together identify a row: their order is the last word, so that the order of rows never changes. */
  key: readonly string[]
  limit: number | null
}

/** The rows of a run in a stable order: as sorted, then by ID. Rows without a value come last. */
export function rowsQuery({ from, columns, where, onlyFailed, sort, key, limit }: RowsQuery): string {
  const sorted = sort.map(({ column, descending }) => `${quotedColumn(column)}${descending ? ' DESC' : ''} NULLS LAST`)
  const keys = key.filter((name) => !sort.some(({ column }) => column === name)).map(quoted)
  return `SELECT ${columns.map(quoted).join(', ')} FROM ${rowsSource(from)}${conditions(where, onlyFailed)}
ORDER BY ${[...sorted, ...keys].join(', ')}${limit === null ? '' : `\nLIMIT ${limit}`}`
}

/** A table's path, or a query in parentheses, as a FROM clause has it. */
export function rowsSource(from: string): string {
  return from.startsWith('(') ? from : quoted(from)
}

/** @throws RangeError for a condition that `conditionFault` refuses */
export function conditions(where: string | null, onlyFailed: boolean): string {
  if (where !== null && conditionFault(where)) throw new RangeError(`not a condition: ${where}`)
  const all = [...(where === null ? [] : [`(\n${where}\n)`]), ...(onlyFailed ? [FAILED] : [])]
  return all.length === 0 ? '' : `\nWHERE ${all.join(' AND ')}`
}

/** The status of a row that is a failure. */
const FAILED = "status IN ('failed', 'throttled')"
