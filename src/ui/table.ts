import { stripVTControlCharacters, styleText } from 'node:util'

/** Text in columns; cells are cut so that a line fits `width`. Control characters of the data never reach the terminal. */
export function formatTable(header: readonly string[], rows: readonly (readonly unknown[])[], width: number): string {
  const cells = [header, ...rows].map((row) => row.map(cellText))
  const widths = fit(
    header.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0))),
    width - 2 * (header.length - 1),
  )
  const [head = [], ...body] = cells.map((row) => row.map((cell, column) => padded(cell, widths[column] ?? 0)))
  return [styleText('bold', head.join('  ').trimEnd()), ...body.map((row) => row.join('  ').trimEnd())].join('\n')
}

/** One line of text for any JSON value. */
export function cellText(value: unknown): string {
  if (value === null || value === undefined) return ''
  if (typeof value === 'number' && !Number.isInteger(value)) return String(Number(value.toPrecision(6)))
  const text = typeof value === 'object' ? JSON.stringify(value) : String(value)
  // eslint-disable-next-line no-control-regex -- these are what must not reach the terminal
  return stripVTControlCharacters(text).replaceAll(/[\u0000-\u001f\u007f-\u009f]+/g, ' ')
}

/** The narrowest that a column is cut to. */
const NARROWEST = 8

/** Takes what is too much from the widest columns first. */
function fit(widths: readonly number[], available: number): number[] {
  const fitted = [...widths]
  for (let excess = fitted.reduce((sum, width) => sum + width, 0) - available; excess > 0; excess -= 1) {
    const widest = fitted.indexOf(Math.max(...fitted))
    if (fitted[widest]! <= NARROWEST) break
    fitted[widest]! -= 1
  }
  return fitted
}

function padded(text: string, width: number): string {
  return text.length <= width ? text.padEnd(width) : `${text.slice(0, width - 1)}…`
}
