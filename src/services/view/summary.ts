import type { DuckDBConnection } from '@duckdb/node-api'
import type { Chart, Summary } from '@imagery/viewer/contract/source'
import type { About, CodedColumn } from './about.ts'
import { barsChart, booleanChart, manyValuesChart, type CodeCount } from './bars.ts'
import { rowsOf } from './database.ts'
import type { Dictionaries } from './dictionaries.ts'
import { exactFigures, histogramChart, type Figures, type Part } from './histogram.ts'
import { numbered, type Kept } from './kept-rows.ts'
import { medians, type CountedRange } from './medians.ts'
import { axisName, codeName } from './stored-columns.ts'

/**
 * Counts the kept rows. One statement sums, one counts the codes of each column, and at most one more finds the medians.
 * Statements are few because each costs a few milliseconds, whatever it reads.
 */
export async function summaryOf(
  connection: DuckDBConnection,
  kept: Kept,
  about: About,
  dictionaries: Dictionaries,
): Promise<Summary> {
  const { totals, figures } = await sums(connection, kept, about)
  const counts = await countedCodes(
    connection,
    kept,
    about.columns.filter((column) => isCounted(column, dictionaries)),
  )
  const countsOf = ({ index }: CodedColumn): CodeCount[] => counts.get(index) ?? []
  const ranges = new Map<number, CountedRange>()
  for (const column of about.columns) {
    const { coding } = column
    if (coding.by === 'range') ranges.set(column.index, { column, coding, parts: partsOf(countsOf(column)) })
  }
  const middle = await medians(connection, kept, [...ranges.values()])
  const charts: Chart[] = []
  for (const column of about.columns) {
    const range = ranges.get(column.index)
    if (range) {
      const { coding, parts } = range
      const found = coding.isExact ? exactFigures(coding, parts) : figures.get(column.index)
      const missing = countsOf(column).find(({ code }) => code === null)?.rows ?? 0
      charts.push(histogramChart(column, coding, { parts, missing, figures: found, median: middle.get(column.index) }))
    } else if (column.coding.by === 'boolean') charts.push(booleanChart(column, countsOf(column)))
    else if (column.coding.by === 'value') {
      const texts = dictionaries.texts(column)
      charts.push(texts ? barsChart(column, countsOf(column), texts) : await manyValuesChart(connection, kept, column))
    }
  }
  return { ...totals, charts }
}

/** Returns the totals, and the figures of columns whose parts have several values. */
async function sums(
  connection: DuckDBConnection,
  { table, condition, parameters }: Kept,
  { columns }: About,
): Promise<{ totals: Omit<Summary, 'charts'>; figures: Map<number, Figures> }> {
  const cost = columns.find(({ column, hasAxis }) => column.name === 'cost_usd' && hasAxis)
  const summed = columns.filter(({ coding }) => coding.by === 'range' && !coding.isExact)
  const parts = summed.map(axisName).map((axis) => `min(${axis}), max(${axis}), sum(${axis})`)
  const [[rows, ok, failed, cost_usd, ...rest] = []] = await rowsOf(
    connection,
    `SELECT ${['count(*)', 'count_if(is_ok)', 'count_if(is_failed)', cost ? `sum(${axisName(cost)})` : '0', ...parts].join(', ')}
FROM ${table} WHERE ${condition}`,
    parameters,
  )
  const figures = new Map<number, Figures>()
  for (const [place, { index }] of summed.entries()) {
    const [min, max, sum] = rest.slice(place * 3, place * 3 + 3)
    if (min !== null) figures.set(index, { min: min as number, max: max as number, sum: sum as number })
  }
  const totals = { rows: Number(rows), ok: Number(ok), failed: Number(failed), cost_usd: Number(cost_usd ?? 0) }
  return { totals, figures }
}

/** Whether all codes of a column are counted. Of a text with very many values, DuckDB finds the most common ones itself. */
function isCounted(column: CodedColumn, dictionaries: Dictionaries): boolean {
  const { by } = column.coding
  return by === 'boolean' || by === 'range' || (by === 'value' && dictionaries.texts(column) !== undefined)
}

async function countedCodes(
  connection: DuckDBConnection,
  { table, condition, parameters }: Kept,
  columns: readonly CodedColumn[],
): Promise<Map<number, CodeCount[]>> {
  const counts = new Map(columns.map(({ index }): [number, CodeCount[]] => [index, []]))
  if (columns.length === 0) return counts
  const branches = columns.map((column) => {
    const code = codeName(column)
    const where = numbered(condition)
    return `SELECT ${column.index}, CAST(${code} AS INTEGER), count(*) FROM ${table} WHERE ${where} GROUP BY ${code}`
  })
  for (const [index, code, rows] of await rowsOf(connection, branches.join('\nUNION ALL '), parameters))
    counts.get(Number(index))?.push({ code: code === null ? null : Number(code), rows: Number(rows) })
  return counts
}

function partsOf(counts: readonly CodeCount[]): Part[] {
  const parts = counts.flatMap(({ code, rows }) => (code === null ? [] : [{ index: code, rows }]))
  return parts.toSorted((a, b) => a.index - b.index)
}
