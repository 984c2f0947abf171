import path from 'node:path'
import { ImageryError } from '../../contracts/errors.ts'
import { runHashes, runSpec, type RunSpec } from '../../contracts/run-spec.ts'
import type { Step } from '../../contracts/steps.ts'
import { callerMember } from '../../google/auth/caller-member.ts'
import { snapshotParameters, snapshotQuery } from '../../run-data/sql/snapshot.ts'
import { PROFILE_FILE, PROFILE_PIPE } from '../../profiles/resolve-profile.ts'
import { estimateCostStep } from './cost-limit.ts'
import { fileHash } from '../source/file-hash.ts'
import { saveRunSpec } from '../runs/find.ts'
import { isStarted } from '../runs/record.ts'
import { grantRuntimeWrite, createResultsDataset } from './results-dataset.ts'
import type { RunContext } from './context.ts'
import { runLimits } from '../options/run-options.ts'
import { readSource } from './read-source.ts'
import {
  connect,
  deployIfAbsent,
  findServices,
  processAssets,
  publishShards,
  setUp,
  stageLocalImages,
  takeSnapshot,
} from './steps.ts'

/** Returns the steps of `imagery run`, up to the last row. */
export function runSteps(options: {
  local: boolean
  stagesImages: boolean
  asksGemini: boolean
  wait: boolean
}): readonly Step<RunContext>[] {
  return [
    // A load is first recorded in the deployment's bucket. On Google Cloud, a run without a deployment
    // is a mistake, which must be reported before that.
    ...(options.local ? inOrder(options.stagesImages) : [findServices, readTheSource]),
    recordRun,
    takeSnapshot,
    ...(options.asksGemini ? [estimateCostStep] : []),
    ...(options.stagesImages ? [stageLocalImages] : []),
    setUp,
    connect,
    publishShards,
    ...(options.wait ? [processAssets] : []),
  ]
}

function inOrder(loads: boolean): Step<RunContext>[] {
  return loads ? [deployIfAbsent, readTheSource] : [readTheSource, deployIfAbsent]
}

const readTheSource: Step<RunContext> = { title: 'Read the source', run: readSource }

/** From here on, any machine can find, finish or delete the run by its ID. */
const recordRun: Step<RunContext> = {
  title: 'Record the run',
  async run(context) {
    context.spec = await newRunSpec(context)
    await saveRunSpec(context.spec)
    if (context.isStarted && !(await isStarted(context.target.place, context.runId))) {
      throw new ImageryError('RUN_TORN_DOWN', `Run ${context.runId} was torn down by another command`)
    }
    context.isRecorded = true
    context.store.rememberRun(context.runId, { targetKey: context.target.key, startedAt: context.spec.created_at })
    await createResultsDataset(context)
    await grantRuntimeWrite(context)
    return { done: context.runId }
  },
}

async function newRunSpec(context: RunContext): Promise<RunSpec> {
  const { options, source, sourceTable, snapshot, tables, target, choice, imageRoots } = context
  const spec = {
    v: 1 as const,
    run_id: context.runId,
    created_at: context.startedAt.toISOString(),
    created_by: (await callerMember())?.replace(/^\w+:/, '') ?? 'unknown',
    place: target.place,
    source: {
      ...sourceTable!,
      given: options.table,
      file_hash: source.kind === 'file' ? ((await fileHash(source.file)) ?? sourceFileGone(source.file)) : null,
      modified_ms: context.sourceModifiedMs ?? null,
      loaded: source.kind !== 'table',
      location: context.location!,
      image_folder: source.kind === 'table' ? null : source.kind === 'file' ? source.imageFolder : source.folder,
      ...(imageRoots.length > 0 ? { image_roots: [...imageRoots] } : {}),
      asset_column: snapshot!.assetColumn,
      image_column: snapshot!.imageColumn,
      where: snapshot!.where,
      limit: snapshot!.limit,
      sample: snapshot!.sample?.size ?? null,
      query: snapshotQuery(snapshot!),
      parameters: snapshotParameters(snapshot!),
    },
    profile: choice.gemini ? { ...context.profile, model: choice.gemini.model } : context.profile,
    profile_given: profileGiven(options.profile),
    unit: choice.unit,
    images: choice.images,
    gemini: choice.gemini,
    tables: tables!,
    limits: runLimits(options, choice.gemini),
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
