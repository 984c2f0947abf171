import { createWriteStream } from 'node:fs'
import path from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { ImageryError } from '../../contracts/errors.ts'
import type { ModelChoice } from '../options/model-choice.ts'
import {
  isUsualName,
  sourceColumns,
  timeKinds,
  type ColumnFlags,
  type SourceColumns,
  type SourceField,
} from './columns.ts'
import { BackslashObserver, DATABASE_NULL } from './backslashes.ts'
import { csvRows, type FileRow } from './csv-rows.ts'
import { jsonRows, notLines } from './json-rows.ts'
import { innerRows, tableInObject } from './one-object.ts'
import { notWritable } from './scratch-folder.ts'
import type { TextTable } from './table-text.ts'
import { LOCATION_FIELD } from './location-columns.ts'
import { ColumnObserver, type TextColumn, type TextColumns } from './text-columns.ts'
import { axesWarning } from './unplaced-advice.ts'
import { RowWriter } from './text-rows.ts'
import { counted } from '../../contracts/count-text.ts'

/** A local table as BigQuery loads it: JSON lines with a known schema. */
export interface PreparedTable {
  /** The file to load. */
  file: string
  /** The columns of the file, the same on Google Cloud and in a local cloud. */
  fields: readonly SourceField[]
  columns: SourceColumns
  /** What was converted, guessed or left out. */
  warnings: string[]
}

export interface PrepareOptions extends Pick<ModelChoice, 'unit' | 'images'> {
  flags: ColumnFlags
  /** The folder for the prepared file. */
  scratch: string
  /** More folders that images can be read from, as absolute paths. */
  imageRoots?: readonly string[]
}

/**
 * Reads a CSV or JSON lines file whole, and writes it as BigQuery loads it. Identifiers stay the text that they are;
 * times and locations are converted here, and what cannot be read is counted.
 *
 * @throws ImageryError SOURCE_UNSUPPORTED, COLUMN_NOT_FOUND or NO_ASSETS, before anything is created
 */
export async function prepareTextTable(
  source: { given: string; file: string; isCsv: boolean },
  options: PrepareOptions,
): Promise<PreparedTable> {
  const table: TextTable = { given: source.given, file: source.file }
  const { isCsv } = source
  const paths = isCsv ? [] : nestedPaths(options.flags)
  const headers: string[] = [...paths]
  const rows = (backslashes?: BackslashObserver): AsyncGenerator<FileRow> =>
    isCsv ? csvBody(table, headers, backslashes) : withNestedValues(jsonRows(table, headers), paths, headers)
  const observer = new ColumnObserver()
  const backslashes = new BackslashObserver()
  let count = 0
  let first: FileRow | undefined
  for await (const row of rows(backslashes)) {
    observer.add(row, headers)
    first ??= row
    count += 1
  }
  if (count === 0) throw new ImageryError('NO_ASSETS', `${source.given} has no rows`)
  const found = withoutEmpty(observer.columns(headers, !isCsv), paths.length)
  const fields = found.columns.map(({ field }) => field)
  if (found.location) fields.push(LOCATION_FIELD)
  const { guesses, ...named } = columnsOf(fields, { ...source, flags: options.flags }, () =>
    isCsv || count > 1 ? undefined : objectOf(first!, headers),
  )

  const file = path.join(options.scratch, 'table.jsonl')
  const writer = new RowWriter(found, { ...named, ...options, given: source.given })
  // A time that is used as the asset ID is text.
  const { detectionTime, captureTime } = timeKinds(writer.fields(fields))
  await pipeline(Readable.from(written(rows(), writer)), createWriteStream(file)).catch((error: unknown) => {
    throw (error as NodeJS.ErrnoException).syscall === undefined ? error : notWritable(options.scratch, error)
  })
  writer.checkOrder()
  const converted = { detectionTime, captureTime, isConverted: true, mayMissTimes: writer.mayMissTimes() }
  const unplaced = found.unplaced.find(
    ({ columns }) => !columns.some((column) => column === named.assetColumn || column === named.imageColumn),
  )
  const unplacedText =
    unplaced && ('warning' in unplaced ? unplaced.warning : axesWarning(source.given, unplaced.axes, unplaced.example))
  const place = found.guess ?? unplacedText
  const warnings = [
    ...guesses,
    ...(place === undefined ? [] : [place]),
    ...backslashes.warnings(source.given),
    ...writer.warnings(),
    ...repeatedWarning(table.repeatedHeaders ?? []),
  ]
  if (table.converted !== undefined)
    warnings.unshift(`${source.given} is ${table.converted}; it was converted to UTF-8`)
  if (found.leftOut > 0)
    warnings.push(
      `${counted(found.leftOut, 'column')} of ${source.given} ${found.leftOut === 1 ? 'is' : 'are'} left out: BigQuery has no room for them`,
    )
  return { file, fields: writer.fields(fields), columns: { ...named, ...converted }, warnings }
}

