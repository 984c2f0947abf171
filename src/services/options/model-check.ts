import { ImageryError } from '../../contracts/errors.ts'
import {
  GEMINI_MODELS,
  geminiModelFacts,
  MODELS_DATED,
  pastRetirement,
  stableModel,
  type Retirement,
} from '../../contracts/gemini-models.ts'
import { DEFAULT_GEMINI_MODEL, MODEL_ID, PIXELS } from '../../contracts/model-options.ts'
import { profileModel } from '../../contracts/run-spec.ts'
import { LIST_PRICES, modelPrice, type PriceList } from '../../contracts/prices.ts'
import { nearestName as nearestOf } from '../../profiles/nearest-name.ts'
import type { ProfileCheck } from '../../profiles/profile-text.ts'
import { successorPrice } from './price-effect.ts'

/** A known model that the user most likely meant by an unknown one. */
export interface NearModel {
  name: string
  /** The model to use: `name`, or the successor of a retired one. */
  instead: string
  /** `Did you mean gemini-3.5-flash?`, and for a retired model what follows it. */
  question: string
}

/** Returns undefined for a known model, or when none is near. @param prices the list that decides what a successor costs */
export function nearModel(model: string, prices: PriceList = LIST_PRICES): NearModel | undefined {
  const name = nearestName(model)
  if (name === undefined) return undefined
  const retirement = pastRetirement(name)
  if (retirement === undefined) return { name, instead: name, question: `Did you mean ${name}?` }
  const instead = retirement.instead ?? DEFAULT_GEMINI_MODEL
  return { name, instead, question: `Did you mean ${name}? It ${retirementText(name, retirement, prices)}.` }
}

function nearestName(model: string): string | undefined {
  if (model === PIXELS || Object.hasOwn(GEMINI_MODELS, model)) return undefined
  const names = Object.keys(GEMINI_MODELS)
  const served = names.filter((name) => pastRetirement(name) === undefined)
  const stable = stableModel(model)
  if (served.includes(stable)) return stable
  const full = model.toLowerCase().startsWith('gemini') ? model : `gemini-${model}`
  // Of equally near names, the served one comes first.
  const ranked = [...served, ...names.filter((name) => !served.includes(name))]
  return nearestOf(full, ranked) ?? nearestOf(model, ranked)
}

/** `was retired by Google on 2026-10-20; its successor is gemini-3.5-flash-lite, which costs the same per token` */
function retirementText(model: string, { day, instead }: Retirement, prices: PriceList): string {
  const successor = instead ?? DEFAULT_GEMINI_MODEL
  return `was retired by Google on ${day}; its successor is ${successor}, ${successorPrice(model, successor, prices)}`
}

/**
 * Refuses a model that Google no longer serves, and a text that is no model, before a run creates anything.
 *
 * @param given the flag or the profile that names it: `--model`, `profile signs`
 * @param prices the list that decides what the successor costs
 * @throws ImageryError INVALID_FLAG with the model to use instead
 */
export function checkModel(model: string, given: string, prices: PriceList = LIST_PRICES): void {
  if (!MODEL_ID.test(model)) {
    const near = nearModel(model, prices)
    const meant = near === undefined ? '' : `. ${near.question}`
    throw refused(`${given} ${model} is not a Gemini model${meant}`, near?.instead ?? DEFAULT_GEMINI_MODEL)
  }
  const retirement = pastRetirement(model)
  if (retirement === undefined) return
  const subject = given === '--model' ? model : `${model}, which ${given} names,`
  throw refused(`${subject} ${retirementText(model, retirement, prices)}`, retirement.instead ?? DEFAULT_GEMINI_MODEL)
}

/** Finds a model in a profile that Google no longer serves, for `imagery profiles validate`. */
export const checkProfileModel: ProfileCheck = (profile) => {
  const model = profileModel(profile)
  const retirement = pastRetirement(model)
  return retirement === undefined
    ? []
    : [{ path: ['model'], reason: `${model} ${retirementText(model, retirement, LIST_PRICES)}` }]
}

/** Returns what a user must know about a profile's model that imagery does not know, or that has no list price. */
export function modelWarning(model: string): string | undefined {
  if (model === PIXELS || modelPrice(LIST_PRICES, model) !== undefined) return undefined
  const needs = 'a run needs --prices FILE with its price'
  if (geminiModelFacts(model) !== undefined) return `imagery has no list price for ${model}; ${needs}`
  const meant = nearModel(model)?.question
  return `Model ${model} is unknown as of ${MODELS_DATED}.${meant === undefined ? '' : ` ${meant}`} If it is newer, ${needs}`
}

function refused(message: string, instead: string): ImageryError {
  return new ImageryError('INVALID_FLAG', message, { suggestions: [`--model ${instead}`, 'imagery models'] })
}
