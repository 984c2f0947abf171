import { compareText } from '../../memory/text.ts'
import type { RowPages } from './row-pages.ts'

/**
 * Finds the place of a unit in rows that are sorted by unit ID, by halving. Loads a page for each of the first halves.
 *
 * @returns null if the unit is not among the rows
 */
export async function findRow(pages: RowPages, unitId: string): Promise<number | null> {
  await pages.rowAt(0)
  let [low, high] = [0, pages.total ?? 0]
  while (low < high) {
    const middle = Math.floor((low + high) / 2)
    const row = await pages.rowAt(middle)
    // Rows went away in the meantime.
    if (row === undefined) return null
    if (row.unit_id === unitId) return middle
    if (compareText(row.unit_id, unitId) < 0) low = middle + 1
    else high = middle
  }
  return null
}
