import { stat } from 'node:fs/promises'
import { detectFormat } from '../../contracts/image-format.ts'
import { parseGsUri } from '../../contracts/gs-uri.ts'
import { bucketName, runImagesPrefix, unstagedReasonPath, unstagedReasonsPrefix } from '../../contracts/names.ts'
import type { RunSpec } from '../../contracts/run-spec.ts'
import { stagedImages } from '../../run-data/staged-images.ts'
import { LocalFiles } from '../../google/storage/local-file.ts'
import { listObjects, writeObject } from '../../google/storage/storage.ts'
import { HEAD_BYTES } from './image-types.ts'
import { fetchWebImage, isWebAddress } from './web-image.ts'
import { folderGone, MISSING, openImageFolders, withImageFile } from './image-file.ts'
import type { ImageFile, ImageFolders, OpenImage } from './image-file.ts'

const UPLOADS_AT_ONCE = 16

/** The outcome of staging the images of a local file or folder. */
export interface Staged {
  staged: number
  /** Images that were not read. The rows of their assets give the reason. */
  leftOut: number
  /** One of those images, with its reason. */
  example?: string
}

/**
 * Copies the images that the run's snapshot names to the bucket, except those already there.
 * With `--fetch-images`, images at https addresses are fetched, or taken from the cache. An image that cannot or must
 * not be read is no error here: the reason is stored next to the images, and the asset's row reports it.
 *
 * @param options.units only the images of these units; undefined for all
 * @throws ImageryError FILE_NOT_FOUND if a folder is missing that images must still be copied from
 */
export async function stageImages(
  spec: RunSpec,
  {
    cache,
    progress,
    units,
  }: { cache?: string | undefined; progress: (staged: number) => void; units?: ReadonlySet<string> | undefined },
): Promise<Staged> {
  const { image_folder: tableFolder, image_roots: imageRoots = [] } = spec.source
  const outcome: Staged = { staged: 0, leftOut: 0 }
  if (tableFolder === null) return outcome
  const images = await unstagedImages(spec, units)
  if (images.length === 0) return outcome
  const leaveOut = ({ name }: Image, reason: string): void => {
    outcome.leftOut += 1
    outcome.example ??= `${name} ${reason}`
  }
  const folders = await openImageFolders(tableFolder, imageRoots).catch(async (error: unknown): Promise<undefined> => {
    // A resumed run does not need the folder of images that it has already skipped.
    if (await haveReasons(spec, images)) return undefined
    throw error
  })
  const queue = images.values()
  const localFiles = new LocalFiles()
  const worker = async (): Promise<void> => {
    for (const image of queue) {
      const file = await takeImage(image, folders, { localFiles, cache: spec.source.fetch_images ? cache : undefined })
      if ('refused' in file) {
        leaveOut(image, file.refused)
        if (image.fault === undefined && folders)
          await writeObject(image.reason, file.refused, { contentType: 'text/plain; charset=utf-8' })
      } else {
        if (!file.isStored) await writeObject(image.uri, file.bytes, { contentType: file.contentType })
        outcome.staged += 1
        progress(outcome.staged)
      }
    }
  }
  await Promise.all(Array.from({ length: UPLOADS_AT_ONCE }, worker))
  return outcome
}

/** An image of the snapshot that is not in the bucket. */
interface Image {
  /** As the table names it. */
  name: string
  uri: string
  /** The object with the reason that it is not in the bucket. */
  reason: string
  /** Why Cloud Storage cannot have an object with that name. The runtime reports this itself. */
  fault: string | undefined
}

async function unstagedImages(spec: RunSpec, units: ReadonlySet<string> | undefined): Promise<Image[]> {
  const prefix = runImagesPrefix(spec.place, spec.run_id)
  const bucket = `gs://${bucketName(spec.place)}/`
  const uris = new Set<string>()
  for await (const { unit_id: unit, gcs_uri: uri } of stagedImages(spec)) if (!units || units.has(unit)) uris.add(uri)
  // Objects are written whole or not at all.
  for (const staged of await listObjects(bucketName(spec.place), prefix.slice(bucket.length)))
    uris.delete(`${bucket}${staged}`)
  return [...uris].map((uri) => {
    const object = parseGsUri(uri)
    return {
      name: uri.slice(prefix.length),
      uri,
      reason: `${bucket}${unstagedReasonPath(spec.run_id, uri)}`,
      fault: 'fault' in object ? object.fault : undefined,
    }
  })
}

async function haveReasons(spec: RunSpec, images: readonly Image[]): Promise<boolean> {
  const bucket = bucketName(spec.place)
  const reasons = new Set(await listObjects(bucket, unstagedReasonsPrefix(spec.run_id)))
  return images.every(({ reason, fault }) => fault !== undefined || reasons.has(reason.slice(`gs://${bucket}/`.length)))
}

/** An image that the local cloud has taken, one to upload, or why it is neither. */
type Taken = { isStored: true } | { isStored: false; bytes: Buffer; contentType: string } | { refused: string }

/** A file that is no image is refused here, before it is copied or a model is asked. */
async function takeImage(
  image: Image,
  folders: ImageFolders | undefined,
  { localFiles, cache }: { localFiles: LocalFiles; cache: string | undefined },
): Promise<Taken> {
  if (image.fault !== undefined) return { refused: image.fault }
  if (!folders) return { refused: 'was skipped before' }
  if (cache !== undefined && isWebAddress(image.name)) return toUpload(await fetchWebImage(image.name, { cache }))
  const taken = await withImageFile(image.name, folders, (file) => takeFile(image.uri, file, localFiles))
  // If its folder is gone, the image is not missing: the whole run must wait for the folder.
  if ('refused' in taken && taken.refused === MISSING) {
    for (const root of folders.roots)
      await stat(root).catch((error: unknown) => Promise.reject(folderGone(root, error)))
  }
  return taken
}

async function takeFile(uri: string, file: OpenImage, localFiles: LocalFiles): Promise<Taken> {
  const detected = detectFormat(await file.head(HEAD_BYTES))
  // A file that the kernel generates has bytes, and no size.
  const canBeStored = 'format' in detected && file.stats.size > 0n
  if (canBeStored && (await localFiles.store(uri, file, `image/${detected.format}`))) return { isStored: true }
  return toUpload(await file.whole())
}

function toUpload(file: ImageFile): Taken {
  if ('refused' in file) return file
  const detected = detectFormat(file.bytes)
  if ('refused' in detected) return detected
  return { isStored: false, bytes: file.bytes, contentType: `image/${detected.format}` }
}
