import { notEmulated } from '../../kernel/errors.ts'
import { SAMPLE_ROWS } from './detect-schema.ts'
import type { Field } from './table-schema.ts'
import { BadValue } from './values-in.ts'

/** https://cloud.google.com/bigquery/docs/loading-data-cloud-storage-csv#csv-options */
export interface CsvOptions {
  fieldDelimiter?: string
  quote?: string
  nullMarker?: string
  skipLeadingRows?: number | string
  allowJaggedRows?: boolean
  allowQuotedNewlines?: boolean
  autodetect?: boolean
  ignoreUnknownValues?: boolean
}

type Row = Record<string, unknown> | BadValue

interface Value {
  text: string
  quoted: boolean
}

/** The columns of CSV files, and how many lines come before the first row. */
export interface CsvLayout {
  names: readonly string[]
  headerRows: number
}

/** The layout from the schema, else from the first file. */
export function csvLayout(files: readonly Buffer[], options: CsvOptions, known: Field[] | undefined): CsvLayout {
  const skip = Number(options.skipLeadingRows ?? 0)
  if (known) {
    if (known.some((field) => field.mode === 'REPEATED' || field.type === 'RECORD'))
      throw notEmulated('REPEATED and RECORD columns in CSV, which BigQuery does not load either')
    return { names: known.map((field) => field.name), headerRows: skip }
  }
  const first = files[0] ? [...take(records(textOf(files[0]), options), skip + SAMPLE_ROWS)] : []
  const hasHeader = skip > 0 || looksLikeHeader(first)
  const header = hasHeader ? first[Math.max(0, skip - 1)] : undefined
  const names = (header ?? first[0] ?? []).map((value, index) =>
    header ? columnName(value.text, index) : `string_field_${index}`,
  )
  return { names, headerRows: hasHeader ? Math.max(1, skip) : 0 }
}

/** The rows of CSV files by column name, one by one. Without a schema, their texts as they are. */
export function* rowsFromCsv(
  files: readonly Buffer[],
  options: CsvOptions,
  { names, headerRows }: CsvLayout,
  fields: readonly Field[] | undefined,
): Generator<Row> {
  for (const file of files) {
    let index = 0
    for (const row of records(textOf(file), options)) {
      if (index++ >= headerRows) yield named(row, names, fields, options)
    }
  }
}

/** The longest text that JavaScript holds is a little longer. */
const MAX_TEXT_BYTES = 500_000_000

function textOf(file: Buffer): string {
  if (file.length > MAX_TEXT_BYTES) throw notEmulated(`loading a CSV file of more than ${MAX_TEXT_BYTES / 1e6} MB`)
  return file.toString('utf8').replace(/^\ufeff/, '')
}

export function* take<Item>(items: Iterable<Item>, most: number): Generator<Item> {
  if (most <= 0) return
  let count = 0
  for (const item of items) {
    yield item
    if (++count === most) return
  }
}

function columnName(text: string, index: number): string {
  const name = text.trim().replaceAll(/[^A-Za-z0-9_]/g, '_')
  return name === '' ? `string_field_${index}` : /^\d/.test(name) ? `_${name}` : name
}

/** A first line of texts above lines with other things is a header: https://cloud.google.com/bigquery/docs/schema-detect#csv_header */
function looksLikeHeader(rows: readonly Value[][]): boolean {
  const isText = ({ text }: Value): boolean => text !== '' && !/^(true|false)$/i.test(text) && !/^[-+\d]/.test(text)
  const [first, ...others] = rows
  return first !== undefined && first.every(isText) && others.some((row) => row.some((value) => !isText(value)))
}

function named(row: Value[], names: readonly string[], fields: readonly Field[] | undefined, options: CsvOptions): Row {
  if (row.length > names.length && options.ignoreUnknownValues !== true)
    return new BadValue('', `Too many values in row: ${row.length} instead of ${names.length}`)
  if (row.length < names.length && options.allowJaggedRows !== true)
    return new BadValue('', `Missing values in row: ${row.length} instead of ${names.length}`)
  const result: Record<string, unknown> = {}
  for (const [index, name] of names.entries()) {
    const value = row[index]
    const isText = fields !== undefined && (fields[index]!.type === 'STRING' || fields[index]!.type === 'BYTES')
    const isNull =
      value === undefined ||
      (!value.quoted && value.text === (options.nullMarker ?? '') && (value.text !== '' || !isText)) ||
      (value.text === '' && !isText)
    result[name] = isNull ? null : value.text
  }
  return result
}

/** Splits CSV text into records; doubled quotes stand for one. */
function* records(text: string, options: CsvOptions): Generator<Value[]> {
  const delimiter =
    options.fieldDelimiter === 'tab' || options.fieldDelimiter === '\\t' ? '\t' : (options.fieldDelimiter ?? ',')
  const quote = options.quote ?? '"'
  let row: Value[] = []
  let at = 0
  // Looked for only once they are behind: a line may have a million values, and a file no delimiter.
  let [lineEnd, valueEnd] = [-1, -1]
  while (at < text.length) {
    if (lineEnd < at) lineEnd = endOf(text, '\n', at)
    if (valueEnd < at) valueEnd = endOf(text, delimiter, at)
    const isQuoted = quote !== '' && text.startsWith(quote, at)
    const value = isQuoted ? quotedValue(text, at, quote) : plainValue(text, at, Math.min(lineEnd, valueEnd))
    row.push({ text: value.text, quoted: isQuoted })
    at = value.end
    if (text.startsWith(delimiter, at)) {
      at += delimiter.length
      if (at < text.length && text[at] !== '\n') continue
      row.push({ text: '', quoted: false })
    }
    at += text.startsWith('\r\n', at) ? 2 : 1
    if (row.length > 1 || row[0]!.text !== '' || row[0]!.quoted) yield row
    row = []
  }
}

/** Where `mark` comes next, or the text ends. */
function endOf(text: string, mark: string, at: number): number {
  const found = text.indexOf(mark, at)
  return found < 0 ? text.length : found
}

function plainValue(text: string, at: number, end: number): { text: string; end: number } {
  const value = text.slice(at, end)
  return value.endsWith('\r') && text[end] === '\n' ? { text: value.slice(0, -1), end: end - 1 } : { text: value, end }
}

function quotedValue(text: string, at: number, quote: string): { text: string; end: number } {
  let value = ''
  let from = at + quote.length
  for (;;) {
    const close = text.indexOf(quote, from)
    if (close < 0) return { text: value + text.slice(from), end: text.length }
    value += text.slice(from, close)
    if (!text.startsWith(quote, close + quote.length)) return { text: value, end: close + quote.length }
    value += quote
    from = close + 2 * quote.length
  }
}
