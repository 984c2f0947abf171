import type { Condition, Filter, ReviewState } from '../contract/filter.ts'
import { codesContaining, NO_VALUE, type ColumnStore } from './column-store.ts'
import { columnNamed, type MemoryTable } from './table.ts'
import { lowerText } from './text.ts'

/** What the reviewer has decided about a row's unit. */
export type ReviewOf = (row: number) => ReviewState

/** Returns for each row whether a filter keeps it. */
export function keptRows(table: MemoryTable, filter: Filter, reviewOf: ReviewOf): Uint8Array {
  const kept = new Uint8Array(table.rows.length).fill(1)
  for (const condition of filter) {
    const test = rowTest(table, condition, reviewOf)
    for (let row = 0; row < kept.length; row += 1) if (kept[row] === 1 && !test(row)) kept[row] = 0
  }
  return kept
}

type RowTest = (row: number) => boolean

function rowTest(table: MemoryTable, condition: Condition, reviewOf: ReviewOf): RowTest {
  if ('box' in condition) return inBox(table, condition.box)
  if ('review' in condition) return (row) => condition.review.includes(reviewOf(row))
  if ('search' in condition) return containsAnywhere(table, condition.search)
  const store = columnNamed(table.columns, condition.column)
  if ('contains' in condition) return byCode(store, codesContaining(store, condition.contains), false)
  if ('is' in condition) return isOneOf(store, condition.is)
  return inRange(store, condition)
}

/** @param codes whether a row with each code is kept */
function byCode({ codes: coded }: ColumnStore, codes: Uint8Array, keepsMissing: boolean): RowTest {
  return (row) => {
    const code = coded[row]!
    return code === NO_VALUE ? keepsMissing : codes[code] === 1
  }
}

/** An integer beyond 2^53 is text, so a number of a filter is compared with its text too. */
function isOneOf(store: ColumnStore, wanted: readonly (string | number | boolean | null)[]): RowTest {
  const set = new Set<unknown>(wanted)
  const texts = new Set(store.column.kind === 'number' ? wanted.map(String) : [])
  const codes = Uint8Array.from(store.values, (value) => Number(set.has(value) || texts.has(String(value))))
  return byCode(store, codes, set.has(null))
}

function inRange(
  store: ColumnStore,
  { from, to, closed = false }: { from: number | null; to: number | null; closed?: boolean },
): RowTest {
  const [least, most] = [from ?? Number.NEGATIVE_INFINITY, to ?? Number.POSITIVE_INFINITY]
  const isClosed = closed || to === null
  const codes = Uint8Array.from(store.numbers, (number) =>
    Number(Number.isFinite(number) && number >= least && (isClosed ? number <= most : number < most)),
  )
  return byCode(store, codes, false)
}

function inBox(
  { longitudes, latitudes }: MemoryTable,
  [west, south, east, north]: [number, number, number, number],
): RowTest {
  const crosses = west > east
  return (row) => {
    const [longitude, latitude] = [longitudes[row]!, latitudes[row]!]
    const isBetween = crosses ? longitude >= west || longitude <= east : longitude >= west && longitude <= east
    return isBetween && latitude >= south && latitude <= north
  }
}

function containsAnywhere(table: MemoryTable, text: string): RowTest {
  const wanted = lowerText(text)
  const ids = table.loweredIds()
  const tests = [...table.columns.values()]
    .filter(({ column: { role, kind } }) => role === 'answer' && (kind === 'text' || kind === 'enum'))
    .map((store) => byCode(store, codesContaining(store, text), false))
  return (row) => ids[row]!.includes(wanted) || tests.some((test) => test(row))
}
