import type { EstimateReport, GeminiEstimate } from '../../contracts/estimate-report.ts'
import { acceptedThinking, GEMINI_MODELS, pastRetirement } from '../../contracts/gemini-models.ts'
import { GEMINI_PRICE_SOURCES, GOOGLE_PRICES_DATED, THROUGHPUT_SOURCE } from '../../contracts/google-prices.ts'
import { MEDIA_RESOLUTIONS, TIERS } from '../../contracts/model-options.ts'
import { exactUsd, LIST_PRICES, modelPrice } from '../../contracts/prices.ts'
import type { GeminiOptions } from '../../contracts/run-spec.ts'
import { pipeline, type Pipeline, type PipelineStep } from '../../contracts/steps.ts'
import { resultColumns } from '../../contracts/tables.ts'
import type { SourceCounts } from '../../run-data/source-counts.ts'
import { fileWithPrice } from '../options/price-file.ts'
import { checkDeploymentLimits, runLimits } from '../options/run-options.ts'
import { findDeployment } from '../session/target.ts'
import { noAssetsError } from '../source/no-assets.ts'
import { AI_GENERATE_SOURCES, aiGenerateAdvice } from './ai-generate.ts'
import type { RunContext } from './context.ts'
import { estimateCost, tokenAssumptions, type CostEstimate } from './cost-estimate.ts'
import { countedSource, type CountedSource } from './count-source.ts'
import { carriedFrom } from './carry-over.ts'
import type { ExpectedCounts } from './expected-counts.ts'
import { estimateDuration } from './duration-estimate.ts'
import { leftOut } from './left-out.ts'
import { estimatePlatform, PIXELS_ANSWER_TOKENS, type CostPart } from './platform-cost.ts'
import { counted as countOf } from '../../contracts/count-text.ts'

/** The steps of an estimate. They create nothing that remains. */
export function estimateSteps(context: RunContext): Pipeline<RunContext & Counted & Estimated> {
  return pipeline(context).step(countUnits).step(estimate)
}

export interface Counted {
  counted: CountedSource
}

export interface Estimated {
  report: EstimateReport
  /** Of the deployment; undefined if there is none yet. */
  maxInstances: number | undefined
}

const countUnits: PipelineStep<RunContext, Counted> = {
  title: 'Count the assets and images',
  async run(context) {
    const counted = await countedSource(context)
    const { units, images } = counted.counts
    if (units === 0) throw noAssetsError(context.options.table, counted.snapshot.where)
    return {
      done: `${countOf(units, context.choice.unit)} with ${countOf(images, 'image')}`,
      adds: { counted },
    }
  },
}

const estimate: PipelineStep<RunContext & Counted, Estimated> = {
  title: 'Estimate the cost',
  async run(context) {
    // A run creates a local deployment with the usual limits if there is none.
    const deployment = await findDeployment(context.target.place)
    if (deployment && context.target.kind === 'google')
      checkDeploymentLimits(context.options, deployment.maxInstances, context.target)
    const maxInstances = deployment?.maxInstances
    return { adds: { report: estimateReport(context, context.counted, maxInstances), maxInstances } }
  },
}

/** What a sample of the units has shown about the run. */
export interface Measured {
  cost: CostEstimate
  secondsPerUnit: number
}

/** Returns the report of a run over a counted source: from assumptions, or from what a sample of its units has shown. */
export function estimateReport(
  context: Pick<RunContext, 'options' | 'profile' | 'choice' | 'source' | 'gemini'>,
  { counts, snapshot, snapshotBytes, bytesRead, how, expected }: CountedSource,
  maxInstances?: number,
  measured?: Measured,
): EstimateReport {
  const { options, profile, choice, source } = context
  const { gemini } = choice
  const asked = expected ? unitsToAsk(counts, expected) : counts
  const { units, images } = asked
  const cost = gemini && (measured?.cost ?? estimateCost({ profile, gemini }, { units, images }))
  const limits = runLimits(options, gemini, maxInstances)
  const tokens = { promptTokens: cost?.promptTokens ?? 0, outputTokens: cost?.outputTokens ?? 0 }
  const { secondsPerUnit } = measured ?? {}
  const duration = estimateDuration({ gemini, limits }, { units, images, ...tokens, secondsPerUnit })
  const answerTokens = cost?.tokens.answers ?? units * PIXELS_ANSWER_TOKENS
  const parts = estimatePlatform({ units, images, snapshotBytes, answerTokens, duration }).map(rounded)
  const advice = aiGenerateAdvice({ profile, gemini }, { snapshot, counts, isTable: source.kind === 'table' })
  const { maxCost } = options
  const usd = cost?.usd ?? 0
  const priceFile = gemini === null ? undefined : fileWithPrice(choice.prices, gemini.model)
  return {
    profile: profile.name,
    source: options.table,
    unit: choice.unit,
    units: counts.units,
    images: counts.images,
    carried: expected ? carriedPart(expected) : null,
    images_per_unit: counts.histogram,
    left_out: leftOut(counts, choice),
    counted: { how, bytes_read: bytesRead },
    snapshot_bytes: snapshotBytes,
    columns: resultColumns(profile, snapshot.keep),
    samples: counts.samples.map(({ unitId, assetId, images: uris }) => ({
      unit_id: unitId,
      asset_id: assetId,
      images: uris.map((uri) => asGiven(uri, snapshot.imagePrefix)),
    })),
    gemini: gemini && cost && geminiEstimate(context, gemini, asked, cost),
    cost_usd: costs(usd, parts),
    cost_parts: parts,
    prices_dated: { gemini: priceFile?.dated ?? LIST_PRICES.dated, google: GOOGLE_PRICES_DATED },
    duration: {
      seconds: Math.round(duration.seconds),
      concurrency: duration.concurrency,
      instances: duration.instances,
      throughput_tiers: duration.tiers.map(({ name, spend, tokensPerMinute, seconds }) => ({
        name,
        spend,
        tokens_per_minute: tokensPerMinute,
        seconds: Math.round(seconds),
      })),
      throughput_source: gemini === null ? null : THROUGHPUT_SOURCE,
    },
    max_cost:
      maxCost === undefined
        ? null
        : {
            usd: maxCost,
            would_be_refused: usd > maxCost,
            fitting_units: usd > maxCost ? Math.floor((units * maxCost) / usd) : units,
          },
    ai_generate: {
      is_better: advice.isBetter,
      reasons: advice.isBetter ? [] : advice.reasons,
      statement: advice.isBetter ? advice.statement : null,
      sources: AI_GENERATE_SOURCES,
    },
    sample: null,
  }
}

