import { ImageryError } from '../../contracts/errors.ts'
import { GEMINI_MODELS, geminiModelFacts, stableModel, type Retirement } from '../../contracts/gemini-models.ts'
import { DEFAULT_GEMINI_MODEL, MODEL_ID, PIXELS } from '../../contracts/model-options.ts'
import { profileModel } from '../../contracts/run-spec.ts'
import { nearestName } from '../../profiles/nearest-name.ts'
import type { ProfileCheck } from '../../profiles/profile-text.ts'

/** Returns the retirement of a model that Google no longer serves. */
export function pastRetirement(model: string, now = Date.now()): Retirement | undefined {
  const retirement = geminiModelFacts(model)?.retirement
  return retirement?.isFixed && Date.parse(retirement.day) < now ? retirement : undefined
}

/** Returns the known model that the user most likely meant; undefined for a known model, or when none is near. */
export function nearestModel(model: string): string | undefined {
  if (model === PIXELS || Object.hasOwn(GEMINI_MODELS, model)) return undefined
  const served = Object.keys(GEMINI_MODELS).filter((name) => pastRetirement(name) === undefined)
  const stable = stableModel(model)
  if (served.includes(stable)) return stable
  const full = model.toLowerCase().startsWith('gemini') ? model : `gemini-${model}`
  return nearestName(full, served) ?? nearestName(model, served)
}

/**
 * Refuses a model that Google no longer serves, and a text that is no model, before a run creates anything.
 *
 * @param given the flag or the profile that names it: `--model`, `profile signs`
 * @throws ImageryError INVALID_FLAG with the model to use instead
 */
export function checkModel(model: string, given: string): void {
  if (!MODEL_ID.test(model)) {
    const near = nearestModel(model)
    const meant = near === undefined ? '' : `. Did you mean ${near}?`
    throw refused(`${given} ${model} is not a Gemini model${meant}`, near ?? DEFAULT_GEMINI_MODEL)
  }
  const retirement = pastRetirement(model)
  if (retirement === undefined) return
  const instead = retirement.instead ?? DEFAULT_GEMINI_MODEL
  const subject = given === '--model' ? model : `${model}, which ${given} names,`
  throw refused(`${subject} was retired by Google on ${retirement.day}; its successor is ${instead}`, instead)
}

/** Finds a model in a profile that Google no longer serves, for `imagery profiles validate`. */
export const checkProfileModel: ProfileCheck = (profile) => {
  const model = profileModel(profile)
  const retirement = pastRetirement(model)
  if (retirement === undefined) return []
  const instead = retirement.instead ?? DEFAULT_GEMINI_MODEL
  return [{ path: ['model'], reason: `${model} was retired by Google on ${retirement.day}; use ${instead}` }]
}

function refused(message: string, instead: string): ImageryError {
  return new ImageryError('INVALID_FLAG', message, { suggestions: [`--model ${instead}`] })
}
