import type { ViewedColumn } from '../../contract/columns.ts'
import type { RowPages } from '../data/row-pages.ts'
import { count } from '../format/numbers.ts'
import { exactText } from '../format/values.ts'
import { tsv } from '../format/tsv.ts'
import { columnsOf, rowsOf, type Selection } from './selection.ts'
import { UNIT_COLUMN } from './use-column-widths.ts'

/** More rows than this are for an export. */
const MOST_ROWS = 10_000

/**
 * Returns the selected cells as text for a spreadsheet. More than one row comes with the names of the columns.
 *
 * @throws an error for people if there are too many rows, or one cannot be loaded
 */
export async function selectionText(
  pages: RowPages,
  columns: readonly ViewedColumn[],
  selection: Selection,
): Promise<{ text: string; rows: number }> {
  const { first, last } = rowsOf(selection)
  const rows = last - first + 1
  if (rows > MOST_ROWS) throw new Error(`More than ${count(MOST_ROWS)} rows are selected. Use the export for these.`)
  const span = columnsOf(selection)
  const names = [UNIT_COLUMN, ...columns.map(({ name }) => name)].slice(span.first, span.last + 1)
  const cells: string[][] = rows > 1 ? [names] : []
  for (let index = first; index <= last; index++) {
    const row = await pages.rowAt(index)
    if (row === undefined) throw new Error('The rows changed. Select them again.')
    cells.push(names.map((name) => (name === UNIT_COLUMN ? row.unit_id : exactText(row.values[name]))))
  }
  return { text: tsv(cells), rows }
}
