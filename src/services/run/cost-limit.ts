import { estimateCost } from './cost-estimate.ts'
import { ImageryError } from '../../contracts/errors.ts'
import { TIER_SHARE, usdText } from '../../contracts/prices.ts'
import type { GeminiOptions } from '../../contracts/run-spec.ts'
import type { PipelineStep } from '../../contracts/steps.ts'
import { countImages } from '../../run-data/run-tables.ts'
import type { RecordedContext, RunContext, Snapshotted, ToAsk } from './context.ts'
import type { SourceRead } from './read-source.ts'
import { expectedSpending, spendingText, type Spending } from './spending.ts'
import { counted } from '../../contracts/count-text.ts'

/** What the exact counts of the snapshot show. */
export interface Estimated {
  spending: Spending
}

/**
 * Reports the estimated cost before any model is called, and stops the run above `--max-cost`. The
 * snapshot exists by now, so the numbers of units and images are exact; tokens are estimated.
 */
export const estimateCostStep: PipelineStep<
  RunContext & RecordedContext & Snapshotted & SourceRead & Partial<ToAsk>,
  Estimated
> = {
  title: 'Estimate the cost',
  async run({ spec, assets: all, options, gemini: answering, target, snapshotBytes, toAsk }) {
    const { profile, gemini } = spec
    const { units: assets, images } = toAsk ?? { units: all, images: await countImages(spec) }
    const adds = {
      spending: expectedSpending({ ...spec, target, answering }, { units: assets, images, snapshotBytes }),
    }
    if (gemini === null) return { done: spendingText(adds.spending), adds }
    const { usd } = estimateCost({ profile, gemini }, { units: assets, images })
    const about = `about ${usdText(usd)}`
    const of = `for ${counted(assets, 'asset')} with ${counted(images, 'image')}`
    const { maxCost } = options
    if (maxCost === undefined || usd <= maxCost)
      return { done: `${about}${describeGeminiBackend(gemini, answering)} ${of}`, adds }
    const fitting = Math.floor((assets * maxCost) / usd)
    throw new ImageryError(
      'COST_LIMIT',
      `The run would cost ${about} ${of}, more than --max-cost ${maxCost}. No model was called`,
      {
        suggestions: [
          ...(fitting > 0 ? [`Run the same command with --sample ${fitting}`] : []),
          `Run the same command with --max-cost ${Math.ceil(usd * 100) / 100}`,
          ...(gemini.tier === 'standard' && usd * TIER_SHARE.flex <= maxCost
            ? ['Run the same command with --tier flex   (half the price, slower)']
            : []),
        ],
      },
    )
  },
}

/**
 * Describes where the answers come from and whether they are billed, because another command can have
 * started the local cloud with another `--gemini`. The text comes before the counts, because a narrow
 * terminal cuts the end of the line.
 *
 * @param answering what answers in the local cloud, in the format of `--gemini`; undefined on Google Cloud
 */
export function describeGeminiBackend(
  { endpoint }: Pick<GeminiOptions, 'endpoint'>,
  answering: string | undefined,
): string {
  if (endpoint !== null) return `, sent to ${endpoint},`
  if (answering === undefined) return ''
  return answering === 'forward' ? ', billed by the real Vertex AI,' : `, not billed (${answering}),`
}
