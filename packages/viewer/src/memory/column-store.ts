import { axisNumber } from '../contract/axis.ts'
import type { Value, ViewedColumn } from '../contract/columns.ts'
import { compareText, lowerText, textOf } from './text.ts'

/** The code of a row without a value. */
export const NO_VALUE = -1

/**
 * The values of a column, one per row. Equal values share a code; a column of numbers or times also has each row's number,
 * so that a filter or a chart reads one array.
 */
export interface ColumnStore {
  column: ViewedColumn
  /** One per row: an index into `values`, or NO_VALUE. */
  codes: Int32Array
  /** The number of rows with a value. */
  filled: number
  /** The distinct values. */
  values: Value[]
  /** By code: the value as a number (milliseconds since 1970 for a time), or NaN. */
  numbers: Float64Array
  /** The codes in the order of their values, and each code's place in it. */
  order(): { codes: Int32Array; ranks: Int32Array }
  /** Characters (code points) of the longest value, as a text. */
  longest(): number
}

/** @param values one per row */
export function columnStore(column: ViewedColumn, values: readonly Value[]): ColumnStore {
  const codes = new Int32Array(values.length)
  const known = new Map<Value, number>()
  const distinct: Value[] = []
  let filled = 0
  for (const [row, value] of values.entries()) {
    if (value === null || value === undefined) {
      codes[row] = NO_VALUE
      continue
    }
    // Lists and structs have no chart, and comparing them takes long.
    let code = column.kind === 'other' ? undefined : known.get(value)
    if (code === undefined) {
      code = distinct.length
      if (column.kind !== 'other') known.set(value, code)
      distinct.push(value)
    }
    codes[row] = code
    filled += 1
  }
  const hasNumbers = column.kind === 'number' || column.kind === 'time'
  const numbers = hasNumbers
    ? Float64Array.from(distinct, (value) => axisNumber(value, column.kind))
    : new Float64Array(0)
  const sorted: { column: ViewedColumn; values: Value[]; numbers: Float64Array } = { column, values: distinct, numbers }
  let order: ReturnType<ColumnStore['order']> | undefined
  let longest: number | undefined
  return {
    ...sorted,
    codes,
    filled,
    order: () => (order ??= orderOf(sorted)),
    longest: () => (longest ??= longestOf(distinct)),
  }
}

function longestOf(values: readonly Value[]): number {
  let longest = 0
  for (const value of values) {
    const text = textOf(value)
    // A character takes one or two units of JavaScript's length.
    if (text.length > longest) longest = Math.max(longest, Array.from(text).length)
  }
  return longest
}

function orderOf({ column, values, numbers }: Pick<ColumnStore, 'column' | 'values' | 'numbers'>): {
  codes: Int32Array
  ranks: Int32Array
} {
  const codes = Int32Array.from(values, (_, code) => code)
  codes.sort(
    numbers.length > 0
      ? (a, b) => compareNumbers(numbers[a]!, numbers[b]!) || compareWhole(values[a]!, values[b]!)
      : column.kind === 'boolean'
        ? (a, b) => Number(values[a]) - Number(values[b])
        : (a, b) => compareText(textOf(values[a]), textOf(values[b])),
  )
  const ranks = new Int32Array(values.length)
  for (const [rank, code] of codes.entries()) ranks[code] = rank
  return { codes, ranks }
}

/** NaN is above all other numbers, as in DuckDB. */
function compareNumbers(a: number, b: number): number {
  if (Number.isNaN(a) || Number.isNaN(b)) return Number(Number.isNaN(a)) - Number(Number.isNaN(b))
  return a < b ? -1 : a > b ? 1 : 0
}

/** Integers beyond 2^53 can be different where their doubles are equal. */
function compareWhole(a: Value, b: Value): number {
  if (!isWhole(a) || !isWhole(b)) return 0
  const [one, other] = [BigInt(a), BigInt(b)]
  return one < other ? -1 : one > other ? 1 : 0
}

function isWhole(value: Value): value is string | number {
  return typeof value === 'number' ? Number.isInteger(value) : typeof value === 'string' && /^-?\d+$/.test(value)
}

/** Returns for each code whether its text contains a text, whatever the case. */
export function codesContaining({ values }: ColumnStore, text: string): Uint8Array {
  const wanted = lowerText(text)
  return Uint8Array.from(values, (value) => Number(lowerText(textOf(value)).includes(wanted)))
}
