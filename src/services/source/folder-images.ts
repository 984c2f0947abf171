import type { Dirent } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import path from 'node:path'
import { ImageryError } from '../../contracts/errors.ts'
import { errnoText } from '../../contracts/file-kind.ts'
import { shellWord } from '@imagery/local-cloud/contract/shell-word'
import type { ModelChoice } from '../options/model-choice.ts'
import { IMAGE_ENDINGS, imageContentType } from './image-types.ts'

/** A row of the table that a folder of images stands for. */
export interface FolderRow {
  asset_id: string
  observation_id: string
  gcs_uri: string
}

/**
 * One asset per image of the folder itself, one per subfolder that holds images, whatever its depth. Whatever has an
 * image's name is listed, a link or a pipe too: what of it cannot be read gets a row that says so.
 *
 * @throws ImageryError FILE_NOT_FOUND naming the subfolder that cannot be read, NO_ASSETS when there is no image
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
    throw new ImageryError('NO_ASSETS', `${source.given} holds no image (${IMAGE_ENDINGS.join(', ')})`)
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
  for (const link of await linkedFolders(entries)) {
    warnings.push(`${below(link)} is a link to a folder, which is not followed: its images are left out`)
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
      `The folder ${unread} cannot be read, and its images would be missing: ${errnoText(error)}`,
      { suggestions: [`ls -ld ${shellWord(unread)}`], cause: error },
    )
  }
}

/** Links to folders: they may lead round in a circle, or anywhere. */
async function linkedFolders(entries: readonly Dirent[]): Promise<Dirent[]> {
  const links = entries.filter((entry) => entry.isSymbolicLink() && imageContentType(entry.name) === undefined)
  const isFolder = await Promise.all(
    links.map((link) =>
      stat(path.join(link.parentPath, link.name)).then(
        (target) => target.isDirectory(),
        // It leads nowhere, so there is no folder to be missed.
        () => false,
      ),
    ),
  )
  return links.filter((_, index) => isFolder[index])
}
