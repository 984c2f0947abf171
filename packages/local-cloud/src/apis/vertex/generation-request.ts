import { createHash } from 'node:crypto'
import { badRequest } from '../../kernel/bad-request.ts'
import { parseMessage } from '../../kernel/proto-json.ts'
import type { AnswerSchema } from './answer-schema.ts'
import { checkConfig, type GenerationConfig } from './check-config.ts'
import { notEmulatedByVertex, refused, vertexError } from './failures.ts'
import { readJsonSchema } from './json-schema.ts'
import { IMAGE_TYPES, MAX_FLEX_REQUEST_BYTES, MAX_IMAGES, MAX_INLINE_IMAGE_BYTES, MAX_LABELS } from './limits.ts'
import { COUNT_TOKENS_REQUEST, GENERATE_CONTENT_REQUEST } from './messages.ts'
import { findModel, type GeminiModel, type MediaResolution } from './models.ts'
import { readOpenApiSchema } from './open-api-schema.ts'

/** One image of a request. */
export interface ImagePart {
  /** `gs://…`, or `inline:` and the SHA-256 of the bytes. */
  uri: string
  mimeType: string
  /** The bytes of an inline image. */
  bytes: Buffer | undefined
  mediaResolution: MediaResolution
}

export type TrafficType = 'ON_DEMAND' | 'ON_DEMAND_FLEX'

/** A valid request, reduced to the parts that affect an answer. */
export interface GenerationRequest {
  project: string
  location: string
  model: GeminiModel
  images: readonly ImagePart[]
  /** Characters of all texts, system instruction included. */
  characters: number
  config: GenerationConfig
  mediaResolution: MediaResolution
  /** The schema of the answer; undefined for free text. */
  schema: AnswerSchema | undefined
  trafficType: TrafficType
}

export interface RawRequest {
  project: string
  location: string
  model: string
  body: unknown
  /** Bytes of the body. */
  size: number
  header(name: string): string | undefined
}

/** Checks a `generateContent` request as Vertex AI does. Throws GoogleError in Google's words. */
export function readGenerationRequest(raw: RawRequest): GenerationRequest {
  return read(raw, GENERATE_CONTENT_REQUEST)
}

/** The same for `countTokens`. */
export function readCountTokensRequest(raw: RawRequest): GenerationRequest {
  return read(raw, COUNT_TOKENS_REQUEST)
}

function read(raw: RawRequest, type: typeof GENERATE_CONTENT_REQUEST): GenerationRequest {
  const { project, location } = raw
  const model = findModel(project, location, raw.model)
  const { value, violations, refused: missing } = parseMessage(type, raw.body)
  if (violations.length > 0) throw badRequest(violations)
  if (missing[0] !== undefined) throw notEmulatedByVertex(`${missing[0]} of a request to a Gemini model`)
  const message = value as RequestMessage
  const config = message.generationConfig ?? {}
  const mediaResolution = resolution(config.mediaResolution)
  checkConfig(config, model)
  checkLabels(message.labels ?? {})
  const contents = readContents(message, mediaResolution, model)
  return {
    project,
    location,
    model,
    ...contents,
    config,
    mediaResolution,
    schema: readSchema(config),
    trafficType: readTrafficType(raw, model),
  }
}

/** The fields of GENERATE_CONTENT_REQUEST that are used here, read by `parseMessage`. */
interface RequestMessage {
  contents?: Content[]
  systemInstruction?: Content
  generationConfig?: GenerationConfig
  labels?: Record<string, string>
}

interface Content {
  role?: string
  parts?: Part[]
}

interface Part {
  text?: string
  inlineData?: { mimeType?: string; data?: Buffer }
  fileData?: { mimeType?: string; fileUri?: string }
  mediaResolution?: { level?: string }
}

function readContents(
  { contents = [], systemInstruction }: RequestMessage,
  mediaResolution: MediaResolution,
  model: GeminiModel,
): Pick<GenerationRequest, 'images' | 'characters'> {
  if (contents.length === 0) throw refused('at least one contents field is required.')
  const images: ImagePart[] = []
  let characters = 0
  for (const { role, parts = [] } of contents) {
    const isValid =
      role === 'user' || role === 'model' || ((role === undefined || role === '') && contents.length === 1)
    if (!isValid) throw vertexError('INVALID_ARGUMENT', 'Please use a valid role: user, model.')
    if (parts.length === 0) throw refused('it must include at least one parts field, which describes the prompt input.')
    for (const part of parts) {
      const image = readImage(part, mediaResolution, model)
      if (image) images.push(image)
      else characters += textOf(part).length
    }
  }
  if (model.generation === 3 && contents.at(-1)?.role === 'model') {
    throw vertexError('INVALID_ARGUMENT', 'Requests ending with a model turn are not supported.')
  }
  if (images.length > MAX_IMAGES)
    throw refused(`it has ${images.length} images but the maximum number of images is ${MAX_IMAGES}.`)
  for (const part of systemInstruction?.parts ?? []) {
    if (part.text === undefined) throw refused('its system instruction has parts that are not text.')
    characters += part.text.length
  }
  return { images, characters }
}

function textOf(part: Part): string {
  if (part.text === undefined) throw refused('it must have a text parameter. Add a text parameter and try again.')
  if (part.text === '') throw refused('it has an empty text parameter. Add a value to the parameter and try again.')
  return part.text
}

