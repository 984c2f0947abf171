import { realpath } from 'node:fs/promises'
import path from 'node:path'
import { ImageryError } from '../../contracts/errors.ts'
import { tableOfFolder } from './other-files.ts'
import { addressScheme } from '../../contracts/gs-uri.ts'
import type { ModelChoice } from '../options/model-choice.ts'
import { openImageFolders, readListedHead, type ImageFolders } from './image-file.ts'
import { fileKind, HEAD_BYTES, IMAGE_KINDS, isNamedAsImage } from './image-types.ts'
import { filesBelow, type FoundFile } from './walk-folder.ts'

/** A row of the table that represents a folder of images. */
export interface FolderRow {
  asset_id: string
  observation_id: string
  gcs_uri: string
}

/** Files whose beginnings are read at once. */
const READS_AT_ONCE = 16

/**
 * Lists one asset per image directly in the folder, and one per subfolder that contains images, at any depth. A file is an
 * image by its content. One that only has an image's name is listed too, even a link or a pipe, and its row says why
 * it cannot be read. Everything else that is not listed is counted in the warnings, except what systems keep there.
 *
 * @throws ImageryError FILE_NOT_FOUND if the folder itself cannot be read, NO_ASSETS if there is no image
 */
export async function folderRows(
  source: { given: string; folder: string },
  {
    unit,
    images: { max_per_unit: most, pick },
    imageRoots = [],
  }: Pick<ModelChoice, 'unit' | 'images'> & { imageRoots?: readonly string[] },
): Promise<{ rows: FolderRow[]; warnings: string[] }> {
  const folders = await openImageFolders(source.folder, imageRoots)
  const { files, warnings } = await filesBelow(folders)
  const { images, others, secondNames } = await sortByContent(files, folders)
  const left = leftOut(others)
  if (images.length === 0) {
    throw new ImageryError(
      'NO_ASSETS',
      [`${source.given} contains no images (${IMAGE_KINDS} are read)`, ...left, ...warnings].join('; '),
      { suggestions: tableOfFolder(source.given, files) },
    )
  }
  warnings.push(...left)
  if (secondNames > 0)
    warnings.push(
      `${secondNames} ${secondNames === 1 ? 'link leads to an image that is' : 'links lead to images that are'} listed anyway, and ${secondNames === 1 ? 'is' : 'are'} skipped`,
    )
  const sizes = new Map<string, number>()
  const rows = images.map((image) => {
    const folder = path.posix.dirname(image)
    const asset = folder === '.' ? path.posix.basename(image) : folder
    sizes.set(asset, (sizes.get(asset) ?? 0) + 1)
    // A name such as `data:1.jpg` looks like an address, and one of blanks only like no name.
    const isPlain = addressScheme(image) === undefined && image.trim() !== ''
    const uri = isPlain ? image : `./${image}`
    return { asset_id: asset, observation_id: image, gcs_uri: uri }
  })
  for (const [asset, size] of sizes) {
    if (unit === 'asset' && size > most)
      warnings.push(
        `${asset} has ${size} images; only ${pick === 'spread' ? `${most}, spread over their names,` : `the first ${most} by name`} are used`,
      )
  }
  return { rows, warnings }
}

/** Separates images from other files, which are counted by kind. */
async function sortByContent(
  files: readonly FoundFile[],
  folders: ImageFolders,
): Promise<{ images: string[]; others: Map<string, number>; secondNames: number }> {
  const images: { name: string; isLink: boolean }[] = []
  const others = new Map<string, number>()
  const count = (kind: string): void => void others.set(kind, (others.get(kind) ?? 0) + 1)
  const queue = files.values()
  const worker = async (): Promise<void> => {
    for (const { name, isLink, isFile } of queue) {
      const base = path.posix.basename(name)
      if (isNamedAsImage(base)) {
        images.push({ name, isLink })
        continue
      }
      // Nothing outside the folders is read, and opening a pipe could wait forever.
      const head = isFile ? await readListedHead(name, folders, HEAD_BYTES) : { refused: '' }
      const kind = 'bytes' in head ? fileKind(base, head.bytes) : { other: 'files that cannot be read' }
      if (kind === 'image') images.push({ name, isLink })
      else if (kind !== 'of the system' && isFile) count(kind.other)
    }
  }
  await Promise.all(Array.from({ length: READS_AT_ONCE }, worker))
  const once = await withoutSecondNames(images, folders)
  return { images: once.toSorted(), others, secondNames: images.length - once.length }
}

/** Leaves out links to images that are listed under their own names or by an earlier link. */
async function withoutSecondNames(
  images: readonly { name: string; isLink: boolean }[],
  { base }: ImageFolders,
): Promise<string[]> {
  if (!images.some(({ isLink }) => isLink)) return images.map(({ name }) => name)
  const real = (name: string): Promise<string> => realpath(path.join(base, name)).catch(() => path.join(base, name))
  const seen = new Set<string>()
  const kept: string[] = []
  // Files first, so that a link never takes the place of its image.
  for (const { name } of images.toSorted((a, b) => Number(a.isLink) - Number(b.isLink) || (a.name < b.name ? -1 : 1))) {
    const place = await real(name)
    if (!seen.has(place)) kept.push(name)
    seen.add(place)
  }
  return kept
}

/** One sentence with the number of files of each kind. */
function leftOut(others: ReadonlyMap<string, number>): string[] {
  const total = [...others.values()].reduce((sum, number) => sum + number, 0)
  if (total === 0) return []
  const list = [...others]
    .toSorted(([a, x], [b, y]) => y - x || (a < b ? -1 : 1))
    .map(([kind, number]) => `${kind} (${number})`)
  return [
    `${total} ${total === 1 ? 'file is' : 'files are'} not used, because imagery reads ${IMAGE_KINDS}: ${list.join(', ')}`,
  ]
}
