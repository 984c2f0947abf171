import type { DuckDBConnection } from '@duckdb/node-api'
import type { About } from './about.ts'
import { rowsOf } from './database.ts'
import type { Part } from './histogram.ts'
import { numbered, type Kept } from './kept-rows.ts'
import { axisName, codeName } from './stored-columns.ts'

/** One of the two rows in the middle: the part that has it, and its place there from 0. */
interface Middle {
  column: number
  isHigh: boolean
  part: Part
  place: number
}

/**
 * Returns the median of each column by its index: the middle of the sorted values, or the mean of the two in the middle.
 * Most parts have one value or few rows, so that next to nothing is sorted.
 */
export async function medians(
  connection: DuckDBConnection,
  kept: Kept,
  about: About,
  counted: ReadonlyMap<number, { parts: readonly Part[] }>,
): Promise<Map<number, number>> {
  const middles = [...counted].flatMap(([column, { parts }]) => middlesOf(column, parts))
  const open = middles.filter(({ part }) => part.min !== part.max)
  const values = new Map<string, number>()
  for (const { column, isHigh, part } of middles) values.set(`${column} ${isHigh}`, part.min)
  if (open.length > 0) {
    const found = await rowsOf(
      connection,
      open.map((middle) => `(${sortedPart(kept, about, middle)})`).join('\nUNION ALL '),
      kept.parameters,
    )
    for (const [column, isHigh, value] of found) values.set(`${String(column)} ${String(isHigh)}`, value as number)
  }
  const found = new Map<number, number>()
  for (const { column } of middles) {
    const [low, high] = [values.get(`${column} false`)!, values.get(`${column} true`)!]
    found.set(column, low + (high - low) / 2)
  }
  return found
}

function middlesOf(column: number, parts: readonly Part[]): Middle[] {
  const sorted = parts.toSorted((a, b) => a.index - b.index)
  const total = sorted.reduce((sum, { rows }) => sum + rows, 0)
  if (total === 0) return []
  return [false, true].map((isHigh) => {
    let place = isHigh ? Math.floor(total / 2) : Math.floor((total - 1) / 2)
    let at = 0
    while (place >= sorted[at]!.rows) place -= sorted[at++]!.rows
    return { column, isHigh, part: sorted[at]!, place }
  })
}

/** The part and the place are counts of ours, never a value. */
function sortedPart({ table, condition }: Kept, about: About, { column: index, isHigh, part, place }: Middle): string {
  const column = about.columns.find((each) => each.index === index)!
  const axis = axisName(column)
  return `SELECT ${index}, ${isHigh}, ${axis} FROM ${table}
WHERE (${numbered(condition)}) AND ${codeName(column)} = ${part.index} ORDER BY ${axis} LIMIT 1 OFFSET ${place}`
}
