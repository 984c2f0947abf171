import type { DuckDBConnection } from '@duckdb/node-api'
import { MOST_BARS } from '@imagery/viewer/contract/limits'
import type { BarsChart, Chart, HistogramChart, Summary } from '@imagery/viewer/contract/source'
import type { About, CodedColumn, Coding } from './about.ts'
import { rowsOf } from './database.ts'
import type { Kept } from './kept-rows.ts'
import { axisName, codeName, dictionaryName } from './stored-columns.ts'

/** Counts the kept rows, by one scan per column over small codes. */
export async function summaryOf(connection: DuckDBConnection, kept: Kept, about: About): Promise<Summary> {
  const { table, condition, parameters } = kept
  const cost = about.columns.find(({ column, hasAxis }) => column.name === 'cost_usd' && hasAxis)
  const [[rows, ok, failed, sum] = []] = await rowsOf(
    connection,
    `SELECT count(*), count_if(is_ok), count_if(is_failed), ${cost ? `sum(${axisName(cost)})` : '0.0'}
FROM ${table} WHERE ${condition}`,
    parameters,
  )
  const charts: Chart[] = []
  for (const column of about.columns) {
    const chart = await chartOf(connection, kept, column)
    if (chart) charts.push(chart)
  }
  return { rows: Number(rows), ok: Number(ok), failed: Number(failed), cost_usd: Number(sum ?? 0), charts }
}

async function chartOf(connection: DuckDBConnection, kept: Kept, column: CodedColumn): Promise<Chart | undefined> {
  const { coding } = column
  switch (coding.by) {
    case 'boolean':
      return booleanChart(connection, kept, column)
    case 'value':
      return valueChart(connection, kept, column, coding.values)
    case 'range':
      return histogram(connection, kept, column, coding)
    case 'none':
      return undefined
  }
}

async function counts(
  connection: DuckDBConnection,
  { table, condition, parameters }: Kept,
  column: CodedColumn,
): Promise<{ code: number | null; rows: number }[]> {
  const name = codeName(column)
  const found = await rowsOf(
    connection,
    `SELECT ${name}, count(*) FROM ${table} WHERE ${condition} GROUP BY ${name}`,
    parameters,
  )
  return found.map(([code, rows]) => ({ code: code === null ? null : Number(code), rows: Number(rows) }))
}

async function booleanChart(connection: DuckDBConnection, kept: Kept, column: CodedColumn): Promise<BarsChart> {
  const found = await counts(connection, kept, column)
  const counted = found.filter(({ code }) => code !== null).toSorted((a, b) => b.rows - a.rows || a.code! - b.code!)
  const bars = counted.map(({ code, rows }) => ({ value: code === 1, rows }))
  return { ...start(column), bars, missing: missingOf(found), other: { rows: 0, values: 0 } }
}

const start = ({ column: { name } }: CodedColumn) => ({ column: name, type: 'bars' as const })

const missingOf = (found: readonly { code: number | null; rows: number }[]): number =>
  found.find(({ code }) => code === null)?.rows ?? 0

/** With more values than this, DuckDB finds the most common ones, so that not all counts leave it. */
const MANY_VALUES = 5_000

async function valueChart(
  connection: DuckDBConnection,
  kept: Kept,
  column: CodedColumn,
  values: number,
): Promise<BarsChart> {
  if (values > MANY_VALUES) return manyValuesChart(connection, kept, column)
  const found = await counts(connection, kept, column)
  const counted = found.filter((count): count is { code: number; rows: number } => count.code !== null)
  const byCode = new Map(counted.map(({ code, rows }) => [code, rows]))
  const allowed = column.column.kind === 'enum' ? (column.column.allowed ?? []) : []
  const texts = await valuesOf(connection, column, await shownCodes(connection, column, counted, allowed))
  const codes = new Map([...texts].map(([code, text]) => [text, code]))
  const listed = allowed.slice(0, MOST_BARS).map((value) => ({ value, rows: byCode.get(codes.get(value) ?? -1) ?? 0 }))
  const known = new Set(listed.map(({ value }) => value))
  const common = [...texts].filter(([code, text]) => !known.has(text) && byCode.has(code))
  const bars = [...listed, ...common.map(([code, value]) => ({ value, rows: byCode.get(code)! }))].slice(0, MOST_BARS)
  const all = counted.reduce((sum, { rows }) => sum + rows, 0)
  const shown = bars.reduce((sum, { rows }) => sum + rows, 0)
  const other = { rows: all - shown, values: counted.length - bars.filter(({ rows }) => rows > 0).length }
  return { ...start(column), bars, missing: missingOf(found), other }
}

/** The codes whose values a chart may show: those that the profile allows, and the most common ones, in that order. */
async function shownCodes(
  connection: DuckDBConnection,
  column: CodedColumn,
  counted: readonly { code: number; rows: number }[],
  allowed: readonly string[],
): Promise<number[]> {
  const common = counted.toSorted((a, b) => b.rows - a.rows || a.code - b.code)
  if (allowed.length === 0) return common.slice(0, MOST_BARS).map(({ code }) => code)
  const found = await rowsOf(
    connection,
    `SELECT code FROM ${dictionaryName(column)} WHERE value IN (${allowed.map(() => '?').join(', ')})`,
    allowed,
  )
  const listed = new Set(found.map(([code]) => Number(code)))
  const further = common.filter(({ code }) => !listed.has(code)).slice(0, MOST_BARS)
  return [...listed, ...further.map(({ code }) => code)]
}

