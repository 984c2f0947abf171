import { hash } from 'node:crypto'
import { parseGsUri } from '../../contracts/gs-uri.ts'
import type { Observation } from '../../contracts/messages.ts'
import type { ImageTransport } from '../../contracts/model-options.ts'
import { CloudError } from '../../google/transport/errors.ts'
import type { GeminiPart } from '../../google/gemini.ts'
import { detectFormat, imageContentType, IMAGE_FORMATS } from '../../contracts/image-format.ts'
import type { ReadRange } from './image-bytes.ts'
import { AttemptFailure, UnreadableImage } from './model.ts'

/** Gemini's limits per image (https://cloud.google.com/vertex-ai/generative-ai/docs/multimodal/image-understanding). */
const MAX_GS_BYTES = 30_000_000
const MAX_INLINE_BYTES = 7_000_000

/**
 * The limit of a request, including base64 and prompt
 * (https://cloud.google.com/vertex-ai/generative-ai/docs/flex-paygo#payload-limit).
 */
const MAX_REQUEST_BYTES = 20_000_000
const PROMPT_BYTES = 1_000_000

/** Bytes that are enough to tell an image's format. */
const HEAD_BYTES = 64

const ACCEPTED_TYPES = new Set<string>(IMAGE_FORMATS.map((format) => `image/${format}`))

export interface ImageSource {
  /** `maxBytes` limits the size of the object; a larger one is unreadable. */
  readImage: (uri: string, signal: AbortSignal, maxBytes?: number) => Promise<Buffer>
  /** A part of an image. It rejects like `readImage`. */
  readRange: ReadRange
  describeObject: (uri: string) => Promise<{ bytes: number; contentType: string | undefined }>
}

/** An image in a request. */
export interface GeminiImage {
  observation: Observation
  part: GeminiPart
  /** Hash of the content, if imagery read it. */
  contentHash: string | undefined
}

export interface GatheredImages {
  images: GeminiImage[]
  unreadable: UnreadableImage[]
}

/** Maximum concurrent lookups of one unit's images. */
const AT_ONCE = 8

/** The same for reads. A unit that turns out too large has read at most this many images too many. */
const READS_AT_ONCE = 4

/** Limit of the images of an inline request, before base64 makes them a third larger. */
const MAX_INLINE_TOTAL = Math.floor(((MAX_REQUEST_BYTES - PROMPT_BYTES) * 3) / 4)

/** The most bytes that reading the images of an inline request takes, before their size is known. */
export function mostInlineBytes(images: number): number {
  return Math.min(images * MAX_INLINE_BYTES, MAX_INLINE_TOTAL + READS_AT_ONCE * MAX_INLINE_BYTES)
}

/** The bytes of inline images. */
export function inlineBytes(images: readonly GeminiImage[]): number {
  return images.reduce((sum, { part }) => sum + ('bytes' in part ? part.bytes.length : 0), 0)
}

/**
 * Returns the images of a unit as parts of a request, by URI or inline. Unusable images are listed
 * separately.
 */
export async function gatherImages(
  observations: readonly Observation[],
  transport: ImageTransport,
  source: ImageSource,
  signal: AbortSignal,
): Promise<GatheredImages> {
  if (transport === 'gs') return each(observations, AT_ONCE, (observation) => gsImage(observation, source, signal))
  let total = 0
  return each(observations, READS_AT_ONCE, async (observation) => {
    if (total > MAX_INLINE_TOTAL) throw tooLargeTogether(observations.length)
    const image = await inlineImage(observation, source, signal)
    total += inlineBytes([image])
    if (total > MAX_INLINE_TOTAL) throw tooLargeTogether(observations.length)
    return image
  })
}

/** Removes images that are missing, too large or of an unsupported type. Called only after Gemini refused a request. */
export async function pollAgain(images: readonly GeminiImage[], source: ImageSource): Promise<GatheredImages> {
  return each(images, AT_ONCE, async (image) => {
    const { gcs_uri: uri } = image.observation
    const { bytes, contentType } = await described(uri, source)
    if (bytes === 0) throw new UnreadableImage(uri, 'is empty (0 bytes)')
    if (bytes > MAX_GS_BYTES)
      throw new UnreadableImage(uri, `has ${bytes} bytes; Gemini reads images up to ${MAX_GS_BYTES}`)
    if (contentType !== undefined && contentType.startsWith('image/') && !ACCEPTED_TYPES.has(contentType)) {
      throw new UnreadableImage(uri, `is ${contentType}, which Gemini does not read`)
    }
    return image
  })
}

