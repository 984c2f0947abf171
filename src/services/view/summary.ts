import type { DuckDBConnection } from '@duckdb/node-api'
import type { Chart, Summary } from '@imagery/viewer/contract/source'
import type { About, CodedColumn } from './about.ts'
import { barsChart, booleanChart, manyValuesChart, type CodeCount } from './bars.ts'
import { rowsOf } from './database.ts'
import type { Dictionaries } from './dictionaries.ts'
import { histogramChart, type Part } from './histogram.ts'
import { numbered, type Kept } from './kept-rows.ts'
import { medians } from './medians.ts'
import { axisName, codeName } from './stored-columns.ts'

/**
 * Counts the kept rows: one statement reads each column's codes once, and at most one more finds the medians. Statements
 * are few because each costs a few milliseconds, whatever it reads.
 */
export async function summaryOf(
  connection: DuckDBConnection,
  kept: Kept,
  about: About,
  dictionaries: Dictionaries,
): Promise<Summary> {
  const { totals, counts, parts } = await countedCodes(connection, kept, about, dictionaries)
  const middle = await medians(connection, kept, about, parts)
  const charts: Chart[] = []
  for (const column of about.columns) {
    const { coding, index } = column
    if (coding.by === 'boolean') charts.push(booleanChart(column, counts.get(index) ?? []))
    else if (coding.by === 'range')
      charts.push(histogramChart(column, coding, { ...parts.get(index)!, median: middle.get(index) ?? null }))
    else if (coding.by === 'value') {
      const texts = dictionaries.texts(column)
      charts.push(
        texts ? barsChart(column, counts.get(index) ?? [], texts) : await manyValuesChart(connection, kept, column),
      )
    }
  }
  return { ...totals, charts }
}

interface Counted {
  totals: Pick<Summary, 'rows' | 'ok' | 'failed' | 'cost_usd'>
  counts: Map<number, CodeCount[]>
  parts: Map<number, { parts: Part[]; missing: number }>
}

/** A row of the statement: which column, the code, its rows, and for numbers their least, greatest and sum. */
type CountedRow = [
  column: number,
  code: number | null,
  rows: number,
  min: number | null,
  max: number | null,
  sum: number,
]

/** The number of the row with the totals, which no column has. */
const TOTALS = -1

async function countedCodes(
  connection: DuckDBConnection,
  kept: Kept,
  about: About,
  dictionaries: Dictionaries,
): Promise<Counted> {
  const { table } = kept
  const condition = numbered(kept.condition)
  const cost = about.columns.find(({ column, hasAxis }) => column.name === 'cost_usd' && hasAxis)
  const totalsSql = `SELECT ${TOTALS}, CAST(count_if(is_failed) AS INTEGER), count(*), CAST(count_if(is_ok) AS DOUBLE), NULL,
  ${cost ? `sum(${axisName(cost)})` : 'CAST(0 AS DOUBLE)'} FROM ${table} WHERE ${condition}`
  const columns = about.columns.filter((column) => isCounted(column, dictionaries))
  const branches = columns.map((column) => {
    const code = codeName(column)
    const axis = axisName(column)
    const figures = column.coding.by === 'range' ? `min(${axis}), max(${axis}), sum(${axis})` : 'NULL, NULL, NULL'
    return `SELECT ${column.index}, CAST(${code} AS INTEGER), count(*), ${figures} FROM ${table} WHERE ${condition} GROUP BY ${code}`
  })
  const found = await rowsOf(connection, [totalsSql, ...branches].join('\nUNION ALL '), kept.parameters)
  const result: Counted = {
    totals: { rows: 0, ok: 0, failed: 0, cost_usd: 0 },
    counts: new Map(columns.map(({ index }) => [index, []])),
    parts: new Map(
      columns.filter(({ coding }) => coding.by === 'range').map(({ index }) => [index, { parts: [], missing: 0 }]),
    ),
  }
  for (const row of found) add(result, row.map((value) => (value === null ? null : Number(value))) as CountedRow)
  return result
}

/** Whether all codes of a column are counted. Of a text with very many values, DuckDB finds the most common ones itself. */
function isCounted(column: CodedColumn, dictionaries: Dictionaries): boolean {
  const { by } = column.coding
  return by === 'boolean' || by === 'range' || (by === 'value' && dictionaries.texts(column) !== undefined)
}

function add({ totals, counts, parts }: Counted, [index, code, rows, min, max, sum]: CountedRow): void {
  const ranges = parts.get(index)
  if (index === TOTALS) Object.assign(totals, { rows, ok: min ?? 0, failed: code ?? 0, cost_usd: sum ?? 0 })
  else if (!ranges) counts.get(index)?.push({ code, rows })
  else if (code === null) ranges.missing = rows
  else ranges.parts.push({ index: code, rows, min: min!, max: max!, sum })
}
