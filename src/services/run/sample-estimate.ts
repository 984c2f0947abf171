import { costUsd } from '../../contracts/prices.ts'
import type { GeminiOptions, Profile } from '../../contracts/run-spec.ts'
import { estimateCost, type CostEstimate, type SizeOfRun } from './cost-estimate.ts'

/** What one unit of a sample cost, over all of its attempts. */
export interface MeasuredUnit {
  images: number
  promptTokens: number
  /** Without thoughts. */
  outputTokens: number
  thoughtTokens: number
  costUsd: number
}

/** The cost of a whole run, from a sample of its units. */
export interface NarrowedCost extends CostEstimate {
  /** The interval that has the cost of the run with the confidence `CONFIDENCE`; undefined for fewer than two units. */
  interval: { low: number; high: number } | undefined
}

export const CONFIDENCE = 0.95

/**
 * Estimates the cost of a run from a sample of its units, by the ratio estimator: what the units were expected to use, by
 * their images, is scaled by what they used, separately for prompt, answers and thoughts. If all units have as many
 * images, that is the mean. The interval is that of Student's t over the units' deviations, with the correction for a
 * sample of a finite population (W. G. Cochran, Sampling Techniques, 3rd edition, sections 2.8 and 6.3). The sample is
 * also spread over kinds and numbers of images, which makes it somewhat better than a random one, so the interval is
 * rather too wide than too narrow. It covers the chance of the sample, not a table that changes.
 *
 * @param size.units the units with an image; the others cost nothing
 * @throws RangeError for a sample without units
 */
export function narrowedCost(
  run: { profile: Profile; gemini: GeminiOptions },
  sample: readonly MeasuredUnit[],
  size: SizeOfRun,
): NarrowedCost {
  if (sample.length === 0) throw new RangeError('a sample without units')
  const { gemini } = run
  const expected = sample.map(({ images }) => partsOf(estimateCost(run, { units: 1, images })))
  const whole = estimateCost(run, size)
  const total = partsOf(whole)
  const ratio = {
    prompt: ratioOf(
      sample.map(({ promptTokens }) => promptTokens),
      expected.map(({ prompt }) => prompt),
    ),
    answers: ratioOf(
      sample.map(({ outputTokens }) => outputTokens),
      expected.map(({ answers }) => answers),
    ),
    thoughts: ratioOf(
      sample.map(({ thoughtTokens }) => thoughtTokens),
      expected.map(({ thoughts }) => thoughts),
    ),
  }
  const priced = ({ prompt, answers, thoughts }: Parts): number =>
    costUsd(
      {
        promptTokens: prompt * ratio.prompt,
        outputTokens: answers * ratio.answers,
        thoughtTokens: thoughts * ratio.thoughts,
      },
      gemini.price,
      gemini.tier,
    )
  // Google can serve a flex call at the standard price.
  const scale = ratioOf(
    sample.map((unit) => unit.costUsd),
    expected.map(priced),
  )
  const usd = priced(total) * scale
  const tokens = {
    text: whole.tokens.text * ratio.prompt,
    images: whole.tokens.images * ratio.prompt,
    answers: total.answers * ratio.answers,
    thoughts: total.thoughts * ratio.thoughts,
  }
  const deviations = sample.map((unit, index) => unit.costUsd - priced(expected[index]!) * scale)
  return {
    usd,
    promptTokens: tokens.text + tokens.images,
    outputTokens: tokens.answers + tokens.thoughts,
    tokens,
    interval: intervalOf(usd, deviations, size.units),
  }
}

interface Parts {
  prompt: number
  answers: number
  thoughts: number
}

function partsOf({ promptTokens, tokens }: CostEstimate): Parts {
  return { prompt: promptTokens, answers: tokens.answers, thoughts: tokens.thoughts }
}

function ratioOf(measured: readonly number[], expected: readonly number[]): number {
  const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)
  const denominator = sum(expected)
  return denominator === 0 ? 1 : sum(measured) / denominator
}

function intervalOf(usd: number, deviations: readonly number[], units: number): NarrowedCost['interval'] {
  const count = deviations.length
  if (count < 2) return undefined
  const variance = deviations.reduce((sum, deviation) => sum + deviation ** 2, 0) / (count - 1)
  const unseen = Math.max(0, 1 - count / Math.max(units, count))
  const half = studentT(count - 1) * units * Math.sqrt((variance / count) * unseen)
  return { low: Math.max(0, usd - half), high: usd + half }
}

/** The two-sided 95 % quantiles of Student's t for 1 to 4 degrees of freedom. */
const FEW_DEGREES = [12.7062, 4.3027, 3.1824, 2.7764]

const NORMAL = 1.959964

/** The same for any number, with the expansion in Abramowitz and Stegun, Handbook of Mathematical Functions, 26.7.5. */
export function studentT(degrees: number): number {
  const few = FEW_DEGREES[degrees - 1]
  if (few !== undefined) return few
  const z = NORMAL
  return (
    z +
    (z ** 3 + z) / (4 * degrees) +
    (5 * z ** 5 + 16 * z ** 3 + 3 * z) / (96 * degrees ** 2) +
    (3 * z ** 7 + 19 * z ** 5 + 17 * z ** 3 - 15 * z) / (384 * degrees ** 3)
  )
}
