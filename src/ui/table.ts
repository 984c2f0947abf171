import { styleText } from 'node:util'
import { plainLine, shortened } from './plain-text.ts'

/**
 * Formats text in columns. Cells are cut so that a line fits `width`, except in `whole` columns,
 * such as IDs that people copy. Control characters in the data never reach the terminal.
 */
export function formatTable(
  header: readonly string[],
  rows: readonly (readonly unknown[])[],
  width: number,
  whole: readonly string[] = [],
): string {
  const cells = [header, ...rows].map((row) => row.map(cellText))
  const widths = fit(
    header.map((_, column) => Math.min(WIDEST, widestCell(cells, column))),
    width - 2 * (header.length - 1),
    header.map((title) => !whole.includes(title)),
  )
  const [head = [], ...body] = cells.map((row) => row.map((cell, column) => padded(cell, widths[column] ?? 0)))
  return [styleText('bold', head.join('  ').trimEnd()), ...body.map((row) => row.join('  ').trimEnd())].join('\n')
}

/** There can be more rows than a function takes arguments. */
function widestCell(cells: readonly (readonly string[])[], column: number): number {
  return cells.reduce((widest, row) => Math.max(widest, row[column]?.length ?? 0), 0)
}

/** No cell is wider, whole or not: an endless ID would widen every row. */
const WIDEST = 200

/** Returns one line of text for any JSON value. */
export function cellText(value: unknown): string {
  if (value === null || value === undefined) return ''
  if (typeof value === 'number' && !Number.isInteger(value)) return String(Number(value.toPrecision(6)))
  const text = typeof value === 'object' ? JSON.stringify(value) : String(value)
  return plainLine(text)
}

/** No column is cut below this width. */
const NARROWEST = 8

/** Narrows the widest columns first, among those that may be cut. */
function fit(widths: readonly number[], available: number, mayCut: readonly boolean[]): number[] {
  const fitted = [...widths]
  for (let excess = fitted.reduce((sum, width) => sum + width, 0) - available; excess > 0; excess -= 1) {
    const widest = Math.max(...fitted.filter((_, column) => mayCut[column]))
    if (widest <= NARROWEST) break
    fitted[fitted.findIndex((width, column) => width === widest && mayCut[column])]! -= 1
  }
  return fitted
}

function padded(text: string, width: number): string {
  return text.length <= width ? text.padEnd(width) : shortened(text, width).padEnd(width)
}

/** When columns are chosen, a wider column counts as this wide: long text is cut instead of left out. */
const ROOMY = 24

/** Returns how wide a column after the first one is at most when columns are chosen. */
export function wantedWidth(column: string, rows: readonly Record<string, unknown>[]): number {
  return Math.min(widestOf(column, rows), ROOMY)
}

function widestOf(column: string, rows: readonly Record<string, unknown>[]): number {
  return rows.reduce((widest, row) => Math.max(widest, cellText(row[column]).length), column.length)
}

/** Returns the columns of `candidates`, in order, that fit a line of `width` and stay readable. */
export function fittingColumns(
  candidates: readonly string[],
  rows: readonly Record<string, unknown>[],
  width: number,
): string[] {
  const chosen: string[] = []
  let used = 0
  for (const [index, column] of candidates.entries()) {
    const wanted = (index === 0 ? widestOf(column, rows) : wantedWidth(column, rows)) + 2
    if (chosen.length >= 2 && used + wanted > width) break
    chosen.push(column)
    used += wanted
  }
  return chosen
}
