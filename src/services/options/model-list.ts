import { ImageryError } from '../../contracts/errors.ts'
import {
  GEMINI_MODELS,
  geminiModelFacts,
  hasFlexTier,
  MODEL_SOURCES,
  MODELS_DATED,
  PRICES_DATED,
  type Retirement,
  pastRetirement,
} from '../../contracts/gemini-models.ts'
import {
  DEFAULT_GEMINI_MODEL,
  MODEL_ID,
  PIXELS,
  TIERS,
  type MediaResolution,
  type ThinkingLevel,
  type Tier,
} from '../../contracts/model-options.ts'
import { exactUsd, imageTokens, modelPrice, TIER_SHARE } from '../../contracts/prices.ts'
import { nearModel } from './model-check.ts'
import { priceRatio, type PriceRatio } from './price-effect.ts'
import { fileWithPrice, pricesFrom, type Prices } from './price-file.ts'

interface Usd {
  input: number
  output: number
}

/** What imagery knows about one Gemini model. */
export interface ListedModel {
  model: string
  is_default: boolean
  /** `unknown`: only the price file has it. */
  state: 'served' | 'retired' | 'unknown'
  tiers: readonly Tier[]
  /** Null if the price is unknown. Thoughts are billed as output. */
  price: { from: 'imagery' | 'file'; dated: string; usd_per_million_tokens: Partial<Record<Tier, Usd>> } | null
  /** The levels that the model accepts, from the lowest; null if unknown. */
  thinking: readonly ThinkingLevel[] | null
  temperature: 'adjustable' | 'fixed' | null
  /** Estimated tokens of one image for each `--media-resolution`. Without the flag and a profile's own, it is `high`. */
  image_tokens: Record<MediaResolution, number>
  /** Null if Google has announced none. A date that is not fixed is the earliest possible one. */
  retirement: {
    day: string
    is_fixed: boolean
    successor: string | null
    /** The successor's price per token as a multiple of this model's; null if one of them is unknown. */
    price_ratio: PriceRatio | null
  } | null
}

export interface ModelList {
  default: string
  /** The date of everything but the prices. */
  dated: string
  prices: { dated: string; file: { path: string; dated: string } | null }
  models: ListedModel[]
  /** Google's pages behind each kind of fact. */
  sources: typeof MODEL_SOURCES
}

/**
 * Lists the models of the built-in table and of a price file: the default first, and retired ones last. With `only`,
 * returns one model, which can also be a pinned version, a preview or a retired one that the list leaves out.
 *
 * @param options.prices a price file that overrides the built-in list, model by model
 * @throws ImageryError FILE_NOT_FOUND, INVALID_CONFIGURATION; INVALID_FLAG for a model that imagery does not know
 */
export function listModels(options: { only?: string | undefined; prices?: string | undefined } = {}): ModelList {
  const { only, prices: file } = options
  const prices = pricesFrom(file)
  const { own } = prices
  const known = [DEFAULT_GEMINI_MODEL, ...Object.keys(GEMINI_MODELS), ...Object.keys(own?.models ?? {})]
  if (only !== undefined && !known.includes(only)) checkKnown(only)
  const names = only === undefined ? [...new Set(known)] : [only]
  const models = names.map((name) => listedModel(name, prices))
  const isRetired = ({ state }: ListedModel): boolean => state === 'retired'
  return {
    default: DEFAULT_GEMINI_MODEL,
    dated: MODELS_DATED,
    prices: { dated: PRICES_DATED, file: own ? { path: own.path, dated: own.dated } : null },
    models: [...models.filter((model) => !isRetired(model)), ...models.filter(isRetired)],
    sources: MODEL_SOURCES,
  }
}

function checkKnown(model: string): void {
  if (model === PIXELS) {
    const message = `${PIXELS} is not a Gemini model: it measures images exactly and costs nothing`
    throw new ImageryError('INVALID_FLAG', message, { suggestions: ['imagery profiles list'] })
  }
  if (MODEL_ID.test(model) && geminiModelFacts(model) !== undefined) return
  const near = nearModel(model)
  const meant = near === undefined ? '' : `. ${near.question}`
  throw new ImageryError('INVALID_FLAG', `Model ${model} is unknown as of ${MODELS_DATED}${meant}`, {
    suggestions: [...(near === undefined ? [] : [`imagery models ${near.name}`]), 'imagery models'],
  })
}

function listedModel(model: string, prices: Prices): ListedModel {
  const facts = geminiModelFacts(model)
  const tiers = TIERS.filter((tier) => tier !== 'flex' || hasFlexTier(model))
  return {
    model,
    is_default: model === DEFAULT_GEMINI_MODEL,
    state: pastRetirement(model) ? 'retired' : facts ? 'served' : 'unknown',
    tiers,
    price: listedPrice(model, tiers, prices),
    thinking: facts?.thinking ?? null,
    temperature: facts?.sampling ?? null,
    image_tokens: {
      low: imageTokens(model, 'low'),
      medium: imageTokens(model, 'medium'),
      high: imageTokens(model, 'high'),
    },
    retirement: facts?.retirement ? listedRetirement(model, facts.retirement, prices) : null,
  }
}

function listedPrice(model: string, tiers: readonly Tier[], prices: Prices): ListedModel['price'] {
  const price = modelPrice(prices.list, model)
  if (!price) return null
  const own = fileWithPrice(prices, model)
  const usdPerMillion = (tier: Tier): Usd => ({
    input: exactUsd((price.input_nanousd / 1_000) * TIER_SHARE[tier]),
    output: exactUsd((price.output_nanousd / 1_000) * TIER_SHARE[tier]),
  })
  return {
    from: own ? 'file' : 'imagery',
    dated: own?.dated ?? PRICES_DATED,
    usd_per_million_tokens: Object.fromEntries(tiers.map((tier) => [tier, usdPerMillion(tier)])),
  }
}

function listedRetirement(
  model: string,
  { day, isFixed, instead }: Retirement,
  { list }: Prices,
): ListedModel['retirement'] {
  const successor = instead ?? null
  const ratio = successor === null ? null : (priceRatio(model, successor, list) ?? null)
  return { day, is_fixed: isFixed, successor, price_ratio: ratio }
}
