import { THINKING_LEVELS, type ThinkingLevel } from './model-options.ts'

/** What Google says about one Gemini model. */
export interface GeminiModelFacts {
  /** List price in USD per million tokens, text and images alike; absent when imagery does not know it. */
  price?: TokenListPrice
  /** The thinking levels that the model accepts, from the lowest. A request with another level is refused. */
  thinking: readonly ThinkingLevel[]
  /** Whether temperature has an effect. A model with fixed sampling ignores it. */
  sampling: 'adjustable' | 'fixed'
  retirement?: Retirement
}

/** A model's retirement, and its replacement. */
export interface Retirement {
  /** The retirement date if it is fixed, else the earliest possible date. */
  day: string
  isFixed: boolean
  instead?: string
  /** The list price until then, of prompts of up to 200,000 tokens. Only says what the successor costs in comparison. */
  formerPrice?: TokenListPrice
}

/** USD per million tokens. Thoughts are billed as output. */
export interface TokenListPrice {
  input: number
  output: number
}

/** The date of the prices in the table below. */
export const PRICES_DATED = '2026-10-07'

/** The date of everything else in the table below. */
export const MODELS_DATED = '2026-11-30'

/** The pages of Google behind the facts of every model. */
export const MODEL_SOURCES = {
  price: 'https://cloud.google.com/vertex-ai/generative-ai/pricing',
  flex: 'https://cloud.google.com/vertex-ai/generative-ai/docs/flex-paygo',
  thinking: 'https://cloud.google.com/vertex-ai/generative-ai/docs/thinking',
  image_tokens: 'https://cloud.google.com/vertex-ai/generative-ai/docs/multimodal/image-understanding',
  temperature: 'https://cloud.google.com/vertex-ai/generative-ai/docs/models',
  retirement: 'https://docs.cloud.google.com/gemini-enterprise-agent-platform/models/model-versions',
} as const

/** Levels of the models that accept all of them. Gemini 2.5 has token budgets, which imagery sets by level. */
const ALL = THINKING_LEVELS

/** https://cloud.google.com/vertex-ai/generative-ai/docs/thinking: `minimal` is refused. */
const FROM_LOW = ['low', 'medium', 'high'] as const

/**
 * Gemini models by ID.
 *
 * - prices: https://cloud.google.com/vertex-ai/generative-ai/pricing. Former ones, transcribed from that page by others:
 *   adlabsoffice/AD_LABS TABELA_PRECOS_VERTEX_AI.md (2.0), eidast/ai-models-stats docs/GOOGLE_PRICING.md (2.5 Pro)
 * - thinking: https://cloud.google.com/vertex-ai/generative-ai/docs/thinking. Refusals seen by others:
 *   earendil-works/pi#9455 (3.8 Flash), can1357/oh-my-pi#10543 (3.7 Flash on Vertex AI), jenslys/opencode-gemini-auth#14
 *   (`medium` on 3 Pro)
 * - sampling: https://cloud.google.com/vertex-ai/generative-ai/docs/models/gemini/3-5-flash-lite and the pages of 3.6,
 *   3.7 and 3.8 Flash say that temperature, top-P and top-K are ignored;
 *   https://ai.google.dev/gemini-api/docs/whats-new-gemini-3.6 announces that later models refuse them
 * - retirement: https://docs.cloud.google.com/gemini-enterprise-agent-platform/models/model-versions
 */
export const GEMINI_MODELS: Readonly<Record<string, GeminiModelFacts>> = {
  'gemini-2.0-flash': retired('2026-02-05', 'gemini-3.5-flash-lite', { input: 0.15, output: 0.6 }),
  'gemini-2.0-flash-001': retired('2026-02-05', 'gemini-3.5-flash-lite', { input: 0.15, output: 0.6 }),
  'gemini-2.0-flash-lite': retired('2026-02-25', 'gemini-3.1-flash-lite', { input: 0.075, output: 0.3 }),
  'gemini-2.0-flash-lite-001': retired('2026-02-25', 'gemini-3.1-flash-lite', { input: 0.075, output: 0.3 }),
  'gemini-2.5-pro': retired('2026-10-20', 'gemini-3.5-flash', { input: 1.25, output: 10 }),
  'gemini-2.5-flash': { ...retired('2026-10-20', 'gemini-3.5-flash-lite'), price: { input: 0.3, output: 2.5 } },
  'gemini-2.5-flash-lite': { ...retired('2026-10-20', 'gemini-3.1-flash-lite'), price: { input: 0.1, output: 0.4 } },
  'gemini-3-pro-preview': { thinking: ['low', 'high'], sampling: 'adjustable' },
  'gemini-3-flash-preview': { thinking: ALL, sampling: 'adjustable' },
  'gemini-3.1-pro-preview': { thinking: FROM_LOW, sampling: 'adjustable' },
  'gemini-3.1-flash-lite': {
    price: { input: 0.25, output: 1.5 },
    thinking: ALL,
    sampling: 'adjustable',
    retirement: { day: '2027-05-07', isFixed: false },
  },
  'gemini-3.5-flash': {
    price: { input: 1.5, output: 9 },
    thinking: ALL,
    sampling: 'adjustable',
    retirement: { day: '2027-05-19', isFixed: false },
  },
  'gemini-3.5-flash-lite': {
    price: { input: 0.3, output: 2.5 },
    thinking: ALL,
    sampling: 'fixed',
    retirement: { day: '2027-07-21', isFixed: false },
  },
  'gemini-3.6-flash': { price: { input: 1.5, output: 7.5 }, thinking: ALL, sampling: 'fixed' },
  'gemini-3.7-flash': { thinking: FROM_LOW, sampling: 'fixed' },
  'gemini-3.8-flash': { thinking: FROM_LOW, sampling: 'fixed' },
}

