import { readFile } from 'node:fs/promises'
import type { DuckDBValue } from '@duckdb/node-api'
import { GoogleError, notEmulated } from '../../kernel/errors.ts'
import { putRows, type Destination } from './destination.ts'
import { detectFields, SAMPLE_ROWS } from './detect-schema.ts'
import { csvLayout, rowsFromCsv, take, type CsvOptions } from './load-csv.ts'
import { rowsFromJson } from './load-json.ts'
import { loadParquet } from './load-parquet.ts'
import type { JobRecord, TableReference } from './records.ts'
import type { RunningJob } from './running-job.ts'
import { checkFields, parseFields, type Field } from './table-schema.ts'
import { appendRows } from './streaming.ts'
import { BadValue, decodeRow } from './values-in.ts'
import { createRowsSql, dataset, findTable, typesOf, type Warehouse } from './warehouse.ts'

type Body = Record<string, unknown>

/** https://cloud.google.com/bigquery/docs/reference/rest/v2/Job#jobconfigurationload */
const KNOWN = new Set(
  `sourceUris destinationTable createDisposition writeDisposition schema sourceFormat autodetect skipLeadingRows fieldDelimiter quote
  nullMarker allowQuotedNewlines allowJaggedRows encoding maxBadRecords ignoreUnknownValues timePartitioning rangePartitioning
  clustering parquetOptions decimalTargetTypes`.split(/\s+/),
)
const FORMATS = ['CSV', 'NEWLINE_DELIMITED_JSON', 'PARQUET']

export interface PreparedLoad {
  location: string
  destination: Destination
  format: string
}

const invalid = (message: string): GoogleError => new GoogleError('INVALID_ARGUMENT', message, { reason: 'invalid' })

export function prepareLoad(
  warehouse: Warehouse,
  project: string,
  location: string | undefined,
  load: Body,
): PreparedLoad {
  for (const [name, value] of Object.entries(load)) {
    const isEmpty =
      value === null || value === undefined || value === false || (Array.isArray(value) && value.length === 0)
    if (!KNOWN.has(name) && !isEmpty) throw notEmulated(`the load option ${name}`)
  }
  const reference = load['destinationTable'] as Partial<TableReference> | undefined
  if (!reference?.datasetId || !reference.tableId) throw invalid('Required parameter is missing: destinationTable')
  const table = {
    projectId: reference.projectId ?? project,
    datasetId: reference.datasetId,
    tableId: reference.tableId,
  }
  const owner = dataset(warehouse, table.projectId, table.datasetId)
  if (location !== undefined && location !== owner.location) {
    throw new GoogleError(
      'NOT_FOUND',
      `Not found: Dataset ${table.projectId}:${table.datasetId} was not found in location ${location}`,
    )
  }
  const format = String(load['sourceFormat'] ?? 'CSV')
  if (!FORMATS.includes(format)) throw notEmulated(`loading ${format}`)
  const encoding = load['encoding']
  if (encoding !== undefined && encoding !== null && encoding !== 'UTF-8')
    throw notEmulated(`the encoding ${String(encoding)}`)
  if (load['schema']) parseFields((load['schema'] as Body)['fields'])
  const destination: Destination = {
    table,
    write: (load['writeDisposition'] as Destination['write'] | undefined) ?? 'WRITE_APPEND',
    create: (load['createDisposition'] as Destination['create'] | undefined) ?? 'CREATE_IF_NEEDED',
    properties: Object.fromEntries(
      ['timePartitioning', 'rangePartitioning', 'clustering'].flatMap((name) =>
        load[name] ? [[name, load[name]]] : [],
      ),
    ),
  }
  return { location: owner.location, destination, format }
}

/** Loads files into a table: all rows or none. */
export async function runLoad(
  warehouse: Warehouse,
  job: JobRecord,
  finish: (job: JobRecord) => JobRecord,
  running: RunningJob,
): Promise<void> {
  const { store } = warehouse
  const load = job.configuration['load'] as Body
  const { destination, format, location } = prepareLoad(warehouse, job.project, job.location, load)
  const files = await sources(warehouse, job, load)
  const known = knownFields(warehouse, destination, load)
  const physical = store.newPhysical()
  try {
    const loaded =
      format === 'PARQUET'
        ? await loadParquet(warehouse, files, physical, {
            running,
            fields: known,
            listInference: (load['parquetOptions'] as Body | undefined)?.['enableListInference'] === true,
          })
        : await loadText(warehouse, { files, physical, format, load, known, running })
    running.checkStopped()
    await store.write(async (connection) => {
      const rows = { destination, location, fields: loaded.fields, physical, totalRows: loaded.rows }
      const changes = await putRows(warehouse, connection, rows)
      const inputBytes = files.reduce((sum, file) => sum + file.length, 0)
      const statistics = {
        load: {
          inputFiles: String(files.length),
          inputFileBytes: String(inputBytes),
          outputRows: String(loaded.rows),
          outputBytes: String(inputBytes),
          badRecords: String(loaded.bad),
        },
      }
      return { ...changes, jobs: [finish({ ...job, statistics })] }
    })
  } catch (error) {
    await store.read((connection) => connection.run(`DROP TABLE IF EXISTS data.${physical}`))
    throw error
  }
}

