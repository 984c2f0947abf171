import type { Bin } from '@imagery/viewer/contract/bins'
import type { StoredColumn } from './stored-columns.ts'

/** Changes when a file of an earlier version of imagery cannot be read by this one. */
export const LAYOUT = 2

export interface RangeCoding {
  by: 'range'
  bounds: number[]
  bins: Bin[]
  /** Whether all rows of a part have the value at its start. */
  isExact: boolean
}

/** How the rows of a column are counted. */
export type Coding =
  /** By the different values, in the order of a chart: `allowed` first for an enum, then by value. */
  | { by: 'value'; values: number }
  /** 0 is false, 1 is true. */
  | { by: 'boolean' }
  /** By parts of the column's range, each within one bin of the histogram. Part i starts at bounds[i]. */
  | RangeCoding
  /** No chart. */
  | { by: 'none' }

/** What a local file says about itself, so that it is read once and used again. */
export interface About {
  layout: number
  rows: number
  columns: (StoredColumn & { coding: Coding })[]
  /** [west, south, east, north] in degrees; west is above east across the antimeridian. Null if no row has a location. */
  bounds: [number, number, number, number] | null
}

export type CodedColumn = About['columns'][number]
