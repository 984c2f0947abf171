import { allEnded } from '../../contracts/all-ended.ts'
import { ImageryError } from '../../contracts/errors.ts'
import { usdText } from '../../contracts/prices.ts'
import type { Pipeline, PipelineStep, StepOutcome, StepReporter } from '../../contracts/steps.ts'
import { CloudError } from '../../google/transport/errors.ts'
import { pause } from '../../google/transport/pauses.ts'
import { endPreparation } from '../../run-data/heartbeat-record.ts'
import { recordRunStop } from '../../run-data/run-stop.ts'
import { chooseUnits, sampledAnswers, type ChosenUnit, type SampledAnswer } from '../../run-data/sample-units.ts'
import { isTornDown } from '../../run-data/torn-down.ts'
import { rememberSample } from '../runs/sample-record.ts'
import { readingRows } from '../source/failed-read.ts'
import type { Chosen, Deployed, RecordedContext, RunContext, Snapshotted } from './context.ts'
import { creatingStep } from './creating-step.ts'
import { estimateCost } from './cost-estimate.ts'
import { lastProbe } from './probe.ts'
import type { SourceRead } from './read-source.ts'
import { setUp } from './set-up.ts'
import { stepsUpToTheSnapshot } from './start.ts'
import { stageLocalImages } from './steps.ts'
import { counted } from '../../contracts/count-text.ts'

/** More units make the interval little narrower: its width falls with the square root of their number. */
export const MOST_SAMPLED = 500

/** What became of a sample. */
export interface Asked {
  answers: readonly SampledAnswer[]
  /** Why units have no answer, by unit. */
  unanswered: ReadonlyMap<string, string>
}

type Sampled = RunContext & RecordedContext & Deployed & SourceRead & Snapshotted & Chosen & Asked

/**
 * Returns the steps that ask a model about some units of a run before the run. The sample is the beginning of a run of its
 * own: the snapshot has all units, the answers are rows of its ledger, and `imagery resume` asks about the others.
 */
export function sampleSteps(context: RunContext, size: number): Pipeline<Sampled> {
  return stepsUpToTheSnapshot(context)
    .step(choose(size))
    .stepIf(context.source.kind !== 'table', stageLocalImages)
    .step(setUp)
    .step(askAndStop)
}

const choose = (size: number): PipelineStep<RecordedContext & SourceRead, Chosen> => ({
  title: 'Choose the sample',
  async run({ spec, snapshot }) {
    const chosen = await readingRows(snapshot, chooseUnits(spec, size, snapshot))
    return { done: counted(chosen.length, 'asset'), adds: { chosen } }
  },
})

/** Calls of a sample at once: it takes a few seconds, and a low quota still allows it. */
const CALLS_AT_ONCE = 10

const ask: PipelineStep<RunContext & RecordedContext & Deployed & Snapshotted & Chosen, Asked> = creatingStep({
  title: 'Ask the model',
  async run(context, reporter): Promise<StepOutcome & { adds: Asked }> {
    const { spec, chosen, milestones, options, signal } = context
    const { gemini } = spec
    const unanswered = new Map<string, string>()
    if (gemini === null || chosen.length === 0) return { skipped: 'no image', adds: { answers: [], unanswered } }
    const budget = new SampleBudget(context, chosen)
    let asked = 0
    const askUnit = async (unit: ChosenUnit): Promise<void> => {
      signal.throwIfAborted()
      if (!budget.begins()) return void unanswered.set(unit.unit_id, `--max-cost ${options.maxCost} would be passed`)
      let usd: number | undefined
      try {
        const { unit_id, bucket } = unit
        const result = await lastProbe({ ...context, sampledUnit: { unit_id, bucket } }, gemini, reporter)
        if (result instanceof ImageryError) {
          // A refusal bills nothing. What would fail for every unit fails with the first one, and leaves no row.
          usd = 0
          milestones.hasRows = unit !== chosen[0]
          throw result
        }
        if (result.outcome === 'retry') unanswered.set(unit.unit_id, result.message)
        else usd = result.outcome === 'answered' ? result.cost_usd : 0
      } finally {
        budget.ended(usd)
        reporter.detail(`${(asked += 1)} of ${chosen.length}`)
      }
    }
    // If an answer is lost, the model may have been paid.
    milestones.hasRows = true
    await askUnit(chosen[0]!)
    await rememberSample(spec)
    const queue = chosen.slice(1).values()
    const worker = async (): Promise<void> => {
      for (const unit of queue) {
        await askUnit(unit).catch((error: unknown) => {
          const isOfUnit = error instanceof CloudError || (error instanceof ImageryError && error.code !== 'CANCELLED')
          if (!isOfUnit) throw error
          unanswered.set(unit.unit_id, error.message)
        })
      }
    }
    await allEnded(Array.from({ length: CALLS_AT_ONCE }, worker))
    const recorded = chosen.filter(({ unit_id: unit }) => !unanswered.has(unit))
    const answers = await visibleAnswers(context, recorded, reporter)
    return { done: doneText(answers, chosen.length), adds: { answers, unanswered } }
  },
})

