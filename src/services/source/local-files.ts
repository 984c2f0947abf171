import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { ImageryError } from '../../contracts/errors.ts'
import { CloudError } from '../../google/transport/errors.ts'
import type { TableName } from '../../google/bigquery/bigquery.ts'
import { loadFile } from '../../google/bigquery/jobs.ts'
import { folderRows } from './folder-images.ts'
import type { ModelChoice } from '../options/model-choice.ts'
import { notWritable, withScratchFolder } from './scratch-folder.ts'
import type { FileFormat, Source } from './parse.ts'

/** Loads a local file, or a list of a folder's images, into a table of the run. Returns warnings for the user. */
export async function loadSource(
  source: Exclude<Source, { kind: 'table' }>,
  table: TableName,
  { location, ...choice }: Pick<ModelChoice, 'unit' | 'images'> & { location: string },
): Promise<{ warnings: string[] }> {
  if (source.kind === 'file') {
    await loadChecked(source.given, table, source.file, { format: source.format, location })
    return { warnings: [] }
  }
  const { rows, warnings } = await folderRows(source, choice)
  await withScratchFolder('imagery-', async (scratch) => {
    const file = path.join(scratch, 'images.jsonl')
    const lines = rows.map((row) => `${JSON.stringify(row)}\n`).join('')
    await writeFile(file, lines).catch((error: unknown) => Promise.reject(notWritable(scratch, error)))
    await loadChecked(source.given, table, file, { format: 'NEWLINE_DELIMITED_JSON', location })
  })
  return { warnings }
}

async function loadChecked(
  given: string,
  table: TableName,
  file: string,
  options: { format: FileFormat; location: string },
): Promise<void> {
  try {
    await loadFile(table, file, options)
  } catch (error) {
    if (!(error instanceof CloudError) || error.status !== 'INVALID_ARGUMENT') throw error
    throw new ImageryError('SOURCE_UNSUPPORTED', `${given} cannot be read as ${options.format}: ${error.message}`, {
      cause: error,
    })
  }
}