async function sources(warehouse: Warehouse, job: JobRecord, load: Body): Promise<Buffer[]> {
  const uris = (load['sourceUris'] ?? []) as string[]
  if (job.upload !== undefined) return [await readFile(job.upload)]
  if (uris.length === 0) throw invalid('Load configuration must specify at least one source URI')
  const { readObject } = warehouse
  if (!readObject) throw notEmulated('loading from Cloud Storage without a Cloud Storage emulator')
  return Promise.all(
    uris.map((uri) => {
      if (!uri.startsWith('gs://')) throw invalid(`Invalid source URI: ${uri}`)
      if (uri.includes('*')) throw notEmulated('a wildcard in a source URI')
      return readObject(uri, { email: job.email })
    }),
  )
}

/** The requested schema, else that of the existing table (unless a detected one replaces it). */
function knownFields(warehouse: Warehouse, destination: Destination, load: Body): Field[] | undefined {
  const given = load['schema'] as Body | undefined
  if (given?.['fields']) return parseFields(given['fields'])
  const { projectId, datasetId, tableId } = destination.table
  const existing = findTable(warehouse, projectId, datasetId, tableId)
  const isReplaced = destination.write === 'WRITE_TRUNCATE' && load['autodetect'] === true
  return existing && existing.fields.length > 0 && !isReplaced ? existing.fields : undefined
}

type TextRow = Record<string, unknown> | BadValue

/** Rows that are decoded and appended between two looks at the rest of the world. */
const BATCH_ROWS = 2048

async function loadText(
  warehouse: Warehouse,
  { files, physical, format, load, known, running }: TextLoad,
): Promise<{ fields: Field[]; rows: number; bad: number }> {
  if (!known && load['autodetect'] !== true) throw invalid('No schema specified on job or table.')
  const options = load as CsvOptions
  const layout = format === 'CSV' ? csvLayout(files, options, known) : undefined
  const read = (types: Field[] | undefined): Iterable<TextRow> =>
    layout ? rowsFromCsv(files, options, layout, types) : eachJsonRow(files)
  // Only with the types known is it clear which empty values are texts and which are NULL.
  const fields = known ?? detectFields([...take(goodRows(read(undefined)), SAMPLE_ROWS)])
  checkFields(fields)
  const decode = rowDecoder(load, fields, format)
  let rows = 0
  await warehouse.store.read(async (connection) => {
    await connection.run(createRowsSql(physical, typesOf({ fields })))
    const source = read(fields)[Symbol.iterator]()
    for (;;) {
      const batch = [...take({ [Symbol.iterator]: () => ({ next: () => source.next() }) }, BATCH_ROWS)]
      if (batch.length === 0) break
      const values = batch.flatMap(decode.row)
      await appendRows(connection, { physical, fields }, values)
      rows += values.length
      await new Promise((resolve) => setImmediate(resolve))
      running.checkStopped()
    }
  })
  return { fields, rows, bad: decode.bad() }
}

interface TextLoad {
  files: readonly Buffer[]
  physical: string
  format: string
  load: Body
  known: Field[] | undefined
  running: RunningJob
}

function* eachJsonRow(files: readonly Buffer[]): Generator<TextRow> {
  for (const file of files) yield* rowsFromJson(file)
}

function* goodRows(rows: Iterable<TextRow>): Generator<Record<string, unknown>> {
  for (const row of rows) if (!(row instanceof BadValue)) yield row
}

/** Decodes rows, and counts those that it leaves out: `maxBadRecords` at most. */
function rowDecoder(
  load: Body,
  fields: readonly Field[],
  format: string,
): { row: (row: TextRow) => DuckDBValue[][]; bad: () => number } {
  const allowed = Number(load['maxBadRecords'] ?? 0)
  const options = { ignoreUnknownValues: load['ignoreUnknownValues'] === true }
  let [bad, count] = [0, 0]
  return {
    bad: () => bad,
    row(row) {
      count += 1
      try {
        if (row instanceof BadValue) throw row
        return [decodeRow(row, fields, options)]
      } catch (error) {
        if (!(error instanceof BadValue)) throw error
        bad += 1
        if (bad > allowed)
          throw invalid(
            `Error while reading data, error message: ${format === 'CSV' ? 'CSV' : 'JSON'} processing encountered too many errors, giving up. Row ${count}: ${error.message}`,
          )
        return []
      }
    },
  }
}
