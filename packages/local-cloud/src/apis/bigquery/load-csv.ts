import { GoogleError, notEmulated } from '../../kernel/errors.ts'
import { csvRecords, type CsvDialect, type CsvRecord, type CsvValue } from './csv-records.ts'
import { detectedType, SAMPLE_ROWS } from './detect-schema.ts'
import type { TextRow } from './text-row.ts'
import { take } from './take.ts'
import { checkColumnCount, type Field } from './table-schema.ts'
import { BadValue } from './values-in.ts'

/** https://cloud.google.com/bigquery/docs/loading-data-cloud-storage-csv#csv-options */
export interface CsvOptions {
  fieldDelimiter?: string
  quote?: string
  nullMarker?: string
  nullMarkers?: string[]
  skipLeadingRows?: number | string
  allowJaggedRows?: boolean
  allowQuotedNewlines?: boolean
  autodetect?: boolean
  ignoreUnknownValues?: boolean
  preserveAsciiControlCharacters?: boolean
}

/** The columns of CSV files, and how many lines come before the first row. */
export interface CsvLayout {
  dialect: CsvDialect
  names: readonly string[]
  headerRows: number
  /** Whether each name is that of a header, not one that BigQuery made up. */
  isNamed: boolean
}

const invalid = (message: string): GoogleError => new GoogleError('INVALID_ARGUMENT', message, { reason: 'invalid' })

/** The layout from the schema, else from the first file. */
export function csvLayout(
  files: readonly Buffer[],
  options: CsvOptions,
  known: readonly Field[] | undefined,
): CsvLayout {
  if (options.nullMarker !== undefined && options.nullMarkers !== undefined && options.nullMarkers.length > 0)
    throw invalid('Only one of nullMarker and nullMarkers can be set')
  const first = files[0] ?? Buffer.alloc(0)
  const dialect = dialectOf(options, first, known)
  const skip = options.skipLeadingRows === undefined ? undefined : Number(options.skipLeadingRows)
  if (known) {
    if (known.some((field) => field.mode === 'REPEATED' || field.type === 'RECORD'))
      throw notEmulated('REPEATED and RECORD columns in CSV, which BigQuery does not load either')
    return { dialect, names: known.map((field) => field.name), headerRows: skip ?? 0, isNamed: true }
  }
  const sample = [...take(csvRecords(first, dialect), (skip ?? 0) + 1 + SAMPLE_ROWS)]
  // skipLeadingRows 0 says that there is no header, N that row N can be one, and without it row 1 can be one
  // (https://cloud.google.com/bigquery/docs/reference/rest/v2/Job#JobConfigurationLoad.FIELDS.skip_leading_rows).
  const [header, ...others] = sample.slice(skip === undefined ? 0 : Math.max(0, skip - 1))
  const isHeader = skip !== 0 && header !== undefined && looksLikeHeader(header, others)
  const names = isHeader
    ? header.values.map(({ text }, index) => columnName(text, index))
    : genericNames(header, others)
  return { dialect, names, headerRows: isHeader ? Math.max(1, skip ?? 1) : (skip ?? 0), isNamed: isHeader }
}

/** The rows of a CSV file by column name, one by one. Without a schema, their texts as they are. */
export function* rowsFromCsv(
  file: Buffer,
  options: CsvOptions,
  { names, headerRows, dialect }: CsvLayout,
  fields: readonly Field[] | undefined,
): Generator<TextRow> {
  let index = 0
  for (const record of csvRecords(file, dialect)) {
    if (index++ < headerRows) continue
    const { line, start } = record
    yield { line, start, values: named(record, names, fields, options) }
  }
}

/**
 * The message about a row, in the words of https://cloud.google.com/bigquery/docs/loading-data-cloud-storage-csv#troubleshoot_parsing_errors
 * for bad syntax, else in those of keboola/storage-api-php-client and kestra's guides, which tests and users published.
 */
export function csvMessage({ line, start, values }: TextRow, error: BadValue, fields: readonly Field[]): string {
  if (error instanceof BadSyntax)
    return `Error detected while parsing row starting at position: ${start}. Error: ${error.message}`
  const at = `; line_number: ${line} byte_offset_to_start_of_line: ${start}`
  const index = fields.findIndex(({ name }) => name === error.location)
  if (index < 0) return `${error.message}${at}`
  const { name, type } = fields[index]!
  const value = values instanceof BadValue ? undefined : values[name]
  const shown = typeof value === 'string' ? ` value: "${value}"` : ''
  return `${error.message}${at} column_index: ${index} column_name: "${name}" column_type: ${SQL_TYPES[type] ?? type}${shown}`
}

const SQL_TYPES: Partial<Record<Field['type'], string>> = { INTEGER: 'INT64', FLOAT: 'DOUBLE', BOOLEAN: 'BOOL' }

/** A row that cannot be split into values. */
class BadSyntax extends BadValue {}

