import type { BadValue } from './values-in.ts'

/** A row of a text file, and where it is: the number of its line, from 1, and that line's byte offset. */
export interface TextRow {
  line: number
  start: number
  values: Record<string, unknown> | BadValue
}
