import type { Observation } from '../../contracts/messages.ts'
import type { PixelFigures } from './image-figures.ts'
import { readFigures, readHeader } from './image-reader.ts'
import type { ImageHeader } from './image-reader.ts'
import { judge, VERDICTS } from './image-verdict.ts'
import type { Verdict } from './image-verdict.ts'
import type { Budget } from '../budget.ts'

/** One readable image. */
export interface Seen extends ImageHeader {
  observation: Observation
}

interface Judged extends Seen, PixelFigures {
  verdict: Verdict
  reason: string
}

/** How to measure each image, and how to combine an asset's images into its columns. */
export interface Measurement<Image extends Seen> {
  /** @throws UnreadableImage when the image is not usable */
  measure(observation: Observation, bytes: Buffer, signal: AbortSignal): Promise<Image>
  /** @param images at least one, in the asset's order */
  columns(images: readonly Image[]): Record<string, unknown>
}

/** Width and height, from the header alone. The asset gets the values of its largest image. */
export const resolution: Measurement<Seen> = {
  async measure(observation, bytes) {
    return { observation, ...(await readHeader(observation.gcs_uri, bytes)) }
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

/** Measurements and verdict from all pixels. The asset gets the values of its best image. */
export function imageQuality(budget: Budget): Measurement<Judged> {
  return {
    async measure(observation, bytes, signal) {
      const header = await readHeader(observation.gcs_uri, bytes)
      const figures = await budget.spend(area(header), signal, () =>
        readFigures(observation.gcs_uri, bytes, header.format),
      )
      return { observation, ...header, ...figures, ...judge({ ...header, ...figures }) }
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

function qualityColumns(image: Judged): Record<string, unknown> {
  const { width, height, sharpness, brightness, contrast, near_black_share, clipped_share, verdict, reason } = image
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
  }
}

/**
 * Returns the best by `better` (positive when its first argument is better); the first among equals, so that a rerun
 * gives the same answer.
 */
function firstBest<Image>(images: readonly Image[], better: (image: Image, other: Image) => number): Image {
  return images.reduce((best, image) => (better(image, best) > 0 ? image : best))
}

function area({ width, height }: ImageHeader): number {
  return width * height
}

function megapixels(image: ImageHeader): number {
  return area(image) / 1e6
}
