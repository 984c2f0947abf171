import { isFormula } from '@imagery/viewer/contract/formula'

/** How a line of CSV is written. */
export interface CsvOptions {
  /** Leaves text unchanged that a spreadsheet would run as a formula. */
  raw?: boolean
  /** Whether the column at this index holds numbers, which can start with a sign. */
  isNumeric?: (column: number) => boolean
}

/**
 * Returns one CSV line (https://www.rfc-editor.org/rfc/rfc4180) with its line break. Arrays and structs become JSON text.
 * A leading `'` makes spreadsheets show a formula as text.
 */
export function csvLine(values: readonly unknown[], options: CsvOptions = {}): string {
  return `${values.map((value, column) => csvField(value, !options.raw && !options.isNumeric?.(column))).join(',')}\r\n`
}

/** Beyond RFC 4180: in locales with a decimal comma, spreadsheets use the semicolon as the separator. */
const QUOTED = /[",\r\n;\t]/

function csvField(value: unknown, escapes: boolean): string {
  if (value === null || value === undefined) return ''
  const text = typeof value === 'object' ? JSON.stringify(value) : String(value)
  const isGuarded = escapes && typeof value === 'string' && isFormula(text)
  if (!isGuarded && !QUOTED.test(text)) return text
  return `"${isGuarded ? "'" : ''}${text.replaceAll('"', '""')}"`
}