/** Returns the texts of codes, in the order of the codes given. */
async function valuesOf(
  connection: DuckDBConnection,
  column: CodedColumn,
  codes: readonly number[],
): Promise<Map<number, string>> {
  if (codes.length === 0) return new Map()
  const found = await rowsOf(
    connection,
    `SELECT code, value FROM ${dictionaryName(column)} WHERE code IN (${codes.map(() => '?').join(', ')})`,
    codes,
  )
  const texts = new Map(found.map(([code, value]) => [Number(code), value as string]))
  return new Map(codes.map((code) => [code, texts.get(code)!]))
}

/** Codes are in the order of their values, so that of equally common values the first one has the lowest code. */
async function manyValuesChart(connection: DuckDBConnection, kept: Kept, column: CodedColumn): Promise<BarsChart> {
  const { table, condition, parameters } = kept
  const name = codeName(column)
  const [[rows, missing] = []] = await rowsOf(
    connection,
    `SELECT count(${name}), count(*) - count(${name}) FROM ${table} WHERE ${condition}`,
    parameters,
  )
  const found = await rowsOf(
    connection,
    `SELECT ${name}, count(*) AS rows, count(*) OVER () FROM ${table} WHERE (${condition}) AND ${name} IS NOT NULL
GROUP BY ${name} ORDER BY rows DESC, ${name} LIMIT ${MOST_BARS}`,
    parameters,
  )
  const texts = await valuesOf(
    connection,
    column,
    found.map(([code]) => Number(code)),
  )
  const bars = found.map(([code, count]) => ({ value: texts.get(Number(code))!, rows: Number(count) }))
  const shown = bars.reduce((sum, bar) => sum + bar.rows, 0)
  const other = { rows: Number(rows) - shown, values: Number(found[0]?.[2] ?? 0) - bars.length }
  return { ...start(column), bars, missing: Number(missing), other }
}

/** The kept rows of one part of a column's range. */
interface Part {
  index: number
  rows: number
  min: number
  max: number
  sum: number
}

async function histogram(
  connection: DuckDBConnection,
  kept: Kept,
  column: CodedColumn,
  { bins: edges, bounds }: Extract<Coding, { by: 'range' }>,
): Promise<HistogramChart> {
  const { table, condition, parameters } = kept
  const [code, axis] = [codeName(column), axisName(column)]
  const found = await rowsOf(
    connection,
    `SELECT ${code}, count(*), min(${axis}), max(${axis}), sum(${axis}) FROM ${table} WHERE ${condition} GROUP BY ${code}`,
    parameters,
  )
  const parts = found
    .filter(([index]) => index !== null)
    .map(([index, rows, min, max, sum]) => ({
      index: Number(index),
      rows: Number(rows),
      min: min as number,
      max: max as number,
      sum: sum as number,
    }))
    .toSorted((a, b) => a.index - b.index)
  const bins = edges.map((bin) => ({ ...bin, rows: 0 }))
  let at = 0
  for (const { index, rows } of parts) {
    while (at < bins.length - 1 && bounds[index]! >= bins[at]!.to) at += 1
    bins[at]!.rows += rows
  }
  const total = parts.reduce((sum, { rows }) => sum + rows, 0)
  return {
    column: column.column.name,
    type: 'histogram',
    bins,
    missing: Number(found.find(([index]) => index === null)?.[1] ?? 0),
    min: parts[0]?.min ?? null,
    max: parts.at(-1)?.max ?? null,
    mean: total === 0 ? null : parts.reduce((sum, part) => sum + part.sum, 0) / total,
    median: total === 0 ? null : await median(connection, kept, column, parts, total),
  }
}

/** The middle of the sorted values, or the mean of the two in the middle. Sorts the rows of one or two parts only. */
async function median(
  connection: DuckDBConnection,
  kept: Kept,
  column: CodedColumn,
  parts: readonly Part[],
  total: number,
): Promise<number> {
  const low = await valueAt(connection, kept, column, parts, Math.floor((total - 1) / 2))
  const high = await valueAt(connection, kept, column, parts, Math.floor(total / 2))
  return low + (high - low) / 2
}

/** Returns the value at a place among the sorted values, from 0. */
async function valueAt(
  connection: DuckDBConnection,
  { table, condition, parameters }: Kept,
  column: CodedColumn,
  parts: readonly Part[],
  place: number,
): Promise<number> {
  let before = 0
  let at = 0
  while (before + parts[at]!.rows <= place) before += parts[at++]!.rows
  const { min, max, index } = parts[at]!
  if (min === max) return min
  const axis = axisName(column)
  const [[value] = []] = await rowsOf(
    connection,
    `SELECT ${axis} FROM ${table} WHERE (${condition}) AND ${codeName(column)} = ? ORDER BY ${axis} LIMIT 1 OFFSET ${place - before}`,
    [...parameters, index],
  )
  return value as number
}
