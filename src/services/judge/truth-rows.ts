import { shellWord } from '@imagery/local-cloud/contract/shell-word'
import { ImageryError } from '../../contracts/errors.ts'
import { REVIEWS_LABEL } from '../../contracts/labels.ts'
import { tablePath } from '../../contracts/names.ts'
import { describeTable, type TableField, type TableName } from '../../google/bigquery/bigquery.ts'
import { truthQuery } from '../../run-data/sql/truth.ts'
import { typeOfField } from '../results/columns.ts'
import { rowPages } from '../results/read-rows.ts'
import { csvRows } from '../source/csv-rows.ts'
import { ExactNumber } from '../source/exact-json.ts'
import { jsonRows } from '../source/json-rows.ts'
import { parseSource, type Source } from '../source/parse.ts'
import type { TextTable } from '../source/table-text.ts'
import { valueIn } from './columns.ts'
import { truthParquetColumns, parquetRows } from './parquet-rows.ts'
import type { TruthRow } from './truth-row.ts'

/** A table of true values. */
export interface TruthTable {
  given: string
  headers: readonly string[]
  /** Yields the values of the columns in `indexes`, in that order, and where each row is. */
  rows(indexes: readonly number[]): AsyncIterable<TruthRow>
}

/**
 * Opens a file or a BigQuery table of true values.
 *
 * @throws ImageryError INVALID_FLAG, FILE_NOT_FOUND, SOURCE_NOT_FOUND or SOURCE_UNSUPPORTED
 */
export async function openTruthTable(given: string): Promise<TruthTable> {
  const source = await parseSource(given).catch((error: unknown) => Promise.reject(aboutTruth(error)))
  return source.kind === 'table' ? bigQueryTable(source) : fileTable(source)
}

/** The same errors as for `--table`, in the words of `--truth`. */
function aboutTruth(error: unknown): unknown {
  if (!(error instanceof ImageryError)) return error
  const reworded = (text: string): string =>
    text.replaceAll('imagery run --table', 'imagery eval RUN_ID --truth').replaceAll('--table', '--truth')
  return new ImageryError(error.code, reworded(error.message), {
    suggestions: error.suggestions.map(reworded),
    cause: error,
  })
}

async function fileTable(source: Exclude<Source, { kind: 'table' }>): Promise<TruthTable> {
  const { given } = source
  if (source.kind === 'folder') {
    throw new ImageryError('SOURCE_UNSUPPORTED', `--truth ${given} is a folder, not a table of true values`, {
      suggestions: [`ls ${shellWord(given)}`],
    })
  }
  if (source.format === 'PARQUET') {
    const columns = await truthParquetColumns(source)
    const headers = columns.map(({ name }) => name)
    return { given, headers, rows: (indexes) => parquetRows(source, columns, indexes) }
  }
  const table: TextTable = { given, file: source.file }
  if (source.format === 'CSV') {
    let headers: readonly string[] = []
    for await (const { values } of csvRows(table)) {
      headers = values as string[]
      break
    }
    return { given, headers, rows: (indexes) => chosen(withoutHeader(csvRows(table)), indexes) }
  }
  return jsonTable(table)
}

/** The columns of JSON lines, with the members of objects: `sign.color`. Any line can have a further member. */
async function jsonTable(table: TextTable): Promise<TruthTable> {
  const members: string[] = []
  const paths = new Map<string, readonly string[]>()
  const structs = new Set<string>()
  const withValue = new Set<string>()
  for await (const { values } of jsonRows(table, members))
    for (const [index, member] of values.entries())
      for (const { path, value } of scalars(member, [members[index]!])) {
        const name = path.join('.')
        if (path.length > 1 || !paths.has(name)) paths.set(name, path)
        if (value !== null && value !== undefined) withValue.add(name)
        for (let above = 1; above < path.length; above++) structs.add(path.slice(0, above).join('.'))
      }
  // A struct that only some lines have is no column beside its members.
  for (const name of structs) if (!withValue.has(name)) paths.delete(name)
  const [headers, columns] = [[...paths.keys()], [...paths.values()]]
  return {
    given: table.given,
    headers,
    async *rows(indexes) {
      for await (const { line, values } of jsonRows(table, [...members])) {
        const row = Object.fromEntries(values.map((value, index) => [members[index]!, value]))
        yield {
          place: `line ${line}`,
          values: indexes.map((index) => row[headers[index]!] ?? valueIn(row, columns[index]!)),
        }
      }
    },
  }
}

