import type { Condition, Filter } from '@imagery/viewer/contract/filter'
import type { DuckDBConnection } from '@duckdb/node-api'
import type { About, CodedColumn } from './about.ts'
import { rowsOf, type Parameter } from './database.ts'
import { InvalidRequest } from './invalid-request.ts'
import { axisName, codeName, dictionaryName, valueName } from './stored-columns.ts'

/** A filter as the condition of a statement over `rows`, with its parameters in the order of their question marks. */
export interface FilterSql {
  condition: string
  parameters: readonly Parameter[]
  /** Whether it takes as long as a chart or longer, so that its rows are worth keeping: it looks into texts. */
  isSlow: boolean
}

const NONE: FilterSql = { condition: 'true', parameters: [], isSlow: false }

/** @throws InvalidRequest for a column that is not there, or that such a condition is not for */
export async function filterSql(connection: DuckDBConnection, about: About, filter: Filter): Promise<FilterSql> {
  const parts: FilterSql[] = []
  for (const condition of filter) parts.push(await conditionSql(connection, about, condition))
  return parts.length === 0 ? NONE : joined(parts, ' AND ')
}

/** Returns the column of a run with a name. @throws InvalidRequest */
export function columnOf(about: About, name: string): CodedColumn {
  const found = about.columns.find(({ column }) => column.name === name)
  if (!found) throw new InvalidRequest(`there is no column ${name}`)
  return found
}

async function conditionSql(connection: DuckDBConnection, about: About, condition: Condition): Promise<FilterSql> {
  if ('box' in condition) return boxSql(condition.box)
  if ('review' in condition) return reviewSql(condition.review)
  if ('search' in condition) return searchSql(connection, about, condition.search)
  const column = columnOf(about, condition.column)
  if ('contains' in condition) return containsSql(connection, column, condition.contains)
  return 'is' in condition ? isSql(connection, column, condition.is) : rangeSql(column, condition)
}

function joined(parts: readonly FilterSql[], word: ' AND ' | ' OR '): FilterSql {
  return {
    condition: parts.map(({ condition }) => `(${condition})`).join(word),
    parameters: parts.flatMap(({ parameters }) => parameters),
    isSlow: parts.some(({ isSlow }) => isSlow),
  }
}

function fast(condition: string, parameters: readonly Parameter[] = []): FilterSql {
  return { condition, parameters, isSlow: false }
}

function slow(condition: string, parameters: readonly Parameter[] = []): FilterSql {
  return { condition, parameters, isSlow: true }
}

const marks = (count: number): string => Array.from({ length: count }, () => '?').join(', ')

async function isSql(
  connection: DuckDBConnection,
  column: CodedColumn,
  wanted: readonly (string | number | boolean | null)[],
): Promise<FilterSql> {
  const name = valueName(column)
  const values = wanted.filter((value) => value !== null).flatMap((value) => parameterOf(column, value))
  const missing = wanted.includes(null) ? [fast(`${name} IS NULL`)] : []
  if (values.length === 0) return missing[0] ?? fast('false')
  if (column.coding.by !== 'value')
    return joined([fast(`${name} IN (${marks(values.length)})`, values), ...missing], ' OR ')
  const found = await rowsOf(
    connection,
    `SELECT code FROM ${dictionaryName(column)} WHERE value IN (${marks(values.length)})`,
    values,
  )
  return joined([codesSql(column, found), ...missing], ' OR ')
}

/** Returns the value as the column stores it; nothing for a value that the column cannot have. */
function parameterOf({ storage }: CodedColumn, value: string | number | boolean): Parameter[] {
  switch (storage) {
    case 'VARCHAR':
    case 'JSON':
      return [typeof value === 'string' ? value : JSON.stringify(value)]
    case 'BOOLEAN':
      return typeof value === 'boolean' ? [value] : []
    case 'BIGINT':
      return /^-?\d{1,19}$/.test(String(value)) ? [BigInt(String(value))] : []
    case 'DOUBLE':
      return isNumber(value) ? [Number(value)] : []
  }
}

