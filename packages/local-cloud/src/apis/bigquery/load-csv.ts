import { notEmulated } from '../../kernel/errors.ts'
import type { Field } from './schema.ts'
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

/** The rows of CSV files by column name. Without a schema, their texts as they are and how many lines the header takes. */
export function csvRows(
  files: readonly Buffer[],
  options: CsvOptions,
  known: Field[] | undefined,
): { rows: Row[]; headerRows: number } {
  const parsed = files.map((file) => records(file.toString('utf8').replace(/^\ufeff/, ''), options))
  const skip = Number(options.skipLeadingRows ?? 0)
  if (known) {
    if (known.some((field) => field.mode === 'REPEATED' || field.type === 'RECORD'))
      throw notEmulated('REPEATED and RECORD columns in CSV, which BigQuery does not load either')
    return {
      rows: parsed.flatMap((rows) =>
        rows.slice(skip).map((row) =>
          named(
            row,
            known.map((field) => field.name),
            known,
            options,
          ),
        ),
      ),
      headerRows: skip,
    }
  }
  const hasHeader = skip > 0 || looksLikeHeader(parsed[0] ?? [])
  const header = hasHeader ? parsed[0]?.[Math.max(0, skip - 1)] : undefined
  const names = (header ?? parsed[0]?.[0] ?? []).map((value, index) =>
    header ? columnName(value.text, index) : `string_field_${index}`,
  )
  const start = hasHeader ? Math.max(1, skip) : 0
  return {
    rows: parsed.flatMap((rows) => rows.slice(start).map((row) => named(row, names, undefined, options))),
    headerRows: start,
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
function records(text: string, options: CsvOptions): Value[][] {
  const delimiter =
    options.fieldDelimiter === 'tab' || options.fieldDelimiter === '\\t' ? '\t' : (options.fieldDelimiter ?? ',')
  const quote = options.quote ?? '"'
  const rows: Value[][] = []
  let row: Value[] = []
  let at = 0
  while (at < text.length) {
    const isQuoted = quote !== '' && text.startsWith(quote, at)
    const value = isQuoted ? quotedValue(text, at, quote) : plainValue(text, at, delimiter)
    row.push({ text: value.text, quoted: isQuoted })
    at = value.end
    if (text.startsWith(delimiter, at)) {
      at += delimiter.length
      if (at < text.length && text[at] !== '\n') continue
      row.push({ text: '', quoted: false })
    }
    at += text.startsWith('\r\n', at) ? 2 : 1
    if (row.length > 1 || row[0]!.text !== '' || row[0]!.quoted) rows.push(row)
    row = []
  }
  return rows
}

function plainValue(text: string, at: number, delimiter: string): { text: string; end: number } {
  const ends = [text.indexOf(delimiter, at), text.indexOf('\n', at)].filter((index) => index >= 0)
  const end = Math.min(text.length, ...ends)
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
