/** How a line of CSV is written. */
export interface CsvOptions {
  /** Leaves text that a spreadsheet would run as a formula as it is. */
  raw?: boolean
  /** Whether the column of this index holds numbers, which may begin with a sign. */
  isNumeric?: (column: number) => boolean
}

/**
 * One CSV line (https://www.rfc-editor.org/rfc/rfc4180), with its line break. Arrays and structs are JSON text. Text that
 * a spreadsheet would run as a formula gets a `'` before it, by which it is shown as text.
 */
export function csvLine(values: readonly unknown[], options: CsvOptions = {}): string {
  return `${values.map((value, column) => csvField(value, !options.raw && !options.isNumeric?.(column))).join(',')}\r\n`
}

/**
 * What a formula begins with (https://owasp.org/www-community/attacks/CSV_Injection), in full width too, which Excel's East
 * Asian editions take for the same (https://github.com/OWASP/www-community/issues/1088). Some programs cut off space before it.
 */
// eslint-disable-next-line no-control-regex -- OWASP's ASVS 1.2.10 names the null character
const FORMULA = /^(?:[\t\r\n\0]|[\s\u200b\ufeff]*[=+\-@＝＋－＠])/

/** Apart from what RFC 4180 says: where a comma is a decimal point, spreadsheets take a semicolon for the separator. */
const QUOTED = /[",\r\n;\t]/

function csvField(value: unknown, escapes: boolean): string {
  if (value === null || value === undefined) return ''
  const text = typeof value === 'object' ? JSON.stringify(value) : String(value)
  const isFormula = escapes && typeof value === 'string' && FORMULA.test(text)
  if (!isFormula && !QUOTED.test(text)) return text
  return `"${isFormula ? "'" : ''}${text.replaceAll('"', '""')}"`
}
