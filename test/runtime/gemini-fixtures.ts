import type { Asset } from '../../src/contracts/messages.ts'
import { runSpec, type GeminiOptions, type Profile, type RunSpec } from '../../src/contracts/run-spec.ts'
import { ManualClock } from '@imagery/local-cloud/internal/kernel/clock'
import { CloudError } from '../../src/google/transport/errors.ts'
import { GeminiRefused, type GeminiAnswer, type GeminiRequest } from '../../src/google/gemini.ts'
import { geminiModel } from '../../src/runtime/models/gemini.ts'
import { ImageMemory } from '../../src/runtime/models/image-memory.ts'
import { AttemptFailure, UnreadableImage, type Known, type AnswerOptions } from '../../src/runtime/models/model.ts'
import { SPEC } from './fixtures.ts'

const PROFILE: Profile = {
  name: 'signs',
  description: 'Signs.',
  prompt: 'What sign is it?',
  output: {
    type: 'object',
    required: ['category'],
    properties: {
      category: { type: 'string', enum: ['Stop', 'Yield'] },
      note: { type: 'string', maxLength: 200 },
      count: { type: 'integer' },
    },
  },
}

const GEMINI: GeminiOptions = {
  model: 'gemini-3.5-flash-lite',
  location: 'global',
  endpoint: null,
  tier: 'standard',
  media_resolution: null,
  temperature: null,
  max_output_tokens: null,
  thinking: null,
  image_transport: 'gs',
  price: { input_nanousd: 300, output_nanousd: 2_500 },
}

/** A run of a Gemini profile. */
export function geminiSpec(gemini: Partial<GeminiOptions> = {}): RunSpec {
  return runSpec.parse({ ...SPEC, profile: PROFILE, gemini: { ...GEMINI, ...gemini } })
}

export const USAGE = { promptTokens: 1_000, outputTokens: 50, thoughtTokens: 10 }

/** The model's answer to one request. */
export type Saying = Partial<GeminiAnswer> | GeminiRefused

export function says(text: string, more: Partial<GeminiAnswer> = {}): GeminiAnswer {
  return {
    text,
    finishReason: 'STOP',
    message: undefined,
    blockReason: undefined,
    usage: USAGE,
    modelVersion: 'gemini-3.5-flash-lite-001',
    trafficType: 'ON_DEMAND',
    ...more,
  }
}

export const STOP = says('{"category": "Stop"}')

export function asset(images: number | readonly string[] = 1): Asset {
  const uris =
    typeof images === 'number' ? Array.from({ length: images }, (_, index) => `gs://bucket/${index + 1}.jpg`) : images
  return {
    unit_id: 'sign-1',
    asset_id: 'sign-1',
    location: null,
    detection_time: null,
    bucket: 0,
    observations: uris.map((gcs_uri, index) => ({
      observation_id: `o${index + 1}`,
      gcs_uri,
      capture_time: `202${index}-05-06T00:00:00Z`,
    })),
  }
}

/** A Gemini model with scripted answers in order, over a bucket of objects. */
export function scriptedGemini(
  sayings: readonly Saying[],
  options: {
    gemini?: Partial<GeminiOptions>
    objects?: Record<string, Buffer | { bytes: number; contentType?: string }>
    /** An object that imagery's account may not read. */
    denied?: string
    /** Reads of a part that fail first. */
    failedReads?: number
  } = {},
) {
  const requests: GeminiRequest[] = []
  const billed: Known[] = []
  const described: string[] = []
  const read: string[] = []
  const readInPart: string[] = []
  const { objects = {} } = options
  const model = geminiModel({
    spec: geminiSpec(options.gemini),
    memory: new ImageMemory({ bytes: 128_000_000, clock: new ManualClock() }),
    async ask(request) {
      const saying = sayings[requests.length]
      requests.push(request)
      if (saying === undefined) throw new Error('asked too often')
      if (saying instanceof GeminiRefused) throw saying
      return saying as GeminiAnswer
    },
    async readImage(uri) {
      read.push(uri)
      if (options.denied === uri) throw deniedImage(uri)
      const bytes = objects[uri]
      if (!Buffer.isBuffer(bytes)) throw new UnreadableImage(uri, 'does not exist')
      return bytes
    },
    async readRange(uri, first, length) {
      readInPart.push(uri)
      if (readInPart.length <= (options.failedReads ?? 0))
        throw new AttemptFailure('model_error', `could not read ${uri}`, { retryable: true })
      const bytes = objects[uri]
      if (bytes === undefined)
        throw new UnreadableImage(uri, 'does not exist', { cause: new CloudError('NOT_FOUND', `no ${uri}`) })
      // An image without bytes in the test is one that only Gemini may read.
      if (!Buffer.isBuffer(bytes)) throw deniedImage(uri)
      return { bytes: bytes.subarray(first, first + length), size: bytes.length, checksums: undefined }
    },
    async describeObject(uri) {
      described.push(uri)
      const found = objects[uri]
      if (found === undefined) throw new CloudError('NOT_FOUND', `no ${uri}`)
      return Buffer.isBuffer(found)
        ? { bytes: found.length, contentType: 'image/jpeg' }
        : { contentType: undefined, ...found }
    },
  })
  const answer = (unit = asset(), told: Pick<AnswerOptions, 'inTurn' | 'onTurn'> = {}) =>
    model.answer(unit, { signal: new AbortController().signal, onBilled: (known) => void billed.push(known), ...told })
  return { answer, requests, billed, described, read, readInPart }
}

/** The failure for an image that imagery's own account may not read. */
export function deniedImage(uri: string): AttemptFailure {
  const cause = new CloudError('PERMISSION_DENIED', 'no access')
  return new AttemptFailure('unreadable_image', `the runtime may not read ${uri}`, { retryable: false, cause })
}
