import type { Dirent } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import path from 'node:path'
import { ImageryError } from '../../contracts/errors.ts'
import { errnoText } from '../../contracts/file-kind.ts'
import { shellWord } from '@imagery/local-cloud/contract/shell-word'
import type { ModelChoice } from '../options/model-choice.ts'
import { IMAGE_ENDINGS, imageContentType } from './image-types.ts'

/** A row of the table that represents a folder of images. */
export interface FolderRow {
  asset_id: string
  observation_id: string
  gcs_uri: string
}

/**
 * Lists one asset per image directly in the folder, and one per subfolder that contains images, at any depth. Every entry
 * with an image's name is listed, even a link or a pipe. If it cannot be read, its row says so.
 *
 * @throws ImageryError FILE_NOT_FOUND that names the subfolder that cannot be read, NO_ASSETS if there is no image
 */
export async function folderRows(
  source: { given: string; folder: string },
  { unit, images: { max_per_unit: most, pick } }: Pick<ModelChoice, 'unit' | 'images'>,
): Promise<{ rows: FolderRow[]; warnings: string[] }> {
  const entries = await entriesBelow(source.folder)
  const below = (entry: Dirent): string =>
    path.relative(source.folder, path.join(entry.parentPath, entry.name)).split(path.sep).join('/')
  const images = entries
    .filter((entry) => !entry.isDirectory() && imageContentType(entry.name) !== undefined)
    .map(below)
    .toSorted()
  if (images.length === 0) {
    throw new ImageryError('NO_ASSETS', `${source.given} contains no images (${IMAGE_ENDINGS.join(', ')})`)
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
        `${asset} has ${size} images; only ${pick === 'spread' ? `${most}, spread over their names,` : `the first ${most} by name`} are used`,
    )
  for (const link of await linkedFolders(entries)) {
    warnings.push(`${below(link)} is a link to a folder and is not followed; its images are skipped`)
  }
  return { rows, warnings }
}

async function entriesBelow(folder: string): Promise<Dirent[]> {
  try {
    return await readdir(folder, { recursive: true, withFileTypes: true })
  } catch (error) {
    const unread = (error as NodeJS.ErrnoException).path ?? folder
    throw new ImageryError(
      'FILE_NOT_FOUND',
      `Folder ${unread} cannot be read, so its images would be missing: ${errnoText(error)}`,
      { suggestions: [`ls -ld ${shellWord(unread)}`], cause: error },
    )
  }
}

/** Finds links to folders, which can lead in a circle or anywhere. */
async function linkedFolders(entries: readonly Dirent[]): Promise<Dirent[]> {
  const links = entries.filter((entry) => entry.isSymbolicLink() && imageContentType(entry.name) === undefined)
  const isFolder = await Promise.all(
    links.map((link) =>
      stat(path.join(link.parentPath, link.name)).then(
        (target) => target.isDirectory(),
        // The link leads nowhere, so no folder is skipped.
        () => false,
      ),
    ),
  )
  return links.filter((_, index) => isFolder[index])
}
