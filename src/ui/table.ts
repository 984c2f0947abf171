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
    header.map((_, column) => Math.min(WIDEST, Math.max(...cells.map((row) => row[column]?.length ?? 0)))),
    width - 2 * (header.length - 1),
    header.map((title) => !whole.includes(title)),
  )
  const [head = [], ...body] = cells.map((row) => row.map((cell, column) => padded(cell, widths[column] ?? 0)))
  return [styleText('bold', head.join('  ').trimEnd()), ...body.map((row) => row.join('  ').trimEnd())].join('\n')
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

/** Returns the columns of `candidates`, in order, that fit a line of `width` and stay readable. */
export function fittingColumns(
  candidates: readonly string[],
  rows: readonly Record<string, unknown>[],
  width: number,
): string[] {
  const chosen: string[] = []
  let used = 0
  for (const [index, column] of candidates.entries()) {
    const widest = Math.max(column.length, ...rows.map((row) => cellText(row[column]).length))
    const wanted = (index === 0 ? widest : Math.min(widest, ROOMY)) + 2
    if (chosen.length >= 2 && used + wanted > width) break
    chosen.push(column)
    used += wanted
  }
  return chosen
}
