import type { DuckDBConnection } from '@duckdb/node-api'
import { MOST_BARS } from '@imagery/viewer/contract/limits'
import type { BarsChart } from '@imagery/viewer/contract/source'
import type { CodedColumn } from './about.ts'
import { rowsOf } from './database.ts'
import type { Kept } from './kept-rows.ts'
import { codeName, dictionaryName } from './stored-columns.ts'

/** The rows with a code; null for those without a value. */
export interface CodeCount {
  code: number | null
  rows: number
}

const start = ({ column: { name } }: CodedColumn) => ({ column: name, type: 'bars' as const })

const missingOf = (counts: readonly CodeCount[]): number => counts.find(({ code }) => code === null)?.rows ?? 0

/** The most common codes first. Codes are in the order of their values, so that of equal ones the lower is first. */
function mostCommon(counts: readonly CodeCount[]): { code: number; rows: number }[] {
  return counts
    .filter((count): count is { code: number; rows: number } => count.code !== null)
    .toSorted((a, b) => b.rows - a.rows || a.code - b.code)
}

export function booleanChart(column: CodedColumn, counts: readonly CodeCount[]): BarsChart {
  const bars = mostCommon(counts).map(({ code, rows }) => ({ value: code === 1, rows }))
  return { ...start(column), bars, missing: missingOf(counts), other: { rows: 0, values: 0 } }
}

/**
 * Returns the chart of an enum or a text: the values that the profile allows, in its order and also without rows, then
 * the most common others.
 *
 * @param texts by code
 */
export function barsChart(column: CodedColumn, counts: readonly CodeCount[], texts: readonly string[]): BarsChart {
  const common = mostCommon(counts).map(({ code, rows }) => ({ value: texts[code]!, rows }))
  const rowsByValue = new Map(common.map(({ value, rows }) => [value, rows]))
  const allowed = column.column.kind === 'enum' ? (column.column.allowed ?? []).slice(0, MOST_BARS) : []
  const known = new Set(allowed)
  const bars = [
    ...allowed.map((value) => ({ value, rows: rowsByValue.get(value) ?? 0 })),
    ...common.filter(({ value }) => !known.has(value)),
  ].slice(0, MOST_BARS)
  const sum = (counted: readonly { rows: number }[]): number => counted.reduce((total, { rows }) => total + rows, 0)
  const other = {
    rows: sum(common) - sum(bars),
    values: common.length - bars.filter(({ rows }) => rows > 0).length,
  }
  return { ...start(column), bars, missing: missingOf(counts), other }
}

/** Returns the chart of a text with too many values for their counts to leave DuckDB. */
export async function manyValuesChart(
  connection: DuckDBConnection,
  { table, condition, parameters }: Kept,
  column: CodedColumn,
): Promise<BarsChart> {
  const name = codeName(column)
  const found = await rowsOf(
    connection,
    `SELECT counted.code, counted.rows, counted.values, counted.filled, value FROM (
  SELECT ${name} AS code, count(*) AS rows, count(*) OVER () AS values, sum(count(*)) OVER () AS filled
  FROM ${table} WHERE (${condition}) AND ${name} IS NOT NULL
  GROUP BY ${name} ORDER BY rows DESC, code LIMIT ${MOST_BARS}
) AS counted JOIN ${dictionaryName(column)} AS known ON known.code = counted.code ORDER BY counted.rows DESC, counted.code`,
    parameters,
  )
  const [[missing] = []] = await rowsOf(
    connection,
    `SELECT count(*) FROM ${table} WHERE (${condition}) AND ${name} IS NULL`,
    parameters,
  )
  const bars = found.map(([, rows, , , value]) => ({ value: value as string, rows: Number(rows) }))
  const shown = bars.reduce((sum, { rows }) => sum + rows, 0)
  const [, , values, filled] = found[0] ?? []
  const other = { rows: Number(filled ?? 0) - shown, values: Number(values ?? 0) - bars.length }
  return { ...start(column), bars, missing: Number(missing), other }
}