/**
 * The same, and then stops the run, also after Ctrl-C: the other units wait for a resume. No generation begins, so that no
 * heartbeat asks about them either, even if this command is killed before it stops the run.
 */
const askAndStop: typeof ask = {
  title: ask.title,
  async run(context, reporter) {
    try {
      return await ask.run(context, reporter)
    } finally {
      if (context.milestones.hasRows && !(await isTornDown(context.spec))) {
        await stop(context)
        await endPreparation(context.spec)
      }
    }
  },
}

async function stop({ spec, chosen, assets }: RecordedContext & Chosen & Snapshotted): Promise<void> {
  await recordRunStop(spec, {
    v: 1,
    run_id: spec.run_id,
    reason: 'sample',
    message: `An estimate asked about ${chosen.length} of ${counted(assets, 'asset')}; a resume asks about the others`,
    failure: null,
    stopped_at: new Date().toISOString(),
  })
}

function doneText(answers: readonly SampledAnswer[], size: number): string {
  const ok = answers.filter(({ status }) => status === 'ok').length
  const cost = answers.reduce((sum, { costUsd }) => sum + costUsd, 0)
  return `${ok} of ${size} ok, ${usdText(cost)}`
}

/** How long BigQuery may take to show rows that it has accepted. */
const VISIBLE_MS = 90_000
const LOOK_MS = 1_000

/** Waits until the ledger shows the rows of units that have one. */
async function visibleAnswers(
  { spec, signal }: RecordedContext,
  units: readonly ChosenUnit[],
  reporter: StepReporter,
): Promise<SampledAnswer[]> {
  for (const deadlineMs = performance.now() + VISIBLE_MS; ;) {
    const answers = await sampledAnswers(spec, units)
    if (answers.length === units.length || performance.now() > deadlineMs) return answers
    signal.throwIfAborted()
    reporter.detail('waiting until BigQuery shows the answers')
    await pause(LOOK_MS)
  }
}

/**
 * Keeps a sample within `--max-cost`: what its answers have cost, and for each call in progress as much as the most
 * expensive answer so far, or the estimate.
 */
class SampleBudget {
  readonly #most: number
  #dearest: number
  #spent = 0
  #inProgress = 0

  constructor({ options, spec }: RunContext & RecordedContext, chosen: readonly ChosenUnit[]) {
    const { profile, gemini } = spec
    const images = Math.max(...chosen.map((unit) => unit.images))
    this.#most = options.maxCost ?? Number.POSITIVE_INFINITY
    this.#dearest = gemini === null ? 0 : estimateCost({ profile, gemini }, { units: 1, images }).usd
  }

  /** Whether one more call fits. If so, it is in progress until it has `ended`. */
  begins(): boolean {
    const fits = this.#spent + (this.#inProgress + 1) * this.#dearest <= this.#most
    if (fits) this.#inProgress += 1
    return fits
  }

  /** @param usd what the call has cost; undefined if nothing says so */
  ended(usd: number | undefined): void {
    this.#inProgress -= 1
    this.#spent += usd ?? this.#dearest
    this.#dearest = Math.max(this.#dearest, usd ?? 0)
  }
}