function retired(day: string, instead: string, formerPrice?: TokenListPrice): GeminiModelFacts {
  const retirement = { day, isFixed: true, instead, ...(formerPrice ? { formerPrice } : {}) }
  return { thinking: ALL, sampling: 'adjustable', retirement }
}

/**
 * The models of whole families that Google retired, previews and experiments included, with the last day of the family
 * (same page; https://cloud.google.com/vertex-ai/generative-ai/docs/deprecations/gemini-1.0-pro).
 */
const RETIRED_FAMILIES = [
  { names: /^gemini-(?:1\.0-|(?:pro|ultra)(?:-vision)?$)/, day: '2025-04-21' },
  { names: /^gemini-1\.5-/, day: '2025-09-24' },
  { names: /^gemini-(?:2\.0-|exp-)/, day: '2026-02-25' },
] as const

/** A pinned version, as in gemini-3.5-flash-001. */
const VERSION = /-\d{3}$/

/** A preview or an experiment, perhaps with its date, as in gemini-2.5-flash-preview-09-2025 and gemini-2.5-pro-exp-03-25. */
const PREVIEW = /-(?:preview|exp|experimental|latest)(?:-[\d-]+)?$|-\d{2}-(?:\d{2}|\d{4})$/

/** Returns the model of a pinned version: gemini-3.5-flash of gemini-3.5-flash-001. */
export function unpinnedModel(model: string): string {
  return model.replace(VERSION, '')
}

/** Returns the model that a pinned version, a preview or an experiment belongs to. */
export function stableModel(model: string): string {
  return unpinnedModel(model).replace(PREVIEW, '')
}

/**
 * Returns what imagery knows about a model; undefined for a model that is newer than the table. A pinned version has the
 * facts of its model. So does a preview, except for its price, which can differ.
 */
export function geminiModelFacts(model: string): GeminiModelFacts | undefined {
  const exact = tableFacts(model) ?? tableFacts(unpinnedModel(model))
  if (exact !== undefined) return exact
  const { price: _, ...facts } = tableFacts(stableModel(model)) ?? familyFacts(model) ?? {}
  return 'thinking' in facts ? facts : undefined
}

function tableFacts(model: string): GeminiModelFacts | undefined {
  return Object.hasOwn(GEMINI_MODELS, model) ? GEMINI_MODELS[model] : undefined
}

function familyFacts(model: string): GeminiModelFacts | undefined {
  const family = RETIRED_FAMILIES.find(({ names }) => names.test(model))
  return family && retired(family.day, /pro|ultra/.test(model) ? 'gemini-3.5-flash' : 'gemini-3.5-flash-lite')
}

/** Whether a model has a flex tier (https://cloud.google.com/vertex-ai/generative-ai/docs/flex-paygo#supported-models-and-locations). */
export function hasFlexTier(model: string): boolean {
  return !/^gemini-[12]\./.test(model)
}

/**
 * Returns the lowest level that a model accepts and that is at least `wanted`. A model that is not in the table gets
 * what was asked for; Google refuses it if it is not accepted.
 */
export function acceptedThinking(model: string, wanted: ThinkingLevel): ThinkingLevel {
  const accepted = geminiModelFacts(model)?.thinking ?? ALL
  const from = THINKING_LEVELS.indexOf(wanted)
  return THINKING_LEVELS.slice(from).find((level) => accepted.includes(level)) ?? accepted.at(-1) ?? wanted
}

/** Returns the least thinking that a model accepts. */
export function leastThinking(model: string): ThinkingLevel {
  return acceptedThinking(model, THINKING_LEVELS[0])
}

/**
 * Whether a model uses a temperature. For a model that is not in the table, no: those that came last ignore it, and the
 * next ones are announced to refuse it.
 */
export function usesTemperature(model: string): boolean {
  return geminiModelFacts(model)?.sampling === 'adjustable'
}

/** Returns the retirement of a model that Google no longer serves. */
export function pastRetirement(model: string, now = Date.now()): Retirement | undefined {
  const retirement = geminiModelFacts(model)?.retirement
  return retirement?.isFixed && Date.parse(retirement.day) < now ? retirement : undefined
}
