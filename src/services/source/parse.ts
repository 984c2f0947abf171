import { stat } from 'node:fs/promises'
import path from 'node:path'
import { ImageryError } from '../../contracts/errors.ts'
import { errnoText, otherKind } from '../../contracts/file-kind.ts'
import { shellWord } from '@imagery/local-cloud/contract/shell-word'
import type { TableName } from '../../google/bigquery/bigquery.ts'
import { otherExtension } from './other-files.ts'
import { isResourceName, isTableName, parseTableName } from './table-name.ts'

/** The value of `--table`. */
export type Source =
  | TableSource
  | { kind: 'file'; given: string; file: string; format: FileFormat; imageFolder: string }
  | { kind: 'folder'; given: string; folder: string }

/** A BigQuery table. `partition` is what a decorator names: `20260914` in `obs$20260914`. */
export interface TableSource {
  kind: 'table'
  given: string
  table: TableName
  partition?: string
}

export type FileFormat = 'CSV' | 'NEWLINE_DELIMITED_JSON' | 'PARQUET'

const FORMATS: Record<string, FileFormat> = {
  '.csv': 'CSV',
  '.tsv': 'CSV',
  '.jsonl': 'NEWLINE_DELIMITED_JSON',
  '.ndjson': 'NEWLINE_DELIMITED_JSON',
  '.json': 'NEWLINE_DELIMITED_JSON',
  '.geojson': 'NEWLINE_DELIMITED_JSON',
  '.geojsonl': 'NEWLINE_DELIMITED_JSON',
  '.parquet': 'PARQUET',
  '.geoparquet': 'PARQUET',
}

/**
 * Resolves `--table` to a file or folder if one with that name exists, else to a BigQuery table.
 *
 * @throws ImageryError INVALID_FLAG, FILE_NOT_FOUND or SOURCE_UNSUPPORTED, before anything is created
 */
export async function parseSource(given: string): Promise<Source> {
  const entry = await stat(given).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined
    throw new ImageryError('FILE_NOT_FOUND', `${given} cannot be read: ${error.message}`, {
      suggestions: [`ls -ld ${shellWord(given)}`],
      cause: error,
    })
  })
  const format = FORMATS[path.extname(given).toLowerCase()]
  const kind = entry && otherKind(entry)
  if (entry?.isDirectory()) return { kind: 'folder', given, folder: path.resolve(given) }
  if (entry) {
    if (!format) {
      throw new ImageryError(
        'SOURCE_UNSUPPORTED',
        `${given} is not a table: ${path.extname(given) ? `its extension ${path.extname(given)}` : 'its missing extension'} is not one of ${Object.keys(FORMATS).join(', ')}`,
        {
          suggestions: [
            ...otherExtension(given),
            'Use a CSV, JSONL or Parquet file, a folder of images, or project.dataset.table',
          ],
        },
      )
    }
    // The source is read twice, to load it and to hash it, and only a regular file can be read twice.
    if (kind !== undefined) {
      throw new ImageryError('SOURCE_UNSUPPORTED', `${given} is ${kind}, not a file`, {
        suggestions: ['Write its content to a file, and use that file'],
      })
    }
    if (entry.size === 0) throw new ImageryError('NO_ASSETS', `${given} is empty`)
    const file = path.resolve(given)
    return { kind: 'file', given, file, format, imageFolder: path.dirname(file) }
  }
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(given) && !isResourceName(given)) throw elsewhere(given)
  // A table's name has dots. A name with no dot, with a file's extension or with a slash is a file.
  if (given !== '' && !isResourceName(given) && (format || given.includes('/') || !given.includes('.'))) {
    throw new ImageryError('FILE_NOT_FOUND', `${given}: no such file or folder`, {
      suggestions: [
        `ls ${path.dirname(given)}`,
        // A table's name can look like that of a file.
        ...(isTableName(given) ? [`imagery run --table bq://${given} …   (if it is a table in BigQuery)`] : []),
      ],
    })
  }
  return { kind: 'table', given, ...parseTableName(given) }
}

/** What is at an address is not read: a run loads a file, and hashes it, from this machine. */
function elsewhere(given: string): ImageryError {
  const copy = /^gs:/i.test(given)
    ? `gcloud storage cp ${shellWord(given)} .   (then the path of the copy)`
    : /^https?:/i.test(given)
      ? `curl -fLO ${shellWord(given)}   (then the path of the copy)`
      : 'Use a CSV, JSONL or Parquet file, a folder of images, or project.dataset.table'
  return new ImageryError(
    'SOURCE_UNSUPPORTED',
    `${given} is an address; a table is a file on this machine, or in BigQuery`,
    { suggestions: [copy] },
  )
}

/**
 * Checks that images may be fetched from the web: services on Google Cloud read only Cloud Storage, and a table in BigQuery
 * is read as it is.
 *
 * @throws ImageryError INVALID_FLAG
 */
export function checkFetchImages(source: Source, { local }: { local?: boolean | undefined }): void {
  if (local === true && source.kind !== 'table') return
  const why =
    local === true ? `${source.given} is in BigQuery` : 'on Google Cloud, imagery reads images from Cloud Storage'
  throw new ImageryError(
    'INVALID_FLAG',
    `--fetch-images works only with --local and a local table; ${why}. Storage Transfer Service copies a list of URLs to a bucket: https://cloud.google.com/storage-transfer/docs/create-url-list`,
    {
      suggestions: [
        'gcloud storage cp FOLDER/* gs://BUCKET/   (after a download), then use the gs:// URIs',
        'imagery run --local --table FILE --fetch-images …',
      ],
    },
  )
}

/**
 * Returns the folders of `--image-root` as absolute paths.
 *
 * @throws ImageryError INVALID_FLAG for a table that is not local, FILE_NOT_FOUND for a path that is not a folder
 */
export async function parseImageRoots(given: readonly string[], source: Source): Promise<string[]> {
  if (given.length > 0 && source.kind === 'table') {
    throw new ImageryError(
      'INVALID_FLAG',
      `--image-root works only with a local table; ${source.given} is in BigQuery`,
      { suggestions: ['Run the same command without --image-root'] },
    )
  }
  for (const folder of given) {
    const entry = await stat(folder).catch((error: unknown) => {
      throw new ImageryError('FILE_NOT_FOUND', `--image-root ${folder} cannot be read: ${errnoText(error)}`, {
        suggestions: [`ls -ld ${shellWord(folder)}`],
        cause: error,
      })
    })
    if (!entry.isDirectory())
      throw new ImageryError('FILE_NOT_FOUND', `--image-root ${folder} is not a folder`, {
        suggestions: [`--image-root ${shellWord(path.dirname(folder))}`],
      })
  }
  return given.map((folder) => path.resolve(folder))
}
