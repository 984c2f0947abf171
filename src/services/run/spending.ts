import { usdText } from '../../contracts/prices.ts'
import type { GeminiOptions, Profile, RunSpec } from '../../contracts/run-spec.ts'
import type { Target } from '../session/target.ts'
import { estimateCost } from './cost-estimate.ts'
import { estimateDuration } from './duration-estimate.ts'
import { estimatePlatform, PIXELS_ANSWER_TOKENS } from './platform-cost.ts'
import { counted } from '../../contracts/count-text.ts'

/** A run whose estimate is above this many US dollars asks before it calls a model. `--ask-above` changes it. */
export const ASK_ABOVE_USD = 1

/** Whose money a run spends, and on what. */
export interface Spender {
  profile: Profile
  gemini: GeminiOptions | null
  limits: RunSpec['limits']
  target: Pick<Target, 'kind'>
  /** What answers in a local cloud, in the format of `--gemini`; undefined on Google Cloud. */
  answering: string | undefined
}

/** What a run is expected to cost its user. */
export interface Spending {
  units: number
  images: number
  seconds: number
  /** All of it, in US dollars. */
  usd: number
  /** Null if nothing bills the answers. The user's own endpoint may bill them, at a price that imagery does not know. */
  model: { usd: number; name: string; billedBy: string } | null
  /** Google's services besides the model; 0 in a local cloud. */
  servicesUsd: number
}

const VERTEX_AI = 'Vertex AI'

/** Returns what bills the answers of a run; undefined for a stand-in or the pixels model. */
export function billedBy({
  gemini,
  target,
  answering,
}: Pick<Spender, 'gemini' | 'target' | 'answering'>): string | undefined {
  if (gemini === null) return undefined
  if (gemini.endpoint !== null) return gemini.endpoint
  return target.kind === 'google' || answering === 'forward' ? VERTEX_AI : undefined
}

/** Whether a run spends anything at all. The local cloud itself is free. */
export function spendsMoney(spender: Pick<Spender, 'gemini' | 'target' | 'answering'>): boolean {
  return spender.target.kind === 'google' || billedBy(spender) !== undefined
}

/** Estimates what a run costs its user, at list prices and without free tiers. */
export function expectedSpending(
  spender: Spender,
  size: { units: number; images: number; snapshotBytes: number },
): Spending {
  const { profile, gemini, limits, target } = spender
  const { units, images, snapshotBytes } = size
  const cost = gemini === null ? undefined : estimateCost({ profile, gemini }, size)
  const tokens = { promptTokens: cost?.promptTokens ?? 0, outputTokens: cost?.outputTokens ?? 0 }
  const duration = estimateDuration({ gemini, limits }, { units, images, ...tokens })
  const answerTokens = cost?.tokens.answers ?? units * PIXELS_ANSWER_TOKENS
  const parts =
    target.kind === 'google' ? estimatePlatform({ units, images, snapshotBytes, answerTokens, duration }) : []
  const servicesUsd = parts.reduce((sum, part) => sum + part.usd, 0)
  const by = billedBy(spender)
  const model =
    by === undefined || gemini === null || cost === undefined
      ? null
      : { usd: cost.usd, name: gemini.model, billedBy: by }
  return { units, images, seconds: duration.seconds, usd: (model?.usd ?? 0) + servicesUsd, model, servicesUsd }
}

/** Says what a run is expected to cost, as sentences without the last period. */
export function spendingText({ units, images, usd, model, servicesUsd }: Spending): string {
  const size = `for ${counted(units, 'asset')} with ${counted(images, 'image')}`
  const services = servicesUsd > 0 ? `${usdText(servicesUsd)} for Google's services` : undefined
  const answers = model === null ? undefined : `${usdText(model.usd)} for ${model.name}, ${billingText(model.billedBy)}`
  const parts = [answers, services].filter((text) => text !== undefined)
  return `about ${usdText(usd)} ${size}${parts.length > 0 ? ` (${parts.join('; ')})` : ''}`
}

function billingText(by: string): string {
  return by === VERTEX_AI ? `billed by ${by}` : `if ${by} bills it at list prices`
}

/** The flags that answer the question before it is asked. */
export interface Consent {
  yes?: boolean | undefined
  maxCost?: number | undefined
  askAbove?: number | undefined
}

/** Whether a run must ask before it spends this. `--yes` and `--max-cost` have answered already. */
export function mustAsk({ yes, maxCost, askAbove = ASK_ABOVE_USD }: Consent, { usd }: Pick<Spending, 'usd'>): boolean {
  return !yes && maxCost === undefined && usd > askAbove
}

/** Returns a cap that leaves room for an estimate that is a quarter too low. */
export function roomyCap(usd: number): number {
  const room = usd * 1.25
  const digits = 10 ** Math.max(0, 1 - Math.floor(Math.log10(room)))
  return Math.ceil(room * digits) / digits
}