/** Makes all images, a few at a time. The first error that is not about one image itself stops the rest. */
async function each<Item>(
  items: readonly Item[],
  atOnce: number,
  make: (item: Item) => Promise<GeminiImage>,
): Promise<GatheredImages> {
  const outcomes: (GeminiImage | UnreadableImage)[] = []
  const waiting = items.entries()
  let isStopped = false
  const worker = async (): Promise<void> => {
    for (const [index, item] of waiting) {
      if (isStopped) return
      outcomes[index] = await make(item).catch((error: unknown) => {
        if (error instanceof UnreadableImage) return error
        isStopped = true
        throw error
      })
    }
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
  return {
    images: outcomes.filter((outcome): outcome is GeminiImage => !(outcome instanceof UnreadableImage)),
    unreadable: outcomes.filter((outcome) => outcome instanceof UnreadableImage),
  }
}

async function gsImage(observation: Observation, source: ImageSource, signal: AbortSignal): Promise<GeminiImage> {
  const { gcs_uri: uri } = observation
  const name = parseGsUri(uri)
  if ('fault' in name) throw new UnreadableImage(uri, name.fault)
  // Vertex AI's `fileUri` is a bucket and a path (https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/inference#filedata).
  if (name.generation !== undefined) {
    const reason =
      'names one generation of an object, which Gemini cannot read by address; use --image-transport inline'
    throw new UnreadableImage(uri, reason)
  }
  return {
    observation,
    part: { gcsUri: `gs://${name.bucket}/${name.path}`, mimeType: await typeByContent(uri, source, signal) },
    contentHash: undefined,
  }
}

/** The MIME type by the image's first bytes, because its name and its metadata are often wrong. Refuses what is no image. */
async function typeByContent(uri: string, source: ImageSource, signal: AbortSignal): Promise<string> {
  const head = await source.readRange(uri, 0, HEAD_BYTES, signal).catch((error: unknown) => {
    if (isDenied(error) || isMissing(error)) return undefined
    throw error
  })
  if (head === undefined) return typeByName(uri, source)
  const detected = detectFormat(head.bytes)
  if ('refused' in detected) throw new UnreadableImage(uri, detected.refused)
  return `image/${detected.format}`
}

/** Gemini reads with its own account, which can have access that imagery lacks. */
function isDenied(error: unknown): boolean {
  const { status } = ((error as Error).cause ?? {}) as { status?: unknown }
  return error instanceof AttemptFailure && (status === 'PERMISSION_DENIED' || status === 'UNAUTHENTICATED')
}

/** Gemini says itself that an object is missing, and then the images are looked at again. That call is not billed. */
function isMissing(error: unknown): boolean {
  return error instanceof UnreadableImage && error.cause instanceof CloudError && error.cause.status === 'NOT_FOUND'
}

/** The MIME type of an image that imagery cannot read, by its name, else by its metadata. */
async function typeByName(uri: string, source: ImageSource): Promise<string> {
  const name = parseGsUri(uri)
  const named = imageContentType('fault' in name ? uri : name.path)
  if (named !== undefined) return named
  const { contentType } = await described(uri, source)
  if (contentType !== undefined && ACCEPTED_TYPES.has(contentType)) return contentType
  throw new UnreadableImage(uri, `is ${contentType ?? 'of an unknown type'}; Gemini reads ${IMAGE_FORMATS.join(', ')}`)
}

async function described(
  uri: string,
  source: ImageSource,
): Promise<{ bytes: number; contentType: string | undefined }> {
  return source.describeObject(uri).catch((error: unknown) => {
    if (!(error instanceof CloudError)) throw error
    if (error.status === 'NOT_FOUND') throw new UnreadableImage(uri, 'does not exist', { cause: error })
    // Gemini reads with its own account, which can have access that imagery lacks.
    if (error.status === 'PERMISSION_DENIED' || error.status === 'UNAUTHENTICATED')
      return { bytes: 1, contentType: undefined }
    throw error
  })
}

async function inlineImage(observation: Observation, source: ImageSource, signal: AbortSignal): Promise<GeminiImage> {
  const { gcs_uri: uri } = observation
  const bytes = await source.readImage(uri, signal, MAX_INLINE_BYTES).catch((error: unknown) => {
    const isTooLarge = error instanceof UnreadableImage && (error.cause as CloudError)?.status === 'OUT_OF_RANGE'
    throw isTooLarge ? tooLargeToInline(uri, error) : error
  })
  if (bytes.length > MAX_INLINE_BYTES) throw tooLargeToInline(uri)
  const detected = detectFormat(bytes)
  if ('refused' in detected) throw new UnreadableImage(uri, detected.refused)
  const contentHash = hash('sha256', bytes, 'hex')
  return { observation, part: { bytes, mimeType: `image/${detected.format}` }, contentHash }
}

function tooLargeToInline(uri: string, cause?: unknown): UnreadableImage {
  const reason = `has more than ${MAX_INLINE_BYTES} bytes, the limit for inline images (${MAX_GS_BYTES} with --image-transport gs)`
  return new UnreadableImage(uri, reason, { cause })
}

function tooLargeTogether(images: number): AttemptFailure {
  return new AttemptFailure(
    'unreadable_image',
    `the ${images} images have more than ${MAX_INLINE_TOTAL} bytes together, too many for one request with --image-transport inline; use gs, or fewer images per unit`,
    { retryable: false },
  )
}

/** SHA-256 of the URIs, in order, and of the content of each image that imagery read. */
export function inputHash(images: readonly GeminiImage[]): string {
  const lines = images.map(({ observation, contentHash }) => `${observation.gcs_uri}\n${contentHash ?? ''}\n`)
  return hash('sha256', lines.join(''), 'hex')
}
