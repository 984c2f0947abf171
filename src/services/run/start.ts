import path from 'node:path'
import { ImageryError } from '../../contracts/errors.ts'
import { defaultMaxFailures, failureControls, type RunControls } from '../../contracts/run-controls.ts'
import { runHashes, runSpec, type RunSpec } from '../../contracts/run-spec.ts'
import { pipeline, type Pipeline, type PipelineStep } from '../../contracts/steps.ts'
import { callerMember } from '../../google/auth/caller-member.ts'
import { usdText } from '../../contracts/prices.ts'
import { changeRunControls, runControlsOf } from '../../run-data/run-stop.ts'
import { usesLocalGemini } from '../../run-data/gemini-backend.ts'
import { snapshotParameters, snapshotQuery } from '../../run-data/sql/snapshot.ts'
import { PROFILE_FILE, PROFILE_PIPE } from '../../profiles/resolve-profile.ts'
import { checkSnapshot } from './check-snapshot.ts'
import { creatingStep } from './creating-step.ts'
import { estimateCostStep, type Estimated } from './cost-limit.ts'
import { fileHash } from '../source/file-hash.ts'
import { saveRunSpec } from '../runs/find.ts'
import { isStarted } from '../runs/record.ts'
import { grantRuntimeWrite, createResultsDataset } from './results-dataset.ts'
import {
  carriesOver,
  type Deployed,
  type RecordedContext,
  type RunContext,
  type Snapshotted,
  type ToAsk,
  type WithQueues,
} from './context.ts'
import { checkDeploymentLimits, runLimits, type RunOptions } from '../options/run-options.ts'
import { carryOver } from './carry-over.ts'
import { findAnswers, type AnswersFound } from './find-answers.ts'
import { checkTopic, notifyTopic, recordTopic } from './notify.ts'
import { probeModel } from './probe.ts'
import { readSource, type SourceRead } from './read-source.ts'
import { refuseUnasked } from './spend-question.ts'
import { spendsMoney } from './spending.ts'
import { deployIfAbsent, findServices, processAssets, publishShards, stageLocalImages, type Finished } from './steps.ts'
import { createResources } from './create-resources.ts'
import { takeSnapshot } from './snapshot.ts'
import { counted } from '../../contracts/count-text.ts'

/** What is known when a run asks whether it may spend. */
export type Counted = RunContext & RecordedContext & Deployed & SourceRead & Snapshotted & Partial<Estimated & ToAsk>

/**
 * Returns the steps of `imagery run` up to its question: they take the snapshot and estimate the cost, and call no model.
 *
 * @param options.canAsk whether a terminal can answer. Otherwise a run that must ask is refused before it creates anything
 */
export function stepsBeforeSpending(context: RunContext, options: { canAsk: boolean }): Pipeline<Counted> {
  const spends = spendsMoney({ ...context.choice, target: context.target, answering: context.gemini })
  const refuses = spends && !options.canAsk && !carriesOver(context)
  return (
    stepsUpToTheSnapshot(context, { refuses, limits: limitsGiven(context.options, undefined) })
      // What is in the images decides which assets must be asked.
      .stepIf(carriesOver(context) && isLoaded(context), stageLocalImages)
      .stepIf(carriesOver(context), carryOver)
      .stepIf(context.choice.gemini !== null || spends, estimateCostStep)
  )
}

/**
 * Returns the first steps of a run: they record it, and take its snapshot.
 *
 * @param options.limits recorded with the run, so that a resume has them if this command dies before it records all limits
 */
export function stepsUpToTheSnapshot(
  context: RunContext,
  { refuses = false, limits }: { refuses?: boolean; limits?: RunLimits | undefined } = {},
): Pipeline<RunContext & RecordedContext & Deployed & SourceRead & Snapshotted> {
  return firstSteps(context, { loads: isLoaded(context), refuses })
    .stepIf(carriesOver(context), findAnswers)
    .step(recordRun(limits))
    .stepIf(context.options.notify !== undefined, recordTopic(context.options.notify ?? ''))
    .step(takeSnapshot)
    .step(checkSnapshot)
}

/** Returns the steps after the question, up to the last row. */
export function stepsThatSpend(context: Counted, options: { wait: boolean }): Pipeline<Finished> {
  return stepsBeforePublishing(context)
    .stepIf(context.choice.gemini !== null, probeModel)
    .step(publishShards)
    .stepIf(options.wait, processAssets({ isResume: false }))
}

/** Returns the first of these steps, up to the point where the first model is called. */
export function stepsBeforePublishing(context: Counted): Pipeline<Counted & WithQueues> {
  return pipeline(context)
    .stepIf(hasLimits(runLimitsOf(context)), recordLimits)
    .stepIf(isLoaded(context) && !carriesOver(context), stageLocalImages)
    .step(createResources)
}

function isLoaded({ source }: RunContext): boolean {
  return source.kind !== 'table'
}

/**
 * A load is first recorded in the deployment's bucket. On Google Cloud, a run without a deployment is a
 * mistake, which must be reported before that.
 */
function firstSteps(
  context: RunContext,
  { loads, refuses }: { loads: boolean; refuses: boolean },
): Pipeline<RunContext & Deployed & SourceRead> {
  const start = pipeline(context)
  const { notify } = context.options
  if (notify !== undefined) notifyTopic(notify, context.target.place)
  const [notifies, check] = [notify !== undefined, checkTopic(notify ?? '')]
  if (context.target.kind !== 'local')
    return start
      .step(findServicesFor(context.options))
      .stepIf(refuses, refuseUnasked)
      .stepIf(notifies, check)
      .step(readTheSource)
  const counted = start.stepIf(refuses, refuseUnasked)
  return loads
    ? counted.step(deployIfAbsent).stepIf(notifies, check).step(readTheSource)
    : counted.step(readTheSource).step(deployIfAbsent).stepIf(notifies, check)
}

