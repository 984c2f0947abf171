import { imageVersion, MISSING_IMAGE, statedHashes } from '../../contracts/image-version.ts'
import type { CloudError } from '../../google/transport/errors.ts'
import type { ImageRange } from './image-bytes.ts'
import { UnreadableImage } from './model.ts'

/** How a model gets images. */
interface Reading {
  readImage: (uri: string, signal: AbortSignal, maxBytes?: number) => Promise<Buffer>
  readRange: (uri: string, first: number, length: number, signal: AbortSignal) => Promise<ImageRange>
}

/**
 * The versions of the images that one attempt looked at, by URI. They are noted before a model reads the images: one
 * that is replaced in between has a newer version than the noted one, so no later run
 * reuses its answer for the newer image.
 */
export class ImageVersions {
  readonly #versions = new Map<string, string>()

  get noted(): ReadonlyMap<string, string> {
    return this.#versions
  }

  /** Returns the same ways to read, which note the version of each image. */
  watching<Source extends Reading>(source: Source): Source {
    const readRange: Reading['readRange'] = async (uri, first, length, signal) => {
      const range = await source
        .readRange(uri, first, length, signal)
        .catch((error: unknown) => this.#failed(uri, error))
      const version = imageVersion({ ...statedHashes(range.checksums), size: range.size })
      if (version !== undefined && !this.#versions.has(uri)) this.#versions.set(uri, version)
      return range
    }
    const readImage: Reading['readImage'] = async (uri, signal, maxBytes) => {
      // What can be read whole can be read in part. If not, the version stays unknown.
      if (!this.#versions.has(uri)) await readRange(uri, 0, 1, signal).catch(() => undefined)
      return source.readImage(uri, signal, maxBytes)
    }
    return { ...source, readImage, readRange }
  }

  #failed(uri: string, error: unknown): never {
    const isMissing =
      error instanceof UnreadableImage && (error.cause as CloudError | undefined)?.status === 'NOT_FOUND'
    if (isMissing && !this.#versions.has(uri)) this.#versions.set(uri, MISSING_IMAGE)
    throw error
  }
}
