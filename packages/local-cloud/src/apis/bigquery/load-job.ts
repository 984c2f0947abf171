import { readFile } from 'node:fs/promises'
import { GoogleError, notEmulated } from '../../kernel/errors.ts'
import { destinationTable, putRows, type Destination } from './destination.ts'
import { loadParquet } from './load-parquet.ts'
import { loadText, type SourceFile } from './load-text.ts'
import type { JobRecord, TableReference } from './records.ts'
import type { RunningJob } from './running-job.ts'
import { encodingOf } from './source-text.ts'
import { parseFields, type Field } from './table-schema.ts'
import { dataset, findTable, type Warehouse } from './warehouse.ts'

type Body = Record<string, unknown>

/** https://cloud.google.com/bigquery/docs/reference/rest/v2/Job#jobconfigurationload */
const KNOWN = new Set(
  `sourceUris destinationTable createDisposition writeDisposition schema sourceFormat autodetect skipLeadingRows fieldDelimiter quote
  nullMarker nullMarkers preserveAsciiControlCharacters allowQuotedNewlines allowJaggedRows encoding maxBadRecords ignoreUnknownValues timePartitioning rangePartitioning
  clustering parquetOptions decimalTargetTypes columnNameCharacterMap`.split(/\s+/),
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
  const to = destinationTable(reference, project)
  const { table } = to
  const owner = dataset(warehouse, table.projectId, table.datasetId)
  if (location !== undefined && location !== owner.location) {
    throw new GoogleError(
      'NOT_FOUND',
      `Not found: Dataset ${table.projectId}:${table.datasetId} was not found in location ${location}`,
    )
  }
  const format = String(load['sourceFormat'] ?? 'CSV')
  if (!FORMATS.includes(format)) throw notEmulated(`loading ${format}`)
  encodingOf(load['encoding'])
  if (load['schema']) parseFields((load['schema'] as Body)['fields'])
  const destination: Destination = {
    ...to,
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
        ? await loadParquet(warehouse, { files, physical, load, known, running })
        : await loadText(warehouse, { files, physical, format, load, known, running })
    running.checkStopped()
    await store.write(async () => {
      const rows = { destination, location, fields: loaded.fields, physical, totalRows: loaded.rows }
      const changes = await putRows(warehouse, rows)
      const inputBytes = files.reduce((sum, { content }) => sum + content.length, 0)
      const statistics = {
        load: {
          inputFiles: String(files.length),
          inputFileBytes: String(inputBytes),
          outputRows: String(loaded.rows),
          outputBytes: String(inputBytes),
          badRecords: String(loaded.bad),
        },
      }
      const errors = loaded.errors.length > 0 ? { errors: loaded.errors } : {}
      return { ...changes, jobs: [finish({ ...job, statistics, ...errors })] }
    })
  } catch (error) {
    await store.read((connection) => connection.run(`DROP TABLE IF EXISTS data.${physical}`))
    throw error
  }
}

async function sources(warehouse: Warehouse, job: JobRecord, load: Body): Promise<SourceFile[]> {
  const uris = (load['sourceUris'] ?? []) as string[]
  if (job.upload !== undefined) return [{ content: await readFile(job.upload), uri: undefined }]
  if (uris.length === 0) throw invalid('Load configuration must specify at least one source URI')
  const { readObject } = warehouse
  if (!readObject) throw notEmulated('loading from Cloud Storage without a Cloud Storage emulator')
  return Promise.all(
    uris.map(async (uri) => {
      if (!uri.startsWith('gs://')) throw invalid(`Invalid source URI: ${uri}`)
      if (uri.includes('*')) throw notEmulated('a wildcard in a source URI')
      return { content: await readObject(uri, { email: job.email }), uri }
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
