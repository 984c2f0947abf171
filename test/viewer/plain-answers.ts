import type { Condition, Filter } from '@imagery/viewer/contract/filter'
import type { Value } from '@imagery/viewer/contract/columns'
import type { BarsChart, Page, PageRequest } from '@imagery/viewer/contract/source'
import type { CarriedRow } from '@imagery/viewer/memory/rows'
import { COLUMNS } from './random-run.ts'

/** The answers of a ResultsSource, computed row by row in the plainest way. */

const bytes = (text: string): Buffer => Buffer.from(text, 'utf8')

/** Case by code point, as Unicode's UnicodeData.txt has it. */
function lower(text: string): string {
  return Array.from(text, (point) => String.fromCodePoint(point.toLowerCase().codePointAt(0)!)).join('')
}

function keeps({ unit_id, asset_id, location, values }: CarriedRow, condition: Condition): boolean {
  if ('review' in condition) return condition.review.includes('none')
  if ('box' in condition) {
    const [west, south, east, north] = condition.box
    if (!location || location.latitude < south || location.latitude > north) return false
    const { longitude } = location
    return west <= east ? longitude >= west && longitude <= east : longitude >= west || longitude <= east
  }
  if ('search' in condition) {
    const answers = COLUMNS.filter(({ role, kind }) => role === 'answer' && (kind === 'text' || kind === 'enum'))
    return [unit_id, asset_id, ...answers.map(({ name }) => values[name])].some(
      (text) => typeof text === 'string' && lower(text).includes(lower(condition.search)),
    )
  }
  const value = values[condition.column] ?? null
  if ('contains' in condition) return typeof value === 'string' && lower(value).includes(lower(condition.contains))
  if ('is' in condition) return condition.is.includes(value as string | number | boolean | null)
  if (value === null) return false
  const number = typeof value === 'number' ? value : Date.parse(value as string)
  const { from, to, closed = false } = condition
  return (from === null || number >= from) && (to === null || number < to || (closed && number === to))
}

export function keptBy(rows: readonly CarriedRow[], filter: Filter): CarriedRow[] {
  const sorted = rows.toSorted((a, b) => Buffer.compare(bytes(a.unit_id), bytes(b.unit_id)))
  return sorted.filter((row) => filter.every((condition) => keeps(row, condition)))
}

function compare(a: Value, b: Value): number {
  if (typeof a === 'string' && typeof b === 'string' && !/^\d+$/.test(a + b)) return Buffer.compare(bytes(a), bytes(b))
  if (typeof a === 'boolean') return Number(a) - Number(b)
  if (Number.isInteger(Number(a)) && Number.isInteger(Number(b)))
    return BigInt(a as string) < BigInt(b as string) ? -1 : Number(BigInt(a as string) > BigInt(b as string))
  return Number(a) - Number(b)
}

export function pageOf(rows: readonly CarriedRow[], { filter, sort, offset, limit }: PageRequest): Page {
  const kept = keptBy(rows, filter)
  const valueOf = ({ values }: CarriedRow): Value => values[sort?.column ?? ''] ?? null
  const sorted = kept.toSorted((one, other) => {
    const [a, b] = [valueOf(one), valueOf(other)]
    if (!sort || (a === null && b === null)) return 0
    if (a === null || b === null) return a === null ? 1 : -1
    return sort.descending ? compare(b, a) : compare(a, b)
  })
  return {
    total: kept.length,
    rows: sorted.slice(offset, offset + limit).map(({ unit_id, asset_id, status, values, images }) => ({
      unit_id,
      asset_id,
      status,
      values,
      images: images.length,
    })),
  }
}

/** @param allowed the values that come first, also without rows */
export function barsOf(rows: readonly CarriedRow[], column: string, allowed: readonly string[] = []): BarsChart {
  const values = rows.map((row) => row.values[column] ?? null)
  const found = [...new Set(values.filter((value) => value !== null))] as (string | boolean)[]
  const bars = [...allowed, ...found.filter((value) => !allowed.includes(value as string))].map((value) => ({
    value,
    rows: values.filter((each) => each === value).length,
  }))
  const rest = bars
    .slice(allowed.length)
    .toSorted((a, b) => b.rows - a.rows || Buffer.compare(bytes(String(a.value)), bytes(String(b.value))))
  const all = [...bars.slice(0, allowed.length), ...rest]
  const other = all.slice(20)
  return {
    column,
    type: 'bars',
    bars: all.slice(0, 20),
    missing: values.filter((value) => value === null).length,
    other: { rows: other.reduce((sum, bar) => sum + bar.rows, 0), values: other.length },
  }
}

/** The figures of a column's finite numbers. */
export function figuresOf(
  numbers: readonly number[],
): { min: number; max: number; mean: number; median: number } | null {
  if (numbers.length === 0) return null
  const sorted = numbers.toSorted((a, b) => a - b)
  const [low, high] = [sorted[Math.floor((sorted.length - 1) / 2)]!, sorted[Math.floor(sorted.length / 2)]!]
  return {
    min: sorted[0]!,
    max: sorted.at(-1)!,
    mean: sorted.reduce((sum, number) => sum + number, 0) / sorted.length,
    median: (low + high) / 2,
  }
}