/** BigQuery nests structs at most this deep (https://cloud.google.com/bigquery/quotas#standard_tables). */
const MOST_LEVELS = 15

interface Scalar {
  path: readonly string[]
  value: unknown
}

function* scalars(value: unknown, path: readonly string[]): Generator<Scalar> {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
  if (!isObject || value instanceof ExactNumber || path.length >= MOST_LEVELS) yield { path, value }
  else for (const [name, member] of Object.entries(value)) yield* scalars(member, [...path, name])
}

async function* withoutHeader<Each>(rows: AsyncIterable<Each>): AsyncGenerator<Each> {
  let isHeader = true
  for await (const row of rows) {
    if (!isHeader) yield row
    isHeader = false
  }
}

async function* chosen(
  rows: AsyncIterable<{ line: number; values: readonly unknown[] }>,
  indexes: readonly number[],
): AsyncGenerator<TruthRow> {
  for await (const { line, values } of rows)
    yield { place: `line ${line}`, values: indexes.map((index) => values[index] ?? null) }
}

async function bigQueryTable(source: Extract<Source, { kind: 'table' }>): Promise<TruthTable> {
  const { given, table, partition } = source
  if (partition !== undefined) {
    throw new ImageryError('INVALID_FLAG', `--truth ${given} names a partition; the truth is a whole table`, {
      suggestions: [`imagery eval RUN_ID --truth ${shellWord(tablePath(table, table.table))}`],
    })
  }
  return openTruthIn(given, table)
}

/** Opens a BigQuery table of true values. @throws ImageryError SOURCE_NOT_FOUND, INVALID_FLAG for a table of reviews */
export async function openTruthIn(given: string, table: TableName): Promise<TruthTable> {
  const described = await describeTable(table)
  if (!described) {
    const { projectId, dataset } = table
    throw new ImageryError('SOURCE_NOT_FOUND', `--truth: there is no table ${tablePath(table, table.table)}`, {
      suggestions: [`bq ls ${shellWord(`${projectId}:${dataset}`)}   (lists the tables of the dataset)`],
    })
  }
  const reviewed = described.labels[REVIEWS_LABEL]
  if (reviewed !== undefined) {
    throw new ImageryError(
      'INVALID_FLAG',
      `--truth ${given} has marks about the answers of run ${reviewed}, not values`,
      {
        suggestions: ['--truth reviews   (judges a run by its own marks, those of this table too)'],
      },
    )
  }
  const columns = scalarColumns(described.fields)
  const query = { projectId: table.projectId, location: described.location }
  return {
    given,
    headers: columns.map((path) => path.join('.')),
    async *rows(indexes) {
      const sql = truthQuery(
        tablePath(table, table.table),
        indexes.map((index) => columns[index]!),
      )
      let row = 0
      for await (const page of rowPages(sql, query))
        for (const values of page)
          yield { place: `row ${++row}`, values: indexes.map((_index, place) => values[`column_${place}`] ?? null) }
    },
  }
}

/** The columns that have one value, with the members of structs: `sign.color`. */
function scalarColumns(fields: readonly TableField[], above: readonly string[] = []): string[][] {
  return fields.flatMap((field): string[][] => {
    const path = [...above, field.name ?? '']
    if (field.mode === 'REPEATED') return []
    return typeOfField(field) === 'STRUCT' ? scalarColumns(field.fields ?? [], path) : [path]
  })
}
