import { availableParallelism } from 'node:os'
import { parseGsUri } from '../../contracts/gs-uri.ts'
import { detectFormat, type ImageFormat } from '../../contracts/image-format.ts'
import { readObject } from '../../google/storage/storage.ts'
import { CloudError } from '../../google/transport/errors.ts'
import type { ThumbnailCache } from './thumbnail-cache.ts'
import { Turns } from './turns.ts'
import { countText } from '../../contracts/count-text.ts'

/** Bytes of an image, whose type comes from these bytes and never from a name or from what a server says. */
export interface ShownImage {
  bytes: Buffer
  type: `image/${ImageFormat}`
}

/** An image that cannot be shown, with its reason. */
export class ImageFailure extends Error {
  override readonly name = 'ImageFailure'
  readonly status: 403 | 404 | 415 | 502
  readonly suggestions: readonly string[]

  constructor(status: 403 | 404 | 415 | 502, message: string, suggestions: readonly string[] = []) {
    super(message)
    this.status = status
    this.suggestions = suggestions
  }
}

/** Width and height of a thumbnail in pixels, at most. */
export const THUMBNAIL_PIXELS = 320

/** A few kilobytes can be decoded to gigabytes. */
const MOST_PIXELS = 200_000_000

/**
 * Images with more pixels are decoded one at a time: of an interlaced PNG or a progressive JPEG, all pixels are in memory at
 * once, up to 0.8 GB of {@link MOST_PIXELS}.
 */
const LARGE_PIXELS = 25_000_000

/** Images in memory at once. Each has at most 64 MiB. */
const DOWNLOADS_AT_ONCE = 6

/** Shows the images of a run, read with the user's own credentials. */
export class RunImages {
  readonly #cache: ThumbnailCache
  readonly #read: (uri: string) => Promise<Buffer>
  readonly #downloads = new Turns(DOWNLOADS_AT_ONCE)
  readonly #decodes = new Turns(availableParallelism())
  readonly #largeDecodes = new Turns(1)

  /** @param read returns the bytes of an object; throws CloudError */
  constructor(cache: ThumbnailCache, read: (uri: string) => Promise<Buffer> = readObject) {
    this.#cache = cache
    this.#read = read
  }

  /** Returns an image as it is stored. @throws ImageFailure */
  async full(uri: string): Promise<ShownImage> {
    return this.#downloads.take(() => this.#download(uri))
  }

  /** Returns a small JPEG of an image, turned as EXIF says. @throws ImageFailure */
  async thumbnail(uri: string): Promise<ShownImage> {
    const known = await this.#cache.find(uri)
    if (known) return { bytes: known, type: 'image/jpeg' }
    const bytes = await this.#downloads.take(async () => {
      const { bytes: whole, type } = await this.#download(uri)
      const decode = (): Promise<Buffer> => this.#decodes.take(() => small(uri, whole))
      return (await pixelsOf(uri, whole, type)) > LARGE_PIXELS ? this.#largeDecodes.take(decode) : decode()
    })
    await this.#cache.store(uri, bytes)
    return { bytes, type: 'image/jpeg' }
  }

  async #download(uri: string): Promise<ShownImage> {
    const name = parseGsUri(uri)
    if ('fault' in name) throw new ImageFailure(415, `${uri} ${name.fault}`)
    const bytes = await this.#read(uri).catch((error: unknown) => {
      throw error instanceof CloudError ? readFailure(uri, error) : error
    })
    const detected = detectFormat(bytes)
    // An SVG or HTML file could run script, so that only the formats which the models get are sent on.
    if ('refused' in detected) throw new ImageFailure(415, `${uri} ${detected.refused}`)
    return { bytes, type: `image/${detected.format}` }
  }
}

function readFailure(uri: string, error: CloudError): ImageFailure {
  switch (error.status) {
    case 'NOT_FOUND':
      return new ImageFailure(404, `${uri} does not exist any more`)
    case 'PERMISSION_DENIED':
    case 'UNAUTHENTICATED': {
      const bucket = /^gs:\/\/[^/]+/.exec(uri)?.[0] ?? 'gs://BUCKET'
      return new ImageFailure(403, `Your account may not read ${uri}: ${error.message}`, [
        `gcloud storage buckets add-iam-policy-binding ${bucket} --member user:YOU --role roles/storage.objectViewer`,
      ])
    }
    case 'OUT_OF_RANGE':
      return new ImageFailure(415, `${uri} is too large to show: ${error.message}`)
    default:
      return new ImageFailure(502, `${uri} cannot be read: ${error.message}`)
  }
}

/** Returns the number of an image's pixels, from its header. @throws ImageFailure for one without a thumbnail */
async function pixelsOf(uri: string, bytes: Buffer, type: string): Promise<number> {
  if (type === 'image/heic' || type === 'image/heif')
    throw new ImageFailure(415, `${uri} is a ${type.slice(6)} image, which imagery has no decoder for`)
  const { default: sharp } = await import('sharp')
  const { width, height } = await sharp(bytes, { failOn: 'none' })
    .metadata()
    .catch((error: unknown) => {
      throw damaged(uri, error)
    })
  if (width * height <= MOST_PIXELS) return width * height
  const most = countText(MOST_PIXELS / 1e6)
  throw new ImageFailure(
    415,
    `${uri} has ${width} × ${height} pixels, and a thumbnail is made of at most ${most} million`,
  )
}

async function small(uri: string, bytes: Buffer): Promise<Buffer> {
  const { default: sharp } = await import('sharp')
  // Images are decoded side by side, and none is read twice.
  sharp.concurrency(1)
  sharp.cache(false)
  try {
    return await sharp(bytes, { failOn: 'none', limitInputPixels: MOST_PIXELS, sequentialRead: true })
      .autoOrient()
      .resize(THUMBNAIL_PIXELS, THUMBNAIL_PIXELS, { fit: 'inside', withoutEnlargement: true })
      .flatten({ background: '#ffffff' })
      .toColourspace('srgb')
      .jpeg({ quality: 80 })
      .toBuffer()
  } catch (error) {
    throw damaged(uri, error)
  }
}

function damaged(uri: string, error: unknown): ImageFailure {
  return new ImageFailure(415, `${uri} is damaged: ${(error as Error).message.trim().split('\n').at(-1) ?? ''}`)
}
