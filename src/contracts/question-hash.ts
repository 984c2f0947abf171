import { createHash } from 'node:crypto'
import { acceptedThinking, usesTemperature } from './gemini-models.ts'
import { DEFAULT_OUTPUT_TOKENS, PIXELS_VERSION } from './model-options.ts'
import { profileModel, type GeminiOptions, type RunSpec } from './run-spec.ts'

/** Raised when imagery sends the same profile to a model in another form, because the answers are not comparable then. */
const REQUEST_FORM = 1

/**
 * SHA-256, hex, of everything besides the images that decides an answer: who answers, the model, the prompt or
 * measurement, the schema with the order of its properties, and the settings as the model gets them. Two answers about
 * the same images with the same hash answer the same question (docs/decisions/0020-answers-carried-over.md).
 *
 * The tier, the location, the prices and the image transport are not part of it: they change what an answer costs or
 * how it gets to the model.
 *
 * @param answeredBy see `answererOf`
 */
export function questionHash(
  { unit, profile, gemini }: Pick<RunSpec, 'unit' | 'profile' | 'gemini'>,
  answeredBy: string,
): string {
  const { prompt = null, measure = null, output } = profile
  const model = gemini?.model ?? profileModel(profile)
  const question = [REQUEST_FORM, answeredBy, model, unit, prompt, measure, output, gemini && settingsSent(gemini)]
  return createHash('sha256').update(JSON.stringify(question)).digest('hex')
}

/** The settings as `geminiModel` sends them. */
function settingsSent(gemini: GeminiOptions): unknown[] {
  const { model, media_resolution, temperature, max_output_tokens, thinking } = gemini
  return [
    media_resolution,
    usesTemperature(model) ? temperature : null,
    max_output_tokens ?? DEFAULT_OUTPUT_TOKENS,
    thinking && acceptedThinking(model, thinking),
  ]
}

/** Vertex AI itself, or a local cloud that forwards to it. */
const VERTEX_AI = 'Vertex AI'

/**
 * Returns who answers a run, in words that are equal for equal answers. Stand-ins of a local cloud are one answerer,
 * whatever their file: they stand for the model in tests, and their answers never mix with those of a real one.
 *
 * @param backend what answers Gemini calls in a local cloud, in the format of `--gemini`; undefined on Google Cloud
 */
export function answererOf(gemini: Pick<GeminiOptions, 'endpoint'> | null, backend: string | undefined): string {
  if (gemini === null) return PIXELS_VERSION
  if (gemini.endpoint !== null) return gemini.endpoint
  return backend === undefined || backend === 'forward' ? VERTEX_AI : 'a stand-in'
}
