import { ImageryError } from '../../contracts/errors.ts'
import type { RunReport } from '../../contracts/run-report.ts'
import { pipeline, type Pipeline } from '../../contracts/steps.ts'
import { findRunId, runNotFound } from '../runs/find.ts'
import { countImages } from '../../run-data/run-tables.ts'
import { currentGeneration } from '../../run-data/rounds.ts'
import { runControlsOf } from '../../run-data/run-stop.ts'
import type { Deployed, Pending, RecordedContext, Snapshotted, ToAsk, WorkContext } from './context.ts'
import { checkTopic, notifyTopic, recordTopic } from './notify.ts'
import { runReport } from '../runs/report.ts'
import { awaitCallsInProgress } from './calls-in-progress.ts'
import { carryOver } from './carry-over.ts'
import { probeModel } from './probe.ts'
import { loadRunRecord } from '../runs/record.ts'
import { spendQuestion, type SpendQuestion } from './spend-question.ts'
import { expectedSpending, spendsMoney, type Consent } from './spending.ts'
import {
  deployIfAbsent,
  findServices,
  letGoOn,
  processAssets,
  publishShards,
  stageLocalImages,
  type Finished,
} from './steps.ts'
import { createResources } from './create-resources.ts'
import { takeSnapshot } from './snapshot.ts'
import { completeRun } from '../runs/watch.ts'

/**
 * Finds a run to finish.
 *
 * @throws ImageryError RUN_NOT_FOUND, also for a run that was torn down; RUN_TORN_DOWN during a
 *   teardown; RUN_NOT_COMPLETE for a run that is not recorded yet
 */
export async function resumeContext(
  base: Pick<WorkContext, 'target' | 'store' | 'runtimeFolder' | 'signal'>,
  typed: string | undefined,
): Promise<RecordedContext> {
  const runId = await findRunId(base.target, base.store, typed)
  const record = await loadRunRecord(base.target, runId)
  if (record?.kind === 'recorded')
    return { ...base, runId, spec: record.spec, milestones: { isPublished: false, hasTables: true } }
  const { flags } = base.target
  if (record?.kind === 'loading') {
    throw new ImageryError(
      'RUN_NOT_COMPLETE',
      `Run ${runId} is still loading its source, or was stopped while loading it, so it cannot be resumed`,
      {
        suggestions: [
          `imagery teardown ${runId}${flags}   (if the command that started it has ended)`,
          `imagery run${flags} --table TABLE --profile PROFILE`,
        ],
      },
    )
  }
  if (record?.kind === 'leaving') {
    throw new ImageryError('RUN_TORN_DOWN', `Run ${runId} is being torn down; there is nothing left to resume`, {
      suggestions: [`imagery teardown ${runId}${flags}   (finishes an interrupted teardown)`],
    })
  }
  if (!base.store.run(runId)?.tornDown) throw runNotFound(base.target, runId)
  throw new ImageryError('RUN_NOT_FOUND', `Run ${runId} was torn down; there is nothing left to resume`, {
    suggestions: [
      `imagery results ${runId}${base.target.flags}`,
      `imagery run${base.target.flags} --table TABLE --profile PROFILE`,
    ],
  })
}

/**
 * Returns the report of a run if every asset has a row, because then only the results table can still be missing, or
 * else the number of pending units, and the report before the command works on the run.
 */
export async function completeReport({
  spec,
}: RecordedContext): Promise<{ complete: RunReport } | (Pending & { before: RunReport })> {
  const report = await runReport(spec)
  const isComplete = report.state === 'complete' && report.units.total > 0
  return isComplete ? { complete: await completeRun(spec, report) } : { pending: report.units.pending, before: report }
}

/** A run that goes on, when it may have to ask whether it may spend. */
export type Ready = RecordedContext & Pending & Deployed & Snapshotted & Partial<ToAsk>

/**
 * Returns the steps that finish a run after its command, runtime or cloud died. Each step keeps what
 * exists, creates what is missing, and replaces a deleted queue. Only assets without a final row are
 * queued, under the same task names as before.
 */
export function resumeSteps(
  context: RecordedContext & Pending,
  options: { wait: boolean; notify?: string | undefined },
): Pipeline<Finished> {
  return resumeStepsThatSpend(resumeStepsBeforeSpending(context, options), context, options)
}

/** Returns the first of these steps, which call no model. */
export function resumeStepsBeforeSpending(
  context: RecordedContext & Pending,
  { notify }: { notify?: string | undefined },
): Pipeline<Ready> {
  return firstSteps(context, notify)
    .step(takeSnapshot)
    .stepIf(context.spec.source.loaded, stageLocalImages)
    .stepIf(context.spec.carry !== undefined, carryOver)
}

/** Adds the other ones. */
export function resumeStepsThatSpend(
  start: Pipeline<Ready>,
  { spec }: Pick<RecordedContext, 'spec'>,
  options: { wait: boolean },
): Pipeline<Finished> {
  return start
    .step(createResources)
    .stepIf(spec.gemini !== null, awaitCallsInProgress)
    .stepIf(spec.gemini !== null, probeModel)
    .step(publishShards)
    .stepIf(options.wait, processAssets({ isResume: true }))
}

/**
 * Returns what to ask before a run goes on whose command died before it asked, or before the user answered. Undefined for
 * a run whose tasks were published, because its user has agreed to its cost, for a sample, which has its own question, and
 * if a limit on the cost that was recorded with the run has answered.
 */
export async function resumeQuestion(
  { spec, target, assets, toAsk, report }: Ready & { report: RunReport },
  { consent, answering }: { consent: Consent; answering: string | undefined },
): Promise<SpendQuestion | undefined> {
  const spender = { ...spec, target, answering }
  const isSample = report.stopped?.reason === 'sample'
  if (!spendsMoney(spender) || isSample || (await currentGeneration(spec))) return undefined
  const { max_cost_usd: cap } = await runControlsOf(spec)
  const size = toAsk ?? { units: assets, images: await countImages(spec) }
  const spending = expectedSpending(spender, { ...size, snapshotBytes: 0 })
  const asked = spendQuestion({ options: { ...consent, maxCost: consent.maxCost ?? cap ?? undefined } }, spending)
  return asked && { ...asked, suggestions: asked.suggestions.filter((suggestion) => !suggestion.includes('--dry-run')) }
}

/** The run goes on only after everything is checked that could refuse it. */
function firstSteps(
  context: RecordedContext & Pending,
  notify: string | undefined,
): Pipeline<RecordedContext & Pending & Deployed> {
  const first = context.target.kind === 'local' ? deployIfAbsent : findServices
  if (notify === undefined) return pipeline(context).step(letGoOn(first))
  notifyTopic(notify, context.target.place)
  return pipeline(context)
    .step(first)
    .step(checkTopic(notify))
    .step(letGoOn(recordTopic(notify)))
}