function readImage(part: Part, mediaResolution: MediaResolution, model: GeminiModel): ImagePart | undefined {
  const level = part.mediaResolution?.level
  if (level !== undefined && model.generation < 3) {
    throw vertexError('INVALID_ARGUMENT', 'Media resolution of a part is not enabled for this model')
  }
  const shared = { mediaResolution: level === undefined ? mediaResolution : resolution(level) }
  if (part.fileData) {
    const { fileUri = '' } = part.fileData
    const mimeType = imageType(part.fileData.mimeType)
    checkFileUri(fileUri)
    return { ...shared, uri: fileUri, mimeType, bytes: undefined }
  }
  if (part.inlineData) {
    const mimeType = imageType(part.inlineData.mimeType)
    const { data: bytes = Buffer.alloc(0) } = part.inlineData
    if (bytes.byteLength === 0)
      throw refused('it has an empty inlineData parameter. Add a value to the parameter and try again.')
    if (bytes.byteLength > MAX_INLINE_IMAGE_BYTES) {
      throw refused(
        `it has an inline image of ${bytes.byteLength} bytes but the maximum is ${MAX_INLINE_IMAGE_BYTES} bytes (7 MB).`,
      )
    }
    return { ...shared, uri: `inline:${createHash('sha256').update(bytes).digest('hex')}`, mimeType, bytes }
  }
  return undefined
}

/** Media that Gemini accepts besides images (https://cloud.google.com/vertex-ai/generative-ai/docs/models/gemini/2-5-flash). */
const OTHER_MEDIA = /^(?:audio|video)\/[\w.+-]+$|^application\/pdf$|^text\/plain$/

function imageType(mimeType = ''): string {
  if (IMAGE_TYPES.includes(mimeType)) return mimeType
  if (OTHER_MEDIA.test(mimeType)) throw notEmulatedByVertex(`Input of type ${mimeType}`)
  if (mimeType === '') throw refused('it must have a mimeType parameter. Add a mimeType parameter and try again.')
  throw refused(
    `it has a mimeType parameter with value ${mimeType}, which is not supported. Update the mimeType and try again.`,
  )
}

/** A Cloud Storage URI with a bucket name's characters and an object (https://cloud.google.com/storage/docs/objects#naming). */
const OBJECT_URI = /^gs:\/\/[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]\/[^\r\n]{1,1024}$/

function checkFileUri(uri: string): void {
  if (uri === '') throw refused('it has an empty fileUri parameter. Add a value to the parameter and try again.')
  if (/^https?:\/\//.test(uri)) throw notEmulatedByVertex('Input from an http or https address')
  if (!OBJECT_URI.test(uri)) throw vertexError('INVALID_ARGUMENT', `Unsupported file uri: ${uri}`)
}

const PREFIX = 'MEDIA_RESOLUTION_'

function resolution(value: string | undefined): MediaResolution {
  return value === undefined ? 'UNSPECIFIED' : (value.slice(PREFIX.length) as MediaResolution)
}

function readSchema(config: GenerationConfig): AnswerSchema | undefined {
  const { responseSchema, responseJsonSchema, responseMimeType = '' } = config
  if (responseSchema !== undefined && responseJsonSchema !== undefined) {
    throw refused('it has both response_schema and response_json_schema. Set one of them.')
  }
  const schema =
    responseSchema !== undefined
      ? readOpenApiSchema(responseSchema)
      : responseJsonSchema !== undefined
        ? readJsonSchema(responseJsonSchema)
        : undefined
  if (schema && responseMimeType !== 'application/json') {
    const given = responseMimeType || 'text/plain'
    throw refused(
      `it has a response schema with a responseMimeType of ${given}. Controlled generation of JSON needs application/json.`,
    )
  }
  return schema
}

function checkLabels(labels: Record<string, string>): void {
  const entries = Object.entries(labels)
  if (entries.length > MAX_LABELS)
    throw refused(`it has ${entries.length} labels but the maximum number of labels is ${MAX_LABELS}.`)
  for (const [key, value] of entries) {
    if (/^[\p{Ll}\p{Lo}][\p{Ll}\p{Lo}\p{N}_-]{0,62}$/u.test(key) && /^[\p{Ll}\p{Lo}\p{N}_-]{0,63}$/u.test(value))
      continue
    throw refused(`it has the label ${key}=${value}, whose key or value is not valid.`)
  }
}

function readTrafficType(raw: RawRequest, model: GeminiModel): TrafficType {
  const type = raw.header('x-vertex-ai-llm-request-type')
  if (type !== undefined && type !== 'shared') throw notEmulatedByVertex(`X-Vertex-AI-LLM-Request-Type: ${type}`)
  const tier = raw.header('x-vertex-ai-llm-shared-request-type')
  if (tier === undefined) return 'ON_DEMAND'
  if (tier !== 'flex') throw notEmulatedByVertex(`X-Vertex-AI-LLM-Shared-Request-Type: ${tier}`)
  if (raw.location !== 'global')
    throw refused(`Flex PayGo is supported in the global endpoint only, and not in ${raw.location}.`)
  if (!model.hasFlex) throw refused(`Flex PayGo is not supported for ${model.id}.`)
  if (raw.size > MAX_FLEX_REQUEST_BYTES) throw refused(`its ${raw.size} bytes exceed the 20 MB that Flex PayGo takes.`)
  return 'ON_DEMAND_FLEX'
}
