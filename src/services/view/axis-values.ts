import { histogramBins } from '@imagery/viewer/contract/bins'
import type { RangeCoding } from './about.ts'
import type { StoredColumn } from './stored-columns.ts'

/** DuckDB counts rows by codes below 4,096 without a hash table. The bounds of the bins come on top. */
const MOST_PARTS = 2_000

/** The code of a row without a value. */
export const NO_CODE = 65_535

/** The numbers of one column in the order of the rows, 8 bytes each. */
export class AxisValues {
  #values = new Float64Array(16_384)
  #rows = 0

  /** @param value null without one */
  add(value: number | null): void {
    if (this.#rows === this.#values.length) {
      const larger = new Float64Array(this.#rows * 2)
      larger.set(this.#values)
      this.#values = larger
    }
    this.#values[this.#rows++] = value ?? Number.NaN
  }

  /** Divides the range of the values into bins, and those into parts with about as many rows each. */
  coding(column: StoredColumn): { coding: RangeCoding; codeOf: (row: number) => number } {
    const values = this.#values.subarray(0, this.#rows)
    const sorted = values.filter((value) => !Number.isNaN(value)).toSorted()
    if (sorted.length === 0)
      return { coding: { by: 'range', bounds: [], bins: [], isExact: true }, codeOf: () => NO_CODE }
    const bins = histogramBins({ min: sorted[0]!, max: sorted.at(-1)! }, binKind(column))
    const different = fewValues(sorted)
    const starts = different ?? valuesApart(sorted)
    const bounds = Float64Array.from(new Set([...starts, ...bins.map(({ from }) => from)])).toSorted()
    return {
      coding: { by: 'range', bounds: [...bounds], bins, isExact: different !== undefined },
      codeOf: (row) => codeOf(bounds, values[row]!),
    }
  }
}

/** Returns the different values; undefined if there are too many. */
function fewValues(sorted: Float64Array): ReadonlySet<number> | undefined {
  const different = new Set<number>()
  for (const value of sorted) {
    different.add(value)
    if (different.size > MOST_PARTS) return undefined
  }
  return different
}

/** Returns values at equal distances. */
function valuesApart(sorted: Float64Array): number[] {
  return Array.from({ length: MOST_PARTS }, (_, part) => sorted[Math.floor((part * sorted.length) / MOST_PARTS)]!)
}

/** Returns the last part that starts at or below a value. */
function codeOf(bounds: Float64Array, value: number): number {
  if (Number.isNaN(value)) return NO_CODE
  let [low, high] = [0, bounds.length - 1]
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if (bounds[middle]! <= value) low = middle
    else high = middle - 1
  }
  return low
}

function binKind({ column: { kind, is_integer: isWhole } }: StoredColumn): 'whole' | 'number' | 'time' {
  return kind === 'time' ? 'time' : isWhole ? 'whole' : 'number'
}