/** Checks the run's options against the deployment too, before anything is read. */
const findServicesFor = (options: RunOptions): PipelineStep<RunContext, Deployed> => ({
  ...findServices,
  async run(context, reporter) {
    const found = await findServices.run(context, reporter)
    checkDeploymentLimits(options, found.adds.deployment.maxInstances, context.target)
    return found
  },
})

const readTheSource: PipelineStep<RunContext, SourceRead> = { title: 'Read the source', run: readSource }

/** From here on, any machine can find, finish or delete the run by its ID. */
const recordRun = (
  limits: RunLimits | undefined,
): PipelineStep<RunContext & Deployed & SourceRead & Partial<AnswersFound>, { spec: RunSpec }> => ({
  title: 'Record the run',
  async run(context) {
    const { runId, target, milestones } = context
    const spec = await newRunSpec(context)
    milestones.spec = spec
    // First, so that no command can continue the run without them.
    if (limits && hasLimits(limits)) await changeRunControls(spec, { ...(await runControlsOf(spec)), ...limits })
    await saveRunSpec(spec)
    if (milestones.isStarted && !(await isStarted(target.place, runId))) {
      throw new ImageryError('RUN_TORN_DOWN', `Run ${runId} was torn down by another command`)
    }
    milestones.isRecorded = true
    context.store.rememberRun(runId, { targetKey: target.key, startedAt: spec.created_at })
    await createResultsDataset(context, milestones)
    await grantRuntimeWrite(context, target)
    return { done: runId, adds: { spec } }
  },
})

/** The services read the limits, so that they hold without this command. */
const recordLimits: PipelineStep<Counted, object> = creatingStep({
  title: 'Record the limits',
  async run(context) {
    const { spec } = context
    const limits = runLimitsOf(context)
    const { max_failures_percent: _, ...before } = await runControlsOf(spec)
    await changeRunControls(spec, { ...before, ...limits })
    const { max_cost_usd: cost, max_failures: failures } = limits
    const said = [
      ...(cost === null ? [] : [`calls cost at most ${usdText(cost)}`]),
      ...(failures === null ? [] : [`stops after ${counted(failures, 'failure')} alike in a row`]),
    ]
    return { done: said.join(', '), adds: {} }
  },
})

type RunLimits = Pick<RunControls, 'max_cost_usd' | 'max_failures' | 'max_failures_percent'>

/** @param units undefined before they are counted */
function limitsGiven(options: Pick<RunOptions, 'maxCost' | 'maxFailures'>, units: number | undefined): RunLimits {
  const { maxCost = null, maxFailures = null } = options
  return { max_cost_usd: maxCost, ...failureControls(maxFailures, units) }
}

/** A run that calls a paid model has a limit on failures by default. */
function runLimitsOf({ options, choice, assets }: Counted): RunLimits {
  const byDefault = choice.gemini === null ? null : defaultMaxFailures(assets)
  const { maxFailures = byDefault } = options
  return limitsGiven({ ...options, maxFailures }, assets)
}

const hasLimits = ({ max_cost_usd: cost, max_failures: failures, max_failures_percent: percent }: RunLimits): boolean =>
  cost !== null || failures !== null || percent !== undefined

async function newRunSpec(context: RunContext & Deployed & SourceRead & Partial<AnswersFound>): Promise<RunSpec> {
  const { options, source, sourceTable, snapshot, tables, target, choice, imageRoots } = context
  const spec = {
    v: 1 as const,
    run_id: context.runId,
    created_at: context.startedAt.toISOString(),
    created_by: (await callerMember())?.replace(/^\w+:/, '') ?? 'unknown',
    place: target.place,
    source: {
      ...sourceTable,
      given: options.table,
      file_hash: source.kind === 'file' ? ((await fileHash(source.file)) ?? sourceFileGone(source.file)) : null,
      modified_ms: context.sourceModifiedMs,
      loaded: source.kind !== 'table',
      location: context.location,
      image_folder: source.kind === 'table' ? null : source.kind === 'file' ? source.imageFolder : source.folder,
      ...(imageRoots.length > 0 ? { image_roots: [...imageRoots] } : {}),
      ...(options.fetchImages ? { fetch_images: true } : {}),
      asset_column: snapshot.assetColumn,
      image_column: snapshot.imageColumn,
      ...(snapshot.keep ? { keep: [...snapshot.keep] } : {}),
      where: snapshot.where,
      limit: snapshot.limit,
      sample: snapshot.sample?.size ?? null,
      query: snapshotQuery(snapshot),
      parameters: snapshotParameters(snapshot),
    },
    profile: choice.gemini ? { ...context.profile, model: choice.gemini.model } : context.profile,
    profile_given: profileGiven(options.profile),
    unit: choice.unit,
    images: choice.images,
    gemini: choice.gemini,
    ...(context.gemini !== undefined && usesLocalGemini(choice) ? { gemini_backend: context.gemini } : {}),
    ...(context.carry ? { carry: context.carry } : {}),
    tables,
    limits: runLimits(options, choice.gemini, context.deployment.maxInstances),
  } satisfies Omit<RunSpec, 'hashes'>
  return runSpec.parse({ ...spec, hashes: runHashes(spec) } satisfies RunSpec)
}

/** Returns the profile that a resume compares with. A pipe cannot be read again. */
function profileGiven(profile: string): string | null {
  if (PROFILE_PIPE.test(profile)) return null
  return PROFILE_FILE.test(profile) ? path.resolve(profile) : profile
}

function sourceFileGone(file: string): never {
  throw new ImageryError('FILE_NOT_FOUND', `${file} was deleted while the run was starting`)
}
