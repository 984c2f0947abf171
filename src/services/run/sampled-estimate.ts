import { ImageryError } from '../../contracts/errors.ts'
import type { EstimateReport, SampleReport } from '../../contracts/estimate-report.ts'
import { exactUsd, usdText } from '../../contracts/prices.ts'
import type { ChosenUnit, SampledAnswer } from '../../run-data/sample-units.ts'
import type { RunContext } from './context.ts'
import { estimateCost } from './cost-estimate.ts'
import { estimateReport, type Counted, type Estimated, type Measured } from './estimate.ts'
import { CONFIDENCE, narrowedCost } from './sample-estimate.ts'
import type { Asked } from './sample.ts'
import type { SpendQuestion } from './spend-question.ts'
import { billedBy, roomyCap } from './spending.ts'
import { counted } from '../../contracts/count-text.ts'

type ToSample = RunContext & Counted & Estimated

/** @throws ImageryError INVALID_FLAG for a profile whose answers cost nothing */
export function checkSampled({ choice, profile }: Pick<RunContext, 'choice' | 'profile'>): void {
  if (choice.gemini !== null) return
  throw new ImageryError(
    'INVALID_FLAG',
    `--sample asks a Gemini model, and profile ${profile.name} uses none, so its estimate needs no sample`,
    { suggestions: ['Run the same command without --sample', 'imagery run --sample 20 …   (runs it over 20 assets)'] },
  )
}

/**
 * Returns what to ask before a sample spends money, however little it is: an estimate is expected to be free. Undefined if
 * its answers cost nothing, or if a flag has answered.
 *
 * @param earlier the run that an earlier sample with the same options has begun, which a run would continue
 * @throws ImageryError COST_LIMIT if the sample would cost more than `--max-cost`
 */
export function sampleQuestion(context: ToSample, size: number, earlier?: string): SpendQuestion | undefined {
  const { options, choice, profile, target, gemini: answering, counted: source, report } = context
  const { gemini } = choice
  const by = billedBy({ gemini, target, answering })
  if (gemini === null) return undefined
  const { units, images } = source.counts
  const asked = Math.min(size, units)
  const { usd } = estimateCost({ profile, gemini }, { units: asked, images: Math.ceil((images / units) * asked) })
  const what = `The sample of ${counted(asked, 'asset')} will cost about ${usdText(usd)}`
  if (options.maxCost !== undefined && usd > options.maxCost) {
    throw new ImageryError('COST_LIMIT', `${what}, more than --max-cost ${options.maxCost}. No model was called`, {
      suggestions: [`Run the same command with --max-cost ${roomyCap(usd)}`],
    })
  }
  if (by === undefined || options.yes || options.maxCost !== undefined) return undefined
  const whole = `The whole run would cost about ${usdText(report.cost_usd.gemini)}, and does not pay for these answers again`
  return {
    question: `${what}, billed by ${by}. ${whole}.${earlier === undefined ? '' : ` ${earlierSampleText(earlier)}.`}`,
    suggestions: [
      `Run the same command with --max-cost ${roomyCap(usd)}`,
      'Run the same command with --yes',
      'Run the same command without --sample   (calls no model)',
    ],
  }
}

/** Says that a sample is paid although there is one already. */
export function earlierSampleText(runId: string): string {
  return `Run ${runId} has the answers of an earlier sample with the same options, and this sample is paid besides`
}

/** Returns the report of an estimate whose tokens, cost and duration follow from a sample. */
export function sampledReport(context: ToSample & Asked & { chosen: readonly ChosenUnit[] }): EstimateReport {
  const { counted: source, maxInstances, answers, chosen, unanswered, runId } = context
  const measured = measuredBy(context)
  const report = estimateReport(context, source, maxInstances, measured)
  const imagesOf = new Map(chosen.map(({ unit_id: unit, images }) => [unit, images]))
  const count = (isOk: boolean): number => answers.filter(({ status }) => (status === 'ok') === isOk).length
  const interval = measured?.cost.interval
  const sample: SampleReport = {
    run_id: runId,
    units: chosen.length,
    ok: count(true),
    failed: count(false),
    unanswered: chosen.length - answers.length,
    cost_usd: exactUsd(answers.reduce((sum, { costUsd }) => sum + costUsd, 0)),
    gemini_usd: interval
      ? { low: exactUsd(interval.low), high: exactUsd(interval.high), confidence: CONFIDENCE, method: 'student_t' }
      : null,
    answers: answers.map((answer) => answerJson(answer, imagesOf.get(answer.unitId) ?? 0)),
  }
  for (const [unit, why] of [...unanswered].slice(0, 1))
    context.warnings.push(
      `${counted(unanswered.size, 'asset')} of the sample ${unanswered.size === 1 ? 'has' : 'have'} no answer, for example ${unit}: ${why}`,
    )
  return { ...report, sample }
}

function answerJson(answer: SampledAnswer, images: number): SampleReport['answers'][number] {
  return {
    unit_id: answer.unitId,
    images,
    status: answer.status,
    cause: answer.cause,
    error_message: answer.errorMessage,
    answer: answer.answer,
    prompt_tokens: answer.promptTokens,
    output_tokens: answer.outputTokens,
    thought_tokens: answer.thoughtTokens,
    cost_usd: answer.costUsd,
    latency_ms: answer.latencyMs,
  }
}

/** Returns what the answers say about the whole run; undefined without answers. */
function measuredBy({
  choice,
  profile,
  counted,
  answers,
  chosen,
}: ToSample & Asked & { chosen: readonly ChosenUnit[] }):
  | (Measured & { cost: ReturnType<typeof narrowedCost> })
  | undefined {
  const { gemini } = choice
  if (gemini === null || answers.length === 0) return undefined
  const imagesOf = new Map(chosen.map(({ unit_id: unit, images }) => [unit, images]))
  const { units, images, histogram } = counted.counts
  const withoutImage = histogram.find((group) => group.images === 0)?.units ?? 0
  const sample = answers.map((answer) => ({ ...answer, images: imagesOf.get(answer.unitId) ?? 0 }))
  const cost = narrowedCost({ profile, gemini }, sample, { units: units - withoutImage, images })
  const latencies = answers.filter(({ costUsd }) => costUsd > 0).map(({ latencyMs }) => latencyMs / 1_000)
  const seconds = latencies.reduce((sum, latency) => sum + latency, 0) / Math.max(latencies.length, 1)
  return { cost: { ...cost, usd: exactUsd(cost.usd) }, secondsPerUnit: seconds }
}
