import { ImageryError } from '../../contracts/errors.ts'
import type { RunTables } from '../../contracts/names.ts'
import { newRunId } from '../../contracts/run-id.ts'
import type { Profile, RunSpec } from '../../contracts/run-spec.ts'
import type { ChosenUnit } from '../../run-data/sample-units.ts'
import { resolveProfile } from '../../profiles/resolve-profile.ts'
import type { EarlierRun } from './earlier-run.ts'
import { priceWarnings } from './same-as-before.ts'
import { chooseModel, modelWarnings, type ModelChoice } from '../options/model-choice.ts'
import { checkLocalLimits, parseOutput, runLimits, type RunOptions } from '../options/run-options.ts'
import { checkFetchImages, parseImageRoots, parseSource, type Source } from '../source/parse.ts'
import type { StateStore } from '../session/state-store.ts'
import type { Deployment, Target } from '../session/target.ts'

/** What every command that works on a run starts with. Its steps add the rest (`pipeline`). */
export interface WorkContext {
  target: Target
  store: StateStore
  /** The folder of the built runtime, for a local deployment. */
  runtimeFolder: string
  runId: string
  signal: AbortSignal
  milestones: Milestones
}

/** What the command has done so far. A step can fail after it did this, so an early end reads it from here. */
export interface Milestones {
  /** Set once the shards are published. From then on, the run continues without this command. */
  isPublished: boolean
  /** Whether the run may have tables. Set before the first one is created, and unset if that is refused. */
  hasTables: boolean
  /** Set once the ledger has a row that may have been paid. From then on, a failed run is kept. */
  hasRows?: boolean
}

/** The same, with the record of the run. */
export interface RecordedContext extends WorkContext {
  spec: RunSpec
}

/** What the first steps add. */
export interface Deployed {
  deployment: Deployment
}

export interface Snapshotted {
  /** The number of assets in the snapshot. */
  assets: number
}

export interface Pending {
  /** About how many units are pending, which decides the number of shards of a round that queues only those. */
  pending: number
}

/** What a run that carried answers over still has to ask. */
export interface ToAsk extends Pending {
  toAsk: { units: number; images: number }
}

export interface Probed {
  /** Units that have their row from the probe, so that no task is created for them. Undefined if there was no probe. */
  probed: readonly string[] | undefined
}

export interface Chosen {
  /** The units of a sample. */
  chosen: readonly ChosenUnit[]
}

export interface WithQueues {
  /** Full names of the run's queues. */
  queues: readonly string[]
  /** How many of them did not exist before. */
  newQueues?: number
}

/** The same, with the choices of a new run. */
export interface RunContext extends WorkContext {
  options: RunOptions
  choice: ModelChoice
  startedAt: Date
  profile: Profile
  source: Source
  warnings: string[]
  /** More folders that images of a local file can be read from, as absolute paths. */
  imageRoots: readonly string[]
  /** What answers as Gemini in a local cloud, in the format of `--gemini`; undefined on Google Cloud, or if nothing does. */
  gemini: string | undefined
  /** The run of `--update`. */
  earlier?: EarlierRun | undefined
  milestones: RunMilestones
}

/** Whether a run carries answers of earlier runs over. */
export function carriesOver({ options, earlier }: Pick<RunContext, 'options' | 'earlier'>): boolean {
  return earlier !== undefined || options.reuse === true
}

/** What a new run has created so far. If it ends early, its rollback deletes this. */
export interface RunMilestones extends Milestones {
  /** The tables whose dataset this run has created. */
  datasetFor: RunTables | undefined
  /** Whether the bucket lists the resources that this run can create before it is recorded. */
  isStarted: boolean
  /** Set just before the record is saved. */
  spec: RunSpec | undefined
  /** Whether any machine can find, finish or delete the run by its ID. */
  isRecorded: boolean
  /** Set while the user is asked whether the run may spend money. A run that ends here is rolled back. */
  isAsking?: boolean
}

/** The parts of a run that are known before any cloud is called. */
export type CheckedOptions = Pick<RunContext, 'options' | 'profile' | 'source' | 'choice' | 'imageRoots'>

/**
 * Checks everything that can be checked without a cloud.
 *
 * @throws ImageryError for an invalid flag, profile, file or table name
 */
export async function checkRunOptions(options: RunOptions): Promise<CheckedOptions> {
  parseOutput(options.output)
  const profile = resolveProfile(options.profile)
  const choice = chooseModel(profile, options)
  const source = await parseSource(options.table)
  const imageRoots = await parseImageRoots(options.imageRoots ?? [], source)
  if (options.fetchImages) checkFetchImages(source, options)
  if (source.kind === 'folder' && options.keep !== undefined) throw nothingToKeep(source.given)
  return { options, profile, source, choice, imageRoots }
}

function nothingToKeep(folder: string): ImageryError {
  return new ImageryError('INVALID_FLAG', `--keep names columns of a table, and ${folder} is a folder of images`, {
    suggestions: ['Run the same command without --keep'],
  })
}

/**
 * Creates the context of a new run, with its ID and start time.
 *
 * @throws ImageryError INVALID_FLAG for limits that the target does not allow
 */
export function newRunContext(
  checked: CheckedOptions,
  base: Pick<RunContext, 'target' | 'store' | 'runtimeFolder' | 'signal' | 'gemini' | 'earlier'>,
): RunContext {
  const { options, choice } = checked
  if (base.target.kind === 'local') checkLocalLimits(runLimits(options, choice.gemini), options)
  const startedAt = new Date()
  return {
    ...checked,
    ...base,
    runId: newRunId(startedAt),
    startedAt,
    warnings: [...modelWarnings(checked.profile, choice.gemini), ...priceWarnings(choice, base.earlier)],
    milestones: {
      datasetFor: undefined,
      isStarted: false,
      spec: undefined,
      isRecorded: false,
      isPublished: false,
      hasTables: false,
    },
  }
}
