import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { ImageryError } from '../../contracts/errors.ts'
import { CloudError } from '../../google/transport/errors.ts'
import { ensureTable, updateTable, type NewTable, type TableName } from '../../google/bigquery/bigquery.ts'
import { loadFile, type LoadedFile } from '../../google/bigquery/jobs.ts'
import type { SourceColumns, SourceField } from './columns.ts'
import { folderRows } from './folder-images.ts'
import { prepareParquet } from './parquet-table.ts'
import { notWritable } from './scratch-folder.ts'
import type { Source } from './parse.ts'
import { prepareTextTable, type PrepareOptions } from './text-table.ts'

/** A local table that is ready to be loaded into BigQuery. */
export interface PreparedSource {
  load: LoadedFile
  /** The columns, with the headers of the file. Undefined for a folder. */
  known: { fields: readonly SourceField[]; columns: SourceColumns } | undefined
  warnings: string[]
}

/**
 * Reads a local table, and writes what BigQuery loads to the scratch folder. Creates nothing else.
 *
 * @throws ImageryError for a file that cannot be read, lacks a column or has no rows
 */
export async function prepareSource(
  source: Exclude<Source, { kind: 'table' }>,
  options: PrepareOptions,
): Promise<PreparedSource> {
  if (source.kind === 'file' && source.format === 'PARQUET') {
    const { file, fields, columns, warnings } = await prepareParquet(source, options)
    return { load: { format: 'PARQUET', file }, known: { fields, columns }, warnings }
  }
  if (source.kind === 'file') {
    const { given, file: original, format } = source
    const table = { given, file: original, isCsv: format === 'CSV' }
    const { file, fields, columns, warnings } = await prepareTextTable(table, options)
    const schema = fields.map(withoutHeader)
    return { load: { format: 'NEWLINE_DELIMITED_JSON', file, schema }, known: { fields, columns }, warnings }
  }
  const { rows, warnings } = await folderRows(source, options)
  const file = path.join(options.scratch, 'images.jsonl')
  const lines = rows.map((row) => `${JSON.stringify(row)}\n`).join('')
  await writeFile(file, lines).catch((error: unknown) => Promise.reject(notWritable(options.scratch, error)))
  const schema = ['asset_id', 'observation_id', 'gcs_uri'].map((name) => ({ name, type: 'STRING' }))
  return { load: { format: 'NEWLINE_DELIMITED_JSON', file, schema }, known: undefined, warnings }
}

/** Loads a prepared table into a new table that expires by itself, in case no command deletes it. */
export async function loadSource(
  given: string,
  table: TableName,
  {
    load,
    location,
    properties,
  }: { load: LoadedFile; location: string; properties: Pick<NewTable, 'description' | 'labels'> & { expiresAt: Date } },
): Promise<void> {
  await ensureTable(table, { ...properties, columns: [] })
  try {
    await loadFile(table, load, { location })
  } catch (error) {
    if (!(error instanceof CloudError) || error.status !== 'INVALID_ARGUMENT') throw error
    throw new ImageryError('SOURCE_UNSUPPORTED', `${given} cannot be read as ${load.format}: ${error.message}`, {
      suggestions:
        load.format === 'PARQUET'
          ? [
              `duckdb -c "COPY (SELECT asset_id, image FROM '${given}') TO 'rows.parquet'"   (with the columns you need)`,
            ]
          : [],
      cause: error,
    })
  }
  // A load that replaces a table's rows may also drop its properties
  // (https://cloud.google.com/bigquery/docs/reference/auditlogs/rest/Shared.Types/BigQueryAuditMetadata.WriteDisposition).
  await updateTable(table, properties)
}

function withoutHeader({ header: _header, ...field }: SourceField): SourceField {
  if (field.fields) return { ...field, fields: field.fields.map(withoutHeader) }
  return field
}
