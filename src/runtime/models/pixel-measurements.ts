import { createHash } from 'node:crypto'
import type { Observation } from '../../contracts/messages.ts'
import { giveBack } from './give-back.ts'
import { ImageBytes } from './image-bytes.ts'
import { decoderBytes, readFigures, readHeader } from './image-reader.ts'
import type { DecodedFigures, ImageHeader } from './image-reader.ts'
import { judge, VERDICTS } from './image-verdict.ts'
import type { Verdict } from './image-verdict.ts'
import { AttemptFailure } from './model.ts'
import { Budget } from '../budget.ts'

/** One readable image. */
export interface Seen extends ImageHeader {
  observation: Observation
  /** Changes when the image's content changes. */
  contentHash: string
}

/** How to get the content of an image: as little of it as a measurement needs. */
export interface ImageContent {
  /** Reads the image into memory of its own, which the caller may give back. */
  whole(): Promise<Buffer>
  /** Opens the image to read parts of it. */
  parts(): Promise<ImageBytes>
}

interface Judged extends Seen, DecodedFigures {
  verdict: Verdict
  reason: string
}

/** How to measure each image, and how to combine an asset's images into its columns. */
export interface Measurement<Image extends Seen> {
  /** @throws UnreadableImage when the image is not usable */
  measure(observation: Observation, content: ImageContent, signal: AbortSignal): Promise<Image>
  /** @param images at least one, in the asset's order */
  columns(images: readonly Image[]): Record<string, unknown>
}

/** Width and height, from the header alone. The asset gets the values of its largest image. */
export const resolution: Measurement<Seen> = {
  async measure(observation, content) {
    const image = await content.parts()
    return { observation, ...(await readHeader(image)), contentHash: sha256(image.identity) }
  },
  columns(images) {
    const best = firstBest(images, (image, other) => area(image) - area(other))
    return {
      width: best.width,
      height: best.height,
      megapixels: megapixels(best),
      best_observation_id: best.observation.observation_id,
      images: images.map(({ observation, width, height, format, bytes }) => ({
        observation_id: observation.observation_id,
        width,
        height,
        format,
        bytes,
      })),
    }
  },
}

/**
 * The bytes of whole images that this process has read and not yet measured. A few photos keep all cores decoding; the dozens
 * that there is memory for only start the garbage collector.
 */
const READ_AHEAD = new Budget(24 * 1024 ** 2)

/**
 * Measurements and verdict from all pixels. The asset gets the values of its best image.
 *
 * @param memory the bytes that all images of this process may take at once
 */
export function imageQuality(memory: Budget): Measurement<Judged> {
  return {
    async measure(observation, content, signal) {
      const { gcs_uri: uri } = observation
      const parts = await content.parts()
      const expected = await decoderBytes(parts, await readHeader(parts), memory.capacity)
      const measured = async (bytes: Buffer): Promise<Judged> => {
        const image = ImageBytes.of(uri, bytes)
        const header = await readHeader(image)
        if ((await decoderBytes(image, header, memory.capacity)) > expected) throw replaced(uri)
        const figures = await readFigures(uri, bytes, header.format, signal)
        return { observation, ...header, ...figures, ...judge({ ...header, ...figures }), contentHash: sha256(bytes) }
      }
      const { whole } = parts
      return memory.spend(expected, signal, () =>
        whole
          ? measured(whole)
          : READ_AHEAD.spend(parts.size, signal, async () => {
              const bytes = await content.whole()
              return measured(bytes).finally(() => giveBack(bytes))
            }),
      )
    },
    columns(images) {
      const best = firstBest(
        images,
        (image, other) =>
          VERDICTS.indexOf(other.verdict) - VERDICTS.indexOf(image.verdict) ||
          image.sharpness * area(image) - other.sharpness * area(other),
      )
      return {
        ...qualityColumns(best),
        best_observation_id: best.observation.observation_id,
        images: images.map((image) => ({ observation_id: image.observation.observation_id, ...qualityColumns(image) })),
      }
    },
  }
}

function replaced(uri: string): AttemptFailure {
  return new AttemptFailure('model_error', `${uri} was replaced by a larger image while it was read`, {
    retryable: true,
  })
}

function qualityColumns(image: Judged): Record<string, unknown> {
  const { width, height, sharpness, brightness, contrast, near_black_share, clipped_share, verdict, reason, note } =
    image
  return {
    width,
    height,
    megapixels: megapixels(image),
    sharpness,
    brightness,
    contrast,
    near_black_share,
    clipped_share,
    verdict,
    reason,
    note,
  }
}

/**
 * Returns the best by `better` (positive when its first argument is better); the first among equals, so that a rerun
 * gives the same answer.
 */
function firstBest<Image>(images: readonly Image[], better: (image: Image, other: Image) => number): Image {
  return images.reduce((best, image) => (better(image, best) > 0 ? image : best))
}

function sha256(content: Buffer | string): string {
  return createHash('sha256').update(content).digest('hex')
}

function area({ width, height }: ImageHeader): number {
  return width * height
}

function megapixels(image: ImageHeader): number {
  return area(image) / 1e6
}