/** A number that is not finite is text in JSON. Any other text would become NaN, and match the rows that have it. */
function isNumber(value: string | number | boolean): boolean {
  if (typeof value === 'boolean' || String(value).trim() === '') return false
  return String(value) === 'NaN' || !Number.isNaN(Number(value))
}

/** The list of a statement is no longer than this. */
const MOST_CODES = 1_000

function codesSql(column: CodedColumn, found: readonly unknown[][]): FilterSql {
  const codes = found.map(([code]) => Number(code))
  if (codes.length === 0) return fast('false')
  if (codes.length <= MOST_CODES) return fast(`${codeName(column)} IN (${marks(codes.length)})`, codes)
  return slow(`${codeName(column)} IN (SELECT unnest(CAST(? AS INTEGER[])))`, [`[${codes.join(', ')}]`])
}

function rangeSql(
  column: CodedColumn,
  { from, to, closed = false }: { from: number | null; to: number | null; closed?: boolean },
): FilterSql {
  if (!column.hasAxis) throw new InvalidRequest(`column ${column.column.name} has no numbers or times`)
  const name = axisName(column)
  const parts = [
    fast(`${name} IS NOT NULL`),
    ...(from === null ? [] : [fast(`${name} >= ?`, [from])]),
    ...(to === null ? [] : [fast(`${name} ${closed ? '<=' : '<'} ?`, [to])]),
  ]
  return joined(parts, ' AND ')
}

async function containsSql(connection: DuckDBConnection, column: CodedColumn, text: string): Promise<FilterSql> {
  if (column.coding.by !== 'value')
    return slow(`contains(lower(CAST(${valueName(column)} AS VARCHAR)), lower(?))`, [text])
  const dictionary = dictionaryName(column)
  const found = await rowsOf(
    connection,
    `SELECT code FROM ${dictionary} WHERE contains(lower(value), lower(?)) LIMIT ${MOST_CODES + 1}`,
    [text],
  )
  if (found.length <= MOST_CODES) return codesSql(column, found)
  return slow(`${codeName(column)} IN (SELECT code FROM ${dictionary} WHERE contains(lower(value), lower(?)))`, [text])
}

async function searchSql(connection: DuckDBConnection, about: About, text: string): Promise<FilterSql> {
  const asset = about.columns.find(({ column }) => column.name === 'asset_id')
  const texts = about.columns.filter(
    ({ column: { role, kind } }) => role === 'answer' && (kind === 'text' || kind === 'enum'),
  )
  const parts = [
    slow('contains(lower(unit_id), lower(?))', [text]),
    ...(asset ? [slow(`coalesce(contains(lower(${valueName(asset)}), lower(?)), false)`, [text])] : []),
  ]
  for (const column of texts) {
    const { condition, ...rest } = await containsSql(connection, column, text)
    parts.push({ condition: `coalesce(${condition}, false)`, ...rest })
  }
  return joined(parts, ' OR ')
}

function boxSql([west, south, east, north]: [number, number, number, number]): FilterSql {
  const longitude = west > east ? 'longitude >= ? OR longitude <= ?' : 'longitude >= ? AND longitude <= ?'
  return fast(`(${longitude}) AND latitude >= ? AND latitude <= ?`, [west, east, south, north])
}

/** `marks.units` has the units with a mark, and their states. */
function reviewSql(states: readonly string[]): FilterSql {
  const marked = states.filter((state) => state !== 'none')
  const parts = [
    ...(marked.length === 0
      ? []
      : [slow(`unit_id IN (SELECT unit_id FROM marks.units WHERE state IN (${marks(marked.length)}))`, marked)]),
    ...(states.includes('none') ? [slow('unit_id NOT IN (SELECT unit_id FROM marks.units)')] : []),
  ]
  return parts.length === 0 ? fast('false') : joined(parts, ' OR ')
}
