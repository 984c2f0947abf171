import { ImageryError } from '../../contracts/errors.ts'
import { acceptedThinking, geminiModelFacts, hasFlexTier, usesTemperature } from '../../contracts/gemini-models.ts'
import {
  DEFAULT_IMAGES,
  MAX_IMAGES_PER_REQUEST,
  MODEL_ID,
  PIXELS,
  type ImagePick,
  type ImageTransport,
  type MediaResolution,
  type Tier,
  type Unit,
} from '../../contracts/model-options.ts'
import { endpointFault } from '../../contracts/model-endpoint.ts'
import { profileModel, type GeminiOptions, type Profile, type RunSpec } from '../../contracts/run-spec.ts'
import { schemaWarnings } from '../../profiles/profile-check.ts'
import { checkModel } from './model-check.ts'
import { priceOf, pricesFrom, type Prices } from './price-file.ts'

/** The flags of a run for units, images and model. The profile decides what they leave unset. */
export interface ModelFlags {
  unit?: Unit | undefined
  imagesPerUnit?: number | undefined
  pick?: ImagePick | undefined
  model?: string | undefined
  location?: string | undefined
  mediaResolution?: MediaResolution | undefined
  tier?: Tier | undefined
  imageTransport?: ImageTransport | undefined
  geminiEndpoint?: string | undefined
  /** Concurrent model calls. */
  concurrency?: number | undefined
  prices?: string | undefined
}

/** The units, images and model that a run uses. */
export interface ModelChoice extends Pick<RunSpec, 'unit' | 'images'> {
  /** Null for the pixels model. */
  gemini: GeminiOptions | null
  prices: Prices
}

/** The endpoint that serves every model, and the only one for flex (https://cloud.google.com/vertex-ai/generative-ai/docs/learn/locations#global-endpoint). */
const DEFAULT_LOCATION = 'global'

/** @throws ImageryError INVALID_FLAG for flags that contradict the profile, each other, or Google's rules */
export function chooseModel(profile: Profile, flags: ModelFlags): ModelChoice {
  const unit = flags.unit ?? profile.unit ?? 'asset'
  return { unit, images: chooseImages(profile, flags), ...chooseGemini(profile, flags) }
}

function chooseImages(profile: Profile, flags: ModelFlags): RunSpec['images'] {
  const pick = flags.pick ?? profile.images?.pick ?? DEFAULT_IMAGES.pick
  if (pick !== 'all') {
    return { pick, max_per_unit: flags.imagesPerUnit ?? profile.images?.max_per_unit ?? DEFAULT_IMAGES.max_per_unit }
  }
  if (flags.imagesPerUnit === undefined) return { pick, max_per_unit: MAX_IMAGES_PER_REQUEST }
  throw invalid(
    `--images-per-unit ${flags.imagesPerUnit} cannot be used: ${flags.pick ? '--pick all' : `profile ${profile.name}`} uses all images`,
    ['--pick latest or --pick spread'],
  )
}

function chooseGemini(profile: Profile, flags: ModelFlags): Pick<ModelChoice, 'gemini' | 'prices'> {
  const model = flags.model ?? profileModel(profile)
  const given = flags.model === undefined ? `profile ${profile.name}` : '--model'
  if (!MODEL_ID.test(model)) checkModel(model, given)
  if (profileModel(profile) === PIXELS) return { gemini: noGemini(profile, flags), prices: pricesFrom(undefined) }
  if (model === PIXELS)
    throw invalid(`--model ${PIXELS} cannot be used: profile ${profile.name} needs a Gemini model`, [
      '--profile image-quality',
    ])
  const location = flags.location ?? DEFAULT_LOCATION
  const tier = flags.tier ?? 'standard'
  if (!/^[a-z0-9-]+$/.test(location)) throw invalid(`--location ${location} is not a location`, ['--location global'])
  if (tier === 'flex') checkFlex(model, location)
  const ownEndpoint = endpoint(flags.geminiEndpoint)
  const prices = pricesFrom(flags.prices)
  // A proxy can serve any model.
  if (ownEndpoint === null) checkModel(model, given, prices.list)
  const gemini = {
    model,
    location,
    endpoint: ownEndpoint,
    tier,
    media_resolution: flags.mediaResolution ?? profile.media_resolution ?? null,
    temperature: profile.temperature ?? null,
    max_output_tokens: profile.max_output_tokens ?? null,
    thinking: profile.thinking === undefined ? null : acceptedThinking(model, profile.thinking),
    image_transport: flags.imageTransport ?? 'gs',
    price: priceOf(model, prices.list),
  }
  return { gemini, prices }
}

/** Returns what a user must know about settings of a profile that a model does not accept or does not use. */
export function modelWarnings(profile: Profile, gemini: Pick<GeminiOptions, 'model'> | null): string[] {
  if (gemini === null) return []
  const { model } = gemini
  const { name, thinking, temperature } = profile
  const warnings = schemaWarnings(profile)
  const raised = thinking === undefined ? undefined : acceptedThinking(model, thinking)
  if (raised !== thinking) {
    const levels = geminiModelFacts(model)?.thinking.join(', ')
    warnings.push(
      `${model} accepts the thinking levels ${levels}, so it thinks at level ${raised}, not at ${thinking} as profile ${name} asks; thoughts are billed`,
    )
  }
  if (temperature !== undefined && !usesTemperature(model))
    warnings.push(`${model} uses no temperature, so temperature ${temperature} of profile ${name} is not sent`)
  return warnings
}

const GEMINI_FLAGS = {
  model: '--model',
  location: '--location',
  mediaResolution: '--media-resolution',
  tier: '--tier',
  imageTransport: '--image-transport',
  geminiEndpoint: '--gemini-endpoint',
  concurrency: '--concurrency',
} as const satisfies Partial<Record<keyof ModelFlags, string>>

function noGemini(profile: Profile, flags: ModelFlags): null {
  for (const [name, flag] of Object.entries(GEMINI_FLAGS)) {
    const value = flags[name as keyof typeof GEMINI_FLAGS]
    if (value === undefined || value === PIXELS) continue
    throw invalid(`${flag} works only with Gemini profiles; profile ${profile.name} uses the ${PIXELS} model`, [
      'imagery profiles list',
    ])
  }
  return null
}

/** https://cloud.google.com/vertex-ai/generative-ai/docs/flex-paygo#supported-models-and-locations */
function checkFlex(model: string, location: string): void {
  if (location !== DEFAULT_LOCATION)
    throw invalid(`--tier flex works only with --location global, not ${location}`, ['--location global'])
  if (!hasFlexTier(model))
    throw invalid(`${model} has no flex tier; use a Gemini 3 model`, ['--model gemini-3.5-flash-lite'])
}

function endpoint(given: string | undefined): string | null {
  if (given === undefined) return null
  const fault = endpointFault(given)
  if (fault === undefined) return new URL(given).href
  // The message does not repeat the value, which can contain a password.
  throw invalid(`--gemini-endpoint ${fault}`, ['--gemini-endpoint http://127.0.0.1:8080'])
}

function invalid(message: string, suggestions: string[]): ImageryError {
  return new ImageryError('INVALID_FLAG', message, { suggestions })
}
