import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { ImageryError } from '../contracts/errors.ts'
import type { RunSpec } from '../contracts/run-spec.ts'
import { CloudError } from '../google/errors.ts'
import type { TableName } from '../google/bigquery.ts'
import { loadFile } from '../google/bigquery-jobs.ts'
import { streamAssets } from '../google/run-tables.ts'
import { listObjects, objectName, writeObject } from '../google/storage.ts'
import { BUCKETS } from '../contracts/messages.ts'
import type { ModelChoice } from './model-choice.ts'
import type { FileFormat, Source } from './source.ts'

/** Content types by file ending; what has another ending is no image. */
const CONTENT_TYPES: Record<string, string> = {
  '.jpg': 'image/jpeg',
  '.jpeg': 'image/jpeg',
  '.png': 'image/png',
  '.webp': 'image/webp',
  '.heic': 'image/heic',
  '.heif': 'image/heif',
}

const UPLOADS_AT_ONCE = 16

/** Loads a local file, or a list of a folder's images, into a table of the run. Answers warnings for the user. */
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
  const scratch = await mkdtemp(path.join(os.tmpdir(), 'imagery-'))
  try {
    const file = path.join(scratch, 'images.jsonl')
    await writeFile(file, rows.map((row) => `${JSON.stringify(row)}\n`).join(''))
    await loadChecked(source.given, table, file, { format: 'NEWLINE_DELIMITED_JSON', location })
  } finally {
    await rm(scratch, { recursive: true, force: true })
  }
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

/** One asset per image of the folder itself, one per subfolder that holds images, whatever its depth. */
async function folderRows(
  source: { given: string; folder: string },
  { unit, images: { max_per_unit: most, pick } }: Pick<ModelChoice, 'unit' | 'images'>,
): Promise<{ rows: object[]; warnings: string[] }> {
  const entries = await readdir(source.folder, { recursive: true, withFileTypes: true })
  const images = entries
    .filter((entry) => entry.isFile() && path.extname(entry.name).toLowerCase() in CONTENT_TYPES)
    .map((entry) => path.relative(source.folder, path.join(entry.parentPath, entry.name)).split(path.sep).join('/'))
    .toSorted()
  if (images.length === 0) {
    throw new ImageryError('NO_ASSETS', `${source.given} holds no image (${Object.keys(CONTENT_TYPES).join(', ')})`)
  }
  const sizes = new Map<string, number>()
  const rows = images.map((image) => {
    const folder = path.posix.dirname(image)
    const asset = folder === '.' ? path.posix.basename(image) : folder
    sizes.set(asset, (sizes.get(asset) ?? 0) + 1)
    return { asset_id: asset, observation_id: image, gcs_uri: image }
  })
  const warnings = [...sizes]
    .filter(([, size]) => unit === 'asset' && size > most)
    .map(
      ([asset, size]) =>
        `${asset} has ${size} images; ${pick === 'spread' ? `${most} spread over their names` : `the first ${most} by name`} are used`,
    )
  return { rows, warnings }
}

/** What an earlier try has staged already: objects are written whole or not at all. */
async function stagedImages(prefix: string): Promise<string[]> {
  const { bucket, path: folder } = objectName(prefix)
  return (await listObjects(bucket, folder)).map((name) => `gs://${bucket}/${name}`)
}

/**
 * Copies the images that the run's snapshot names into the bucket, but for those that are there. A file that is missing is not
 * an error here: the asset's row will say so.
 *
 * @param imageFolder relative image paths are relative to it
 * @param imagePrefix what the snapshot put before them
 */
export async function stageImages(
  spec: RunSpec,
  options: { imageFolder: string; imagePrefix: string; progress: (staged: number) => void },
): Promise<{ staged: number; missing: number }> {
  let staged = 0
  let missing = 0
  const uris = new Set<string>()
  for await (const asset of streamAssets(spec, 0, BUCKETS - 1, { onlyPending: false })) {
    for (const { gcs_uri: uri } of asset.observations) if (uri.startsWith(options.imagePrefix)) uris.add(uri)
  }
  for (const staged of await stagedImages(options.imagePrefix)) uris.delete(staged)
  const queue = uris.values()
  const worker = async (): Promise<void> => {
    for (const uri of queue) {
      const file = path.resolve(options.imageFolder, uri.slice(options.imagePrefix.length))
      const bytes = await readFile(file).catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined
        throw new ImageryError('FILE_NOT_FOUND', `${file} cannot be read: ${error.message}`, { cause: error })
      })
      if (bytes === undefined) {
        missing += 1
        continue
      }
      await writeObject(uri, bytes, {
        contentType: CONTENT_TYPES[path.extname(file).toLowerCase()] ?? 'application/octet-stream',
      })
      staged += 1
      options.progress(staged)
    }
  }
  await Promise.all(Array.from({ length: UPLOADS_AT_ONCE }, worker))
  return { staged, missing }
}
