import type { RunTables } from '../../contracts/names.ts'
import { newRunId } from '../../contracts/run-id.ts'
import type { RunReport } from '../../contracts/run-report.ts'
import type { Profile, RunSpec } from '../../contracts/run-spec.ts'
import type { TableName } from '../../google/bigquery/bigquery.ts'
import type { SnapshotSource } from '../../run-data/sql/snapshot.ts'
import { resolveProfile } from '../../profiles/resolve-profile.ts'
import { chooseModel, type ModelChoice } from '../options/model-choice.ts'
import { checkLocalLimits, parseOutput, runLimits, type RunOptions } from '../options/run-options.ts'
import { parseImageRoots, parseSource, type Source } from '../source/parse.ts'
import type { StateStore } from '../session/state-store.ts'
import type { Deployment, Target } from '../session/target.ts'

/** What the steps of a run's work find out one after another, whether it is new or resumed. */
export interface WorkContext {
  target: Target
  store: StateStore
  /** The folder of the built runtime, for a local deployment. */
  runtimeFolder: string
  runId: string
  signal: AbortSignal
  deployment?: Deployment
  spec?: RunSpec
  /** The number of assets in the snapshot. */
  assets?: number
  /** Full names of the run's queues. */
  queues?: string[]
  /** Set once the shards are out: from now on the run goes on without us. */
  isPublished: boolean
  report?: RunReport
}

/** The same, with what a new run decides. */
export interface RunContext extends WorkContext {
  options: RunOptions
  choice: ModelChoice
  startedAt: Date
  profile: Profile
  source: Source
  warnings: string[]
  /** More folders that images of a local file may lie in, whole paths. */
  imageRoots: readonly string[]
  /** Who answers as Gemini in a local cloud, as `--gemini` writes it; undefined on Google, or when nobody does. */
  gemini: string | undefined
  datasetMade: boolean
  /** Whether the bucket has what this run may make before it is recorded. */
  isStarted: boolean
  /** Whether any machine can find, finish or remove the run by its id. */
  isRecorded: boolean
  location?: string
  tables?: RunTables
  sourceTable?: TableName
  snapshot?: SnapshotSource
  /** When a BigQuery source had last changed. */
  sourceModifiedMs?: number
}

/** What can be known of a run before any cloud is asked. */
export type CheckedOptions = Pick<RunContext, 'options' | 'profile' | 'source' | 'choice' | 'imageRoots'>

/**
 * Checks all that can be checked without a cloud.
 *
 * @throws ImageryError for a flag, profile, file or table name that cannot be right
 */
export async function checkRunOptions(options: RunOptions): Promise<CheckedOptions> {
  parseOutput(options.output)
  const profile = resolveProfile(options.profile)
  const choice = chooseModel(profile, options)
  const source = await parseSource(options.table)
  const imageRoots = await parseImageRoots(options.imageRoots ?? [], source)
  return { options, profile, source, choice, imageRoots }
}

/**
 * The beginning of a run: its id and its start time.
 *
 * @throws ImageryError INVALID_FLAG for what the target has no room for
 */
export function newRunContext(
  checked: CheckedOptions,
  base: Pick<RunContext, 'target' | 'store' | 'runtimeFolder' | 'signal' | 'gemini'>,
): RunContext {
  const { options, choice } = checked
  if (base.target.kind === 'local') checkLocalLimits(runLimits(options, choice.gemini), options)
  const startedAt = new Date()
  return {
    ...checked,
    ...base,
    runId: newRunId(startedAt),
    startedAt,
    warnings: [],
    datasetMade: false,
    isStarted: false,
    isRecorded: false,
    isPublished: false,
  }
}