/** The units that a run asks about if it carries the other answers over. */
function unitsToAsk(counts: SourceCounts, { counts: expected }: ExpectedCounts): SourceCounts {
  const units = Number(expected.new_units) + Number(expected.changed) + Number(expected.failed_before)
  return { ...counts, units, images: Number(expected.images_to_ask) }
}

function carriedPart({ carry, counts }: ExpectedCounts): EstimateReport['carried'] {
  const { v: _, carried_at: _at, ...part } = carriedFrom(carry, counts)
  return part
}

/** The user knows an image that a run would stage by its own path. */
function asGiven(uri: string, prefix: string | null): string {
  return prefix !== null && uri.startsWith(prefix) ? uri.slice(prefix.length) : uri
}

function geminiEstimate(
  { profile, choice, gemini: answering }: Pick<RunContext, 'profile' | 'choice' | 'gemini'>,
  gemini: GeminiOptions,
  { units, images }: SourceCounts,
  { tokens, promptTokens, outputTokens, usd }: CostEstimate,
): GeminiEstimate {
  const assumed = tokenAssumptions({ profile, gemini })
  return {
    model: gemini.model,
    tier: gemini.tier,
    media_resolution: gemini.media_resolution,
    stand_in: gemini.endpoint === null && answering !== undefined && answering !== 'forward' ? answering : null,
    tokens: {
      prompt: Math.round(tokens.text),
      images: Math.round(tokens.images),
      answers: Math.round(tokens.answers),
      thoughts: Math.round(tokens.thoughts),
      total: Math.round(promptTokens + outputTokens),
    },
    assumptions: {
      characters_per_token: assumed.charactersPerToken,
      tokens_per_image: assumed.tokensPerImage,
      tokens_per_answer: assumed.tokensPerAnswer,
      thought_tokens_per_answer: assumed.thoughtTokensPerAnswer,
    },
    alternatives: alternatives({ profile, choice }, gemini, { units, images }, usd),
    price_source: fileWithPrice(choice.prices, gemini.model)?.path ?? GEMINI_PRICE_SOURCES[gemini.tier],
  }
}

/**
 * The costs of the same run with every known model that Google still serves, tier and media resolution. If a sample has
 * shown that the run costs more or less than assumed, all of them are scaled alike.
 */
function alternatives(
  { profile, choice }: Pick<RunContext, 'profile' | 'choice'>,
  chosen: GeminiOptions,
  size: { units: number; images: number },
  usd: number,
): GeminiEstimate['alternatives'] {
  const assumed = estimateCost({ profile, gemini: chosen }, size).usd
  const scale = assumed === 0 ? 1 : usd / assumed
  const models = [...new Set([chosen.model, ...Object.keys(GEMINI_MODELS)])]
  return models.flatMap((model) => {
    const price = modelPrice(choice.prices.list, model)
    if (price === undefined || (model !== chosen.model && pastRetirement(model) !== undefined)) return []
    const thinking = profile.thinking === undefined ? null : acceptedThinking(model, profile.thinking)
    return TIERS.flatMap((tier) =>
      MEDIA_RESOLUTIONS.map((resolution) => {
        const gemini = { ...chosen, model, price, thinking, tier, media_resolution: resolution }
        const isSame = model === chosen.model && tier === chosen.tier
        return {
          model,
          tier,
          media_resolution: resolution,
          usd: exactUsd(estimateCost({ profile, gemini }, size).usd * scale),
          is_chosen: isSame && resolution === (chosen.media_resolution ?? 'high'),
        }
      }),
    )
  })
}

function rounded(part: CostPart): CostPart {
  return { ...part, usd: exactUsd(part.usd) }
}

function costs(gemini: number, parts: readonly CostPart[]): EstimateReport['cost_usd'] {
  const of = (service: CostPart['service']): number =>
    exactUsd(parts.reduce((sum, part) => sum + (part.service === service ? part.usd : 0), 0))
  const each = {
    gemini,
    bigquery: of('bigquery'),
    cloud_run: of('cloud_run'),
    cloud_tasks: of('cloud_tasks'),
    pubsub: of('pubsub'),
  }
  return { ...each, total: exactUsd(Object.values(each).reduce((sum, usd) => sum + usd, 0)) }
}
