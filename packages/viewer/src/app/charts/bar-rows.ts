import type { BarsChart } from '../../contract/source.ts'
import type { Plain } from '../state/filters.ts'

/** A bar: a value, the value's rows under the filter and in the whole run. Null is a number that is not known. */
export interface BarRow {
  value: string | boolean | null
  rows: number | null
  allRows: number | null
}

/**
 * Puts the filtered counts before those of the whole run. Both charts list at most 20 values, and for text each lists its
 * own most common ones: then the filtered chart decides which values are shown, because its counts must be right.
 */
export function barRows(all: BarsChart, filtered: BarsChart, hasOrder: boolean): BarRow[] {
  const rowsOf = (chart: BarsChart, value: string | boolean): number | null =>
    chart.bars.find((bar) => bar.value === value)?.rows ?? (chart.other.values === 0 ? 0 : null)
  const filteredIsWhole = filtered.other.values === 0
  const values =
    hasOrder || filteredIsWhole
      ? [...new Set([...all.bars.map(({ value }) => value), ...filtered.bars.map(({ value }) => value)])]
      : filtered.bars.map(({ value }) => value)
  const rows: BarRow[] = values.map((value) => ({
    value,
    rows: rowsOf(filtered, value),
    allRows: rowsOf(all, value),
  }))
  if (all.missing > 0) rows.push({ value: null, rows: filtered.missing, allRows: all.missing })
  return rows
}

/** How many bars a chart shows before the user asks for all of them. */
export const SHORT_LIST = 8

/**
 * Returns the bars of a short list, in their order: those with the most rows of the run, and every chosen one. A list that
 * is hardly longer stays whole.
 */
export function shortList(rows: readonly BarRow[], chosen: readonly Plain[]): BarRow[] {
  if (rows.length <= SHORT_LIST + 1) return [...rows]
  const size = ({ rows: kept, allRows }: BarRow): number => allRows ?? kept ?? 0
  const largest = new Set(rows.toSorted((a, b) => size(b) - size(a)).slice(0, SHORT_LIST))
  return rows.filter((row) => largest.has(row) || chosen.includes(row.value))
}
