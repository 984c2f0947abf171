import { estimateCost } from './cost-estimate.ts'
import { ImageryError } from '../../contracts/errors.ts'
import { usdText } from '../../contracts/prices.ts'
import type { GeminiOptions } from '../../contracts/run-spec.ts'
import type { Step } from '../../contracts/steps.ts'
import { countImages } from '../../run-data/run-tables.ts'
import type { RunContext } from './context.ts'

/**
 * Says about what the run will cost before any model is asked, and stops it above `--max-cost`.
 * What the snapshot has is known by now, so units and images are exact; tokens are assumed.
 */
export const estimateCostStep: Step<RunContext> = {
  title: 'Estimate the cost',
  async run({ spec, assets, options, gemini: answering }) {
    const { profile, gemini } = spec!
    if (gemini === null) return { skipped: 'no model is asked' }
    const images = await countImages(spec!)
    const { usd } = estimateCost({ profile, gemini }, { units: assets!, images })
    const about = `about ${usdText(usd)}`
    const of = `for ${assets!.toLocaleString('en')} assets with ${images.toLocaleString('en')} images`
    const { maxCost } = options
    if (maxCost === undefined || usd <= maxCost)
      return { done: `${about}${describeGeminiBackend(gemini, answering)} ${of}` }
    const fitting = Math.floor((assets! * maxCost) / usd)
    throw new ImageryError(
      'COST_LIMIT',
      `The run would cost ${about} ${of}, more than --max-cost ${maxCost}: nothing was asked`,
      {
        suggestions: [
          ...(fitting > 0 ? [`The same command with --sample ${fitting}`] : []),
          `The same command with --max-cost ${Math.ceil(usd * 100) / 100}`,
          ...(gemini.tier === 'standard' ? ['The same command with --tier flex   (half the price, slower)'] : []),
        ],
      },
    )
  },
}

/**
 * A local cloud may have been started by another command, with answers that this one has not named:
 * whose rows these are, and whether they cost anything, is said before any is asked for. It stands
 * before the counts, since a narrow terminal cuts the end of the line.
 *
 * @param answering who answers in the local cloud, as `--gemini` writes it; undefined on Google
 */
export function describeGeminiBackend(
  { endpoint }: Pick<GeminiOptions, 'endpoint'>,
  answering: string | undefined,
): string {
  if (endpoint !== null) return `, asked at ${endpoint},`
  if (answering === undefined) return ''
  return answering === 'forward' ? ', billed by the real Vertex AI,' : `, not billed (${answering}),`
}