type JsonObject = Record<string, unknown>

/**
 * Finds the columns of a file.
 *
 * @param onlyObject returns the object of a JSON file that has no other, which can be a whole table
 */
function columnsOf(
  fields: readonly SourceField[],
  { given, flags }: { given: string; flags: ColumnFlags },
  onlyObject: () => JsonObject | undefined,
): ReturnType<typeof sourceColumns> {
  try {
    return sourceColumns(given, fields, { ...flags, isConverted: true })
  } catch (error) {
    const object = error instanceof ImageryError && error.code === 'COLUMN_NOT_FOUND' ? onlyObject() : undefined
    if (object === undefined) throw error
    const isColumn = (name: string): boolean => isUsualName(name) || name === flags.asset || name === flags.image
    const table = tableInObject(object, { file: given, isColumn })
    if (table) throw notLines({ given }, table)
    const { message, suggestions } = error as ImageryError
    const inner = innerRows(object, given)
    throw new ImageryError('COLUMN_NOT_FOUND', message, {
      suggestions: [...(inner === undefined ? [] : [inner]), ...suggestions],
      cause: error,
    })
  }
}

function objectOf({ values }: FileRow, headers: readonly string[]): JsonObject {
  return Object.fromEntries(headers.map((header, index) => [header, values[index]]))
}

/** The fields of objects that flags name: `properties.id`. Each becomes a column of its own, in which numbers keep their digits. */
function nestedPaths({ asset, image }: ColumnFlags): string[] {
  const paths = [asset, image].filter((flag): flag is string => flag !== undefined && /[^.]\.[^.]/.test(flag))
  return [...new Set(paths)]
}

/** Fills the first columns with the values at their paths, unless a row has a member of that very name. */
async function* withNestedValues(
  rows: AsyncGenerator<FileRow>,
  paths: readonly string[],
  headers: readonly string[],
): AsyncGenerator<FileRow> {
  for await (const { values, ...row } of rows) {
    const nested = paths.map((path, index) => values[index] ?? valueAt(path, values, headers))
    yield { ...row, values: [...nested, ...values.slice(paths.length)] }
  }
}

function valueAt(path: string, values: readonly unknown[], headers: readonly string[]): unknown {
  const [first, ...rest] = path.split('.')
  let value = values[headers.indexOf(first!)]
  for (const part of rest) {
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
    value = isObject && Object.hasOwn(value as object, part) ? (value as Record<string, unknown>)[part] : undefined
  }
  return value
}

/** Leaves out the columns of paths that no row has a value at, so that the error for a missing column names them. */
function withoutEmpty(found: TextColumns, paths: number): TextColumns {
  const isEmpty = (column: TextColumn): boolean =>
    column.index < paths && column.as === 'shape' && column.shape.kind === 'unknown'
  return { ...found, columns: found.columns.filter((column) => !isEmpty(column)) }
}

async function* csvBody(table: TextTable, headers: string[], backslashes?: BackslashObserver): AsyncGenerator<FileRow> {
  let isHeader = true
  const repeated: number[] = []
  table.repeatedHeaders = repeated
  for await (const row of csvRows(table)) {
    if (isHeader) headers.splice(0, headers.length, ...(row.values as string[]))
    else if (isSameAs(row.values, headers)) repeated.push(row.line)
    else {
      backslashes?.add(row.values, row.line)
      // An empty cell has no value, which a filter can then cast: CAST(height AS FLOAT64).
      yield { ...row, values: row.values.map((value) => (value === '' || value === DATABASE_NULL ? null : value)) }
    }
    isHeader = false
  }
}

/** Files that were joined have the header of each. */
function isSameAs(values: readonly unknown[], headers: readonly string[]): boolean {
  return headers.length > 1 && headers.every((header, index) => header === values[index])
}

function repeatedWarning([first, ...others]: readonly number[]): string[] {
  if (first === undefined) return []
  return [
    `${counted(1 + others.length, 'row')} ${others.length === 0 ? 'repeats' : 'repeat'} the header and ${others.length === 0 ? 'is' : 'are'} left out, for example line ${first}`,
  ]
}

const CHUNK_LETTERS = 1 << 18

async function* written(rows: AsyncIterable<FileRow>, writer: RowWriter): AsyncGenerator<string> {
  let chunk = ''
  for await (const row of rows) {
    chunk += writer.line(row)
    if (chunk.length >= CHUNK_LETTERS) {
      yield chunk
      chunk = ''
    }
  }
  if (chunk !== '') yield chunk
}