/** Both are read as ISO-8859-1, and only the first byte counts (the options' page). */
function dialectOf(options: CsvOptions, first: Buffer, known: readonly Field[] | undefined): CsvDialect {
  const given = options.fieldDelimiter
  const quote = options.quote ?? '"'
  const isDetected = options.autodetect === true && known === undefined
  const dialect = {
    quote: quote === '' ? '' : firstByte(quote),
    // Detection finds them by itself: https://cloud.google.com/bigquery/docs/schema-detect#csv_quoted_new_lines
    allowsQuotedNewlines: options.allowQuotedNewlines === true || isDetected,
    keepsControls: options.preserveAsciiControlCharacters === true,
  }
  if (given === 'tab' || given === '\\t') return { ...dialect, delimiter: '\t' }
  if (given !== undefined && given !== '') return { ...dialect, delimiter: firstByte(given) }
  return { ...dialect, delimiter: isDetected ? detectedDelimiter(first, dialect) : ',' }
}

function firstByte(text: string): string {
  return Buffer.from(text, 'latin1').toString('latin1', 0, 1)
}

/** https://cloud.google.com/bigquery/docs/schema-detect#csv_delimiter; the comma first */
const DELIMITERS = [',', '|', '\t']
const DELIMITER_ROWS = 20

/** The delimiter that gives all of the first lines the same number of values, and the most. */
function detectedDelimiter(file: Buffer, dialect: Omit<CsvDialect, 'delimiter'>): string {
  const scored = DELIMITERS.map((delimiter) => {
    const lengths = [...take(csvRecords(file, { ...dialect, delimiter }), DELIMITER_ROWS)].map(
      ({ values }) => values.length,
    )
    return { delimiter, columns: lengths.every((length) => length === lengths[0]) ? (lengths[0] ?? 0) : 0 }
  })
  const most = Math.max(...scored.map(({ columns }) => columns))
  return most > 1 ? scored.find(({ columns }) => columns === most)!.delimiter : ','
}

/** A first line of texts is a header if a column below it is no text: https://cloud.google.com/bigquery/docs/schema-detect#csv_header */
function looksLikeHeader(header: CsvRecord, others: readonly CsvRecord[]): boolean {
  if (header.problem !== undefined || !header.values.every(({ text }) => detectedType([text]) === 'STRING'))
    return false
  return columnTypes(others).some((type) => type !== 'STRING')
}

function columnTypes(records: readonly CsvRecord[]): Field['type'][] {
  const good = records.filter(({ problem }) => problem === undefined)
  // The row with the most values decides (the same page).
  const width = good.reduce((most, { values }) => Math.max(most, values.length), 0)
  checkColumnCount(width)
  return Array.from({ length: width }, (_, index) =>
    detectedType(good.map(({ values }) => values[index]?.text ?? '').filter((text) => text !== '')),
  )
}

/** Names such as `string_field_0` and `int64_field_1`: googleapis/python-bigquery#687. */
const GENERIC: Partial<Record<Field['type'], string>> = { INTEGER: 'int64', FLOAT: 'double', BOOLEAN: 'bool' }

function genericNames(first: CsvRecord | undefined, others: readonly CsvRecord[]): string[] {
  const types = columnTypes(first ? [first, ...others] : others)
  return types.map((type, index) => `${GENERIC[type] ?? type.toLowerCase()}_field_${index}`)
}

/** A header as a column's name (https://cloud.google.com/bigquery/docs/schemas#column_names): other characters become `_`. */
export function columnName(text: string, index: number): string {
  const name = text.trim().replaceAll(/[^A-Za-z0-9_]/g, '_')
  return name === '' ? `string_field_${index}` : /^\d/.test(name) ? `_${name}` : name
}

function named(
  { values, problem }: CsvRecord,
  names: readonly string[],
  fields: readonly Field[] | undefined,
  options: CsvOptions,
): Record<string, unknown> | BadValue {
  if (problem !== undefined) return new BadSyntax('', problem)
  if (values.length > names.length && options.ignoreUnknownValues !== true)
    return new BadValue('', `Too many values in line. Found ${values.length} column(s) when expecting ${names.length}.`)
  if (values.length < names.length && options.allowJaggedRows !== true) {
    const last = names.length - 1
    return new BadValue(
      names[last]!,
      `CSV table references column position ${last}, but line contains only ${values.length} columns.`,
    )
  }
  const isNull = nullTest(options)
  return Object.fromEntries(
    names.map((name, index) => {
      const value = values[index]
      return [name, value === undefined || isNull(value, fields?.[index]) ? null : value.text]
    }),
  )
}

/**
 * `nullMarker` is the empty text by default. With another one, empty text is a value, which only STRING and BYTES take.
 * Every text in `nullMarkers` is NULL for every type (the options' page).
 */
function nullTest({ nullMarker, nullMarkers }: CsvOptions): (value: CsvValue, field: Field | undefined) => boolean {
  if (nullMarkers !== undefined && nullMarkers.length > 0) {
    const markers = new Set(nullMarkers)
    return ({ text }) => markers.has(text)
  }
  const marker = nullMarker ?? ''
  return ({ text, quoted }, field) => {
    if (text !== marker) return false
    const isText = field?.type === 'STRING' || field?.type === 'BYTES'
    return !quoted || (marker === '' && !isText)
  }
}
