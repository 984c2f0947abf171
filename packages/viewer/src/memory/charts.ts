import { histogramBins, type ValueRange } from '../contract/bins.ts'
import { hasBars, isCharted } from '../contract/charts.ts'
import type { ViewedColumn } from '../contract/columns.ts'
import { MOST_BARS } from '../contract/limits.ts'
import type { BarsChart, Chart, HistogramChart } from '../contract/source.ts'
import { NO_VALUE, type ColumnStore } from './column-store.ts'

/** Returns the chart of a column over the kept rows; undefined for a column without one. */
export function chartOf(store: ColumnStore, kept: Uint8Array): Chart | undefined {
  if (!isCharted(store.column)) return undefined
  switch (store.column.kind) {
    case 'text':
      return hasBars({ values: store.values.length, rows: store.filled, longest: store.longest() })
        ? barsOf(store, kept)
        : undefined
    case 'enum':
    case 'boolean':
      return barsOf(store, kept)
    case 'number':
    case 'time':
      return histogramOf(store, kept)
    case 'other':
      return undefined
  }
}

/** How many kept rows each code has, and how many have no value. */
function countCodes({ codes, values }: ColumnStore, kept: Uint8Array): { counts: Int32Array; missing: number } {
  const counts = new Int32Array(values.length)
  let missing = 0
  for (let row = 0; row < codes.length; row += 1) {
    if (kept[row] === 0) continue
    const code = codes[row]!
    if (code === NO_VALUE) missing += 1
    else counts[code]! += 1
  }
  return { counts, missing }
}

function barsOf(store: ColumnStore, kept: Uint8Array): BarsChart {
  const { column, values } = store
  const { counts, missing } = countCodes(store, kept)
  const codesOf = new Map(values.map((value, code) => [value, code]))
  const allowed = column.kind === 'enum' ? (column.allowed ?? []) : []
  const listed = allowed.slice(0, MOST_BARS).map((value) => ({ value, code: codesOf.get(value) }))
  const shown = listed.map(({ value, code }) => ({ value, rows: code === undefined ? 0 : counts[code]! }))
  const all = { rows: 0, values: 0 }
  for (const rows of counts) {
    all.rows += rows
    all.values += Number(rows > 0)
  }
  const known = new Set(listed.map(({ code }) => code))
  const common = mostCommon(store, counts, known, MOST_BARS - shown.length)
  const bars = [...shown, ...common.map((code) => ({ value: values[code] as string | boolean, rows: counts[code]! }))]
  const charted = bars.reduce((sum, { rows }) => sum + rows, 0)
  const other = { rows: all.rows - charted, values: all.values - bars.filter(({ rows }) => rows > 0).length }
  return { column: column.name, type: 'bars', bars, missing, other }
}

/** Returns the codes with the most rows, in the order of their counts and then of their values. */
function mostCommon(
  store: ColumnStore,
  counts: Int32Array,
  known: ReadonlySet<number | undefined>,
  limit: number,
): number[] {
  const { ranks } = store.order()
  const isBefore = (a: number, b: number): boolean => (counts[b]! - counts[a]! || ranks[a]! - ranks[b]!) < 0
  const best: number[] = []
  for (let code = 0; code < counts.length && limit > 0; code += 1) {
    if (counts[code] === 0 || known.has(code)) continue
    if (best.length === limit && !isBefore(code, best.at(-1)!)) continue
    const place = best.findIndex((other) => isBefore(code, other))
    best.splice(place < 0 ? best.length : place, 0, code)
    if (best.length > limit) best.pop()
  }
  return best
}

function histogramOf(store: ColumnStore, kept: Uint8Array): HistogramChart {
  const { column, numbers } = store
  const { counts, missing } = countCodes(store, kept)
  const range = rangeOf(store)
  const bins = range === undefined ? [] : histogramBins(range, binKind(column)).map((bin) => ({ ...bin, rows: 0 }))
  const order = store.order().codes.filter((code) => counts[code]! > 0 && Number.isFinite(numbers[code]!))
  let at = 0
  let sum = 0
  let rows = 0
  for (const code of order) {
    const number = numbers[code]!
    while (at < bins.length - 1 && number >= bins[at]!.to) at += 1
    bins[at]!.rows += counts[code]!
    sum += number * counts[code]!
    rows += counts[code]!
  }
  const [first, last] = [order[0], order.at(-1)]
  return {
    column: column.name,
    type: 'histogram',
    bins,
    missing,
    min: first === undefined ? null : numbers[first]!,
    max: last === undefined ? null : numbers[last]!,
    mean: rows === 0 ? null : sum / rows,
    median: medianOf(order, numbers, counts, rows),
  }
}

export function binKind({ kind, is_integer: isWhole }: ViewedColumn): 'whole' | 'number' | 'time' {
  return kind === 'time' ? 'time' : isWhole ? 'whole' : 'number'
}

/** The range of all rows, whatever the filter. */
function rangeOf({ numbers }: ColumnStore): ValueRange | undefined {
  let [min, max] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
  for (const number of numbers) {
    if (!Number.isFinite(number)) continue
    min = Math.min(min, number)
    max = Math.max(max, number)
  }
  return min > max ? undefined : { min, max }
}

/** The middle of the sorted rows; of an even number, the mean of the two in the middle. */
function medianOf(order: Int32Array, numbers: Float64Array, counts: Int32Array, rows: number): number | null {
  if (rows === 0) return null
  const [low, high] = [Math.floor((rows - 1) / 2), Math.floor(rows / 2)]
  let [seen, lower] = [0, Number.NaN]
  for (const code of order) {
    const next = seen + counts[code]!
    if (low >= seen && low < next) lower = numbers[code]!
    if (high >= seen && high < next) return lower === numbers[code]! ? lower : lower + (numbers[code]! - lower) / 2
    seen = next
  }
  return lower
}
