import { createHash } from 'node:crypto'
import type { AnswerSchema } from '../../contracts/answer-schema.ts'
import type { Asset, Observation } from '../../contracts/messages.ts'
import { PIXELS_VERSION } from '../../contracts/model-options.ts'
import type { Profile } from '../../contracts/run-spec.ts'
import { ImageBytes } from './image-bytes.ts'
import type { ReadRange } from './image-bytes.ts'
import { configureSharp, decoderVersion } from './image-reader.ts'
import { ImageVersions } from './image-versions.ts'
import { atOnce, AttemptFailure, UnreadableImage } from './model.ts'
import type { Answer, AnswerOptions, Model } from './model.ts'
import type { Budget } from '../budget.ts'
import { imageQuality, resolution } from './pixel-measurements.ts'
import type { Measurement, Seen } from './pixel-measurements.ts'

/** Maximum concurrent fetches of one asset's images. */
const PARALLEL_READS = 4

export interface PixelsModelOptions {
  profile: Profile
  /** The bytes of memory for images that this process reads and decodes, shared by all its runs. */
  decoding: Budget
  /**
   * Fetches an image into memory of its own, which is given back when it is measured. Rejects with UnreadableImage when there is none; any other rejection counts as a
   * transient storage or network error (an AttemptFailure is passed on unchanged).
   */
  readImage: (uri: string, signal: AbortSignal) => Promise<Buffer>
  /** Fetches a part of an image, and rejects in the same way. */
  readRange: ReadRange
}

interface Unreadable {
  observation: Observation
  error: UnreadableImage
}

/**
 * The model that measures images exactly instead of calling a language model. It supports the
 * measurements `resolution` and `image-quality` and returns the columns in the profile's `output`.
 *
 * It fails with `unreadable_image` when none of the asset's images can be read, with `timeout`
 * (retryable) when the signal is aborted, with `model_error` (retryable) when storage fails.
 */
export function pixelsModel({ profile, decoding, ...read }: PixelsModelOptions): Model {
  if (profile.measure === undefined) throw new Error(`profile ${profile.name} has no measurement`)
  configureSharp()
  return profile.measure === 'resolution'
    ? measuringModel(resolution, profile, read)
    : measuringModel(imageQuality(decoding), profile, read)
}

function measuringModel<Image extends Seen>(
  measurement: Measurement<Image>,
  profile: Profile,
  source: Omit<PixelsModelOptions, 'profile' | 'decoding'>,
): Model {
  type Read = typeof source
  function look(observation: Observation, signal: AbortSignal, { readImage, readRange }: Read): Promise<Image> {
    const { gcs_uri: uri } = observation
    const readPart: ReadRange = (...range) => readRange(...range).catch(refuseOrRetry)
    const content = {
      whole: () => readImage(uri, signal).catch(refuseOrRetry),
      parts: () => ImageBytes.open(uri, readPart, signal),
    }
    return measurement.measure(observation, content, signal)
  }

  async function measured(asset: Asset, { signal, onTurn }: AnswerOptions): Promise<Answer> {
    await onTurn?.()
    const versions = new ImageVersions()
    const read = versions.watching(source)
    const { seen, unreadable } = await lookAtAll(asset, (image, until) => look(image, until, read), signal)
    if (seen.length === 0) throw noReadableImage(unreadable)
    const columns = {
      ...measurement.columns(seen),
      unreadable_observation_ids: unreadable.map(({ observation }) => observation.observation_id),
    }
    return {
      columns: pick(columns, profile.output) as Answer['columns'],
      repaired: false,
      modelVersion: `${PIXELS_VERSION}/${decoderVersion()}`,
      observationsUsed: seen.map(({ observation }) => observation),
      inputHash: inputHash(seen),
      imageVersions: versions.noted,
    }
  }

  return { answer: (asset, { inTurn = atOnce, ...options }) => inTurn(() => measured(asset, options)) }
}

/**
 * Reads all images of an asset in its order, a few at a time. The first error that is not about an image itself stops
 * the rest.
 */
async function lookAtAll<Image>(
  asset: Asset,
  look: (observation: Observation, signal: AbortSignal) => Promise<Image>,
  outer: AbortSignal,
): Promise<{ seen: Image[]; unreadable: Unreadable[] }> {
  const stop = new AbortController()
  const signal = AbortSignal.any([outer, stop.signal])
  const images: (Image | undefined)[] = []
  const unreadable: (Unreadable | undefined)[] = []
  const waiting = asset.observations.entries()

  async function worker(): Promise<void> {
    for (const [index, observation] of waiting) {
      if (signal.aborted) return
      try {
        images[index] = await look(observation, signal)
      } catch (error) {
        if (error instanceof UnreadableImage) unreadable[index] = { observation, error }
        else stop.abort(error)
      }
    }
  }

  // All workers end before this function returns, so that no read outlives its attempt.
  await Promise.all(Array.from({ length: PARALLEL_READS }, worker))
  if (outer.aborted) throw outOfTime(outer)
  if (stop.signal.aborted) throw stop.signal.reason
  return {
    seen: images.filter((image) => image !== undefined),
    unreadable: unreadable.filter((image) => image !== undefined),
  }
}

function outOfTime(signal: AbortSignal): AttemptFailure {
  return new AttemptFailure('timeout', 'the images could not be read and measured in time', {
    retryable: true,
    cause: signal.reason,
  })
}

function refuseOrRetry(error: unknown): never {
  if (error instanceof UnreadableImage || error instanceof AttemptFailure) throw error
  const said = error instanceof Error ? error.message : String(error)
  throw new AttemptFailure('model_error', `could not read an image: ${said}`, { retryable: true, cause: error })
}

function noReadableImage(unreadable: readonly Unreadable[]): AttemptFailure {
  const reasons = unreadable.map(({ error }) => error.message)
  return new AttemptFailure('unreadable_image', `no readable image: ${reasons.join('; ')}`, { retryable: false })
}

/**
 * Returns the parts of a value that are in the schema: a user's profile can have fewer columns than there are
 * measurements.
 */
function pick(value: unknown, schema: AnswerSchema): unknown {
  const { items, properties } = schema
  if (items && Array.isArray(value)) return value.map((item) => pick(item, items))
  if (!properties || value === null || typeof value !== 'object') return value
  const members = new Map(Object.entries(value))
  return Object.fromEntries(
    Object.entries(properties).map(([name, property]) => [name, pick(members.get(name), property)]),
  )
}

/** SHA-256 of the URI and content of every image that was read, in order. */
function inputHash(seen: readonly Seen[]): string {
  const hash = createHash('sha256')
  for (const { observation, contentHash } of seen) hash.update(`${observation.gcs_uri}\n${contentHash}\n`)
  return hash.digest('hex')
}
