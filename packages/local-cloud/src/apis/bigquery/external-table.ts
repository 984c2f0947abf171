import { GoogleError, notEmulated } from '../../kernel/errors.ts'
import { loadParquet } from './load-parquet.ts'
import { loadText, type LoadedRows, type SourceFile } from './load-text.ts'
import type { ExternalData, TableRecord } from './records.ts'
import { RunningJob } from './running-job.ts'
import { encodingOf } from './source-text.ts'
import { fieldType, parseFields, type Field } from './table-schema.ts'
import type { Warehouse } from './warehouse.ts'

type Body = Record<string, unknown>

/** https://cloud.google.com/bigquery/docs/reference/rest/v2/tables#externaldataconfiguration */
const KNOWN = new Set(
  'sourceUris sourceFormat schema autodetect compression maxBadRecords ignoreUnknownValues csvOptions parquetOptions decimalTargetTypes'.split(
    ' ',
  ),
)
const FORMATS = ['CSV', 'NEWLINE_DELIMITED_JSON', 'PARQUET']
const DRIVE = /^https:\/\/(?:drive|docs)\.google\.com\//

const invalid = (message: string): GoogleError => new GoogleError('INVALID_ARGUMENT', message, { reason: 'invalid' })

/** Reads the configuration of an external table (https://cloud.google.com/bigquery/docs/external-tables). */
export function parseExternalData(value: unknown): ExternalData | undefined {
  if (value === null || value === undefined) return undefined
  const given = value as Body
  for (const [name, option] of Object.entries(given))
    if (!KNOWN.has(name) && option !== null) throw notEmulated(`the option ${name} of an external table`)
  const uris = (given['sourceUris'] ?? []) as string[]
  if (uris.length === 0) throw invalid('Required parameter is missing: sourceUris')
  const wrong = uris.find((uri) => !uri.startsWith('gs://') && !DRIVE.test(uri))
  if (wrong !== undefined) throw invalid(`Invalid source URI: ${wrong}`)
  if (uris.some((uri) => uri.includes('*'))) throw notEmulated('a wildcard in a source URI')
  const format = String(given['sourceFormat'])
  if (!uris.some((uri) => DRIVE.test(uri)) && !FORMATS.includes(format))
    throw notEmulated(`an external table of ${format}`)
  return { ...given, sourceUris: uris, sourceFormat: format }
}

/** The schema of an external table, detected when the table is created if it is not given. */
export async function externalFields(
  warehouse: Warehouse,
  data: ExternalData,
  { given, email }: { given: Field[] | undefined; email: string },
): Promise<Field[]> {
  const schema = data['schema'] as Body | undefined
  if (given) return given
  if (schema?.['fields']) return parseFields(schema['fields'])
  if (data.sourceUris.some((uri) => DRIVE.test(uri))) throw notEmulated('the detected schema of a file in Google Drive')
  const physical = warehouse.store.newPhysical()
  try {
    return (await read(warehouse, data, { physical, known: undefined, email, running: new RunningJob() })).fields
  } finally {
    await warehouse.store.read((connection) => connection.run(`DROP TABLE IF EXISTS data.${physical}`))
  }
}

/**
 * Reads the files of an external table into a table of rows, for one query: they are read each time, with the rights of the
 * caller.
 *
 * @returns the bytes of the files
 */
export async function readExternal(
  warehouse: Warehouse,
  { record, physical }: { record: TableRecord; physical: string },
  { email, running }: { email: string; running: RunningJob },
): Promise<number> {
  const key = `${record.project}.${record.dataset}.${record.table}`
  const data = record.external!
  // What is detected is detected with each query; a Parquet file has no header that could be mistaken.
  const isDetected = data['autodetect'] === true && data.sourceFormat !== 'PARQUET'
  const known = isDetected ? undefined : record.fields
  try {
    const { fields, bytes } = await read(warehouse, data, { physical, known, email, running })
    if (JSON.stringify(fields.map(fieldType)) !== JSON.stringify(record.fields.map(fieldType)))
      throw notEmulated('an external table whose files have another schema than when it was created')
    return bytes
  } catch (error) {
    if (!(error instanceof GoogleError) || error.reason !== 'invalid') throw error
    const message = error.message.replace(/^Error while reading data, error message: /, '')
    throw new GoogleError('INVALID_ARGUMENT', `Error while reading table: ${key}, error message: ${message}`, {
      reason: 'invalid',
      cause: error,
    })
  }
}

async function read(
  warehouse: Warehouse,
  data: ExternalData,
  how: { physical: string; known: Field[] | undefined; email: string; running: RunningJob },
): Promise<LoadedRows & { bytes: number }> {
  const { physical, known, running } = how
  const files = await Promise.all(data.sourceUris.map((uri) => readFile(warehouse, uri, how.email)))
  const { csvOptions, ...rest } = data
  const load: Body = { ...rest, ...(csvOptions as Body | undefined) }
  encodingOf(load['encoding'])
  const format = data.sourceFormat
  const loaded =
    format === 'PARQUET'
      ? await loadParquet(warehouse, { files, physical, load, known, running })
      : await loadText(warehouse, { files, physical, format, load, known, running })
  return { ...loaded, bytes: files.reduce((sum, { content }) => sum + content.length, 0) }
}

/**
 * The words of the refusals: minodisk/bigquery-runner#7 for Drive, whose scope no token of the local cloud has, and
 * cal-itp/data-infra#4131 for a bucket.
 */
async function readFile({ readObject }: Warehouse, uri: string, email: string): Promise<SourceFile> {
  if (DRIVE.test(uri))
    throw denied('Access Denied: BigQuery BigQuery: Permission denied while getting Drive credentials.')
  if (!readObject) throw notEmulated('an external table without a Cloud Storage emulator')
  try {
    return { content: await readObject(uri, { email }), uri }
  } catch (error) {
    if (!(error instanceof GoogleError)) throw error
    if (error.status === 'PERMISSION_DENIED') {
      throw denied(
        `Access Denied: BigQuery BigQuery: Permission denied while globbing file pattern. ${email} does not have storage.objects.list access to the Google Cloud Storage bucket. Permission 'storage.objects.list' denied on resource (or it may not exist). Please make sure ${uri} is accessible via appropriate IAM roles, e.g. Storage Object Viewer or Storage Object Creator.`,
      )
    }
    if (error.status === 'NOT_FOUND')
      throw new GoogleError('NOT_FOUND', `Not found: URI ${uri}`, { reason: 'notFound', cause: error })
    throw error
  }
}

function denied(message: string): GoogleError {
  return new GoogleError('PERMISSION_DENIED', message, { reason: 'accessDenied' })
}
