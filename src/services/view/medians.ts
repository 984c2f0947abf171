import type { DuckDBConnection } from '@duckdb/node-api'
import type { CodedColumn, RangeCoding } from './about.ts'
import { rowsOf } from './database.ts'
import type { Part } from './histogram.ts'
import { numbered, type Kept } from './kept-rows.ts'
import { axisName, codeName } from './stored-columns.ts'

/** A column with its kept rows by part, in the order of the parts. */
export interface CountedRange {
  column: CodedColumn
  coding: RangeCoding
  parts: readonly Part[]
}

/** One of the two rows in the middle: the part that has it, and its place there from 0. */
interface Middle {
  range: CountedRange
  isHigh: boolean
  part: Part
  place: number
}

/**
 * Returns the median of each column by its index: the middle of the sorted values, or the mean of the two in the middle.
 * Where the parts have several values, the rows of one part are sorted, which are few.
 */
export async function medians(
  connection: DuckDBConnection,
  kept: Kept,
  ranges: readonly CountedRange[],
): Promise<Map<number, number>> {
  const middles = ranges.flatMap(middlesOf)
  const values = new Map<string, number>()
  for (const middle of middles) {
    const { coding } = middle.range
    if (coding.isExact) values.set(keyOf(middle), coding.bounds[middle.part.index]!)
  }
  const open = middles.filter((middle) => !values.has(keyOf(middle)))
  if (open.length > 0) {
    const statement = open.map((middle, index) => `(${sortedPart(kept, middle, index)})`).join('\nUNION ALL ')
    for (const [index, value] of await rowsOf(connection, statement, kept.parameters))
      values.set(keyOf(open[Number(index)]!), value as number)
  }
  return new Map(
    middles.map(({ range }): [number, number] => {
      const [low, high] = [false, true].map((isHigh) => values.get(keyOf({ range, isHigh }))!) as [number, number]
      return [range.column.index, low + (high - low) / 2]
    }),
  )
}

const keyOf = ({ range, isHigh }: Pick<Middle, 'range' | 'isHigh'>): string =>
  `${range.column.index} ${isHigh ? 'high' : 'low'}`

function middlesOf(range: CountedRange): Middle[] {
  const { parts } = range
  const total = parts.reduce((sum, { rows }) => sum + rows, 0)
  if (total === 0) return []
  return [false, true].map((isHigh) => {
    let place = isHigh ? Math.floor(total / 2) : Math.floor((total - 1) / 2)
    let at = 0
    while (place >= parts[at]!.rows) place -= parts[at++]!.rows
    return { range, isHigh, part: parts[at]!, place }
  })
}

/** The part and the place are counts of ours, never a value. */
function sortedPart({ table, condition }: Kept, { range, part, place }: Middle, index: number): string {
  const axis = axisName(range.column)
  return `SELECT ${index}, ${axis} FROM ${table}
WHERE (${numbered(condition)}) AND ${codeName(range.column)} = ${part.index} ORDER BY ${axis} LIMIT 1 OFFSET ${place}`
}
