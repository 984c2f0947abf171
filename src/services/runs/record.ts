import type * as z from 'zod'
import { ImageryError } from '../../contracts/errors.ts'
import {
  bucketName,
  runControlsPath,
  runSpecPath,
  runStartPath,
  runTeardownPath,
  tablePath,
  type DeploymentRef,
} from '../../contracts/names.ts'
import { leavingRun, startedRun, type LeavingRun, type StartedRun } from '../../contracts/run-record.ts'
import type { RunReport } from '../../contracts/run-report.ts'
import type { RunSpec } from '../../contracts/run-spec.ts'
import { ifFound } from '../../google/transport/errors.ts'
import { deleteObject, objectGeneration, readObject, writeObject } from '../../google/storage/storage.ts'
import { loadRunSpec } from './find.ts'
import type { Target } from '../session/target.ts'

/** The record of a run in the deployment's bucket. */
export type RunRecord =
  | { kind: 'recorded'; spec: RunSpec }
  /** The run is being torn down, or its teardown was interrupted. */
  | { kind: 'leaving'; leaving: LeavingRun }
  /** The run is loading its source, or its command was killed while it did. */
  | { kind: 'loading'; started: StartedRun }

export async function loadRunRecord(target: Target, runId: string): Promise<RunRecord | undefined> {
  const spec = await loadRunSpec(target, runId)
  if (spec) return { kind: 'recorded', spec }
  const leaving = await loadLeavingRun(target.place, runId)
  if (leaving) return { kind: 'leaving', leaving }
  const started = await readRecord(recordUri(target.place, runStartPath(runId)), startedRun)
  return started && { kind: 'loading', started }
}

export async function loadLeavingRun(place: DeploymentRef, runId: string): Promise<LeavingRun | undefined> {
  return readRecord(recordUri(place, runTeardownPath(runId)), leavingRun)
}

export async function saveLeavingRun(place: DeploymentRef, leaving: LeavingRun): Promise<void> {
  await writeRecord(recordUri(place, runTeardownPath(leaving.run_id)), leaving)
}

/** @throws CloudError NOT_FOUND if the deployment has no bucket */
export async function saveStartedRun(place: DeploymentRef, started: StartedRun): Promise<void> {
  await writeRecord(recordUri(place, runStartPath(started.run_id)), started)
}

/** Whether a run that loads its source may still be recorded. A teardown deletes this object first. */
export async function isStarted(place: DeploymentRef, runId: string): Promise<boolean> {
  return (await objectGeneration(recordUri(place, runStartPath(runId)))) !== undefined
}

/**
 * Deletes a run's record, so that no command continues the run. Deletes the start before the spec: a
 * command that still finds its start after it wrote the spec knows that this will delete the spec.
 */
export async function deleteRunRecord(place: DeploymentRef, runId: string): Promise<void> {
  await deleteObject(recordUri(place, runStartPath(runId)))
  await deleteObject(recordUri(place, runSpecPath(runId)))
  await deleteObject(recordUri(place, runControlsPath(runId)))
}

/** Returns the report of a run that is not recorded yet. */
export function loadingReport({ run_id, profile, source, tables, started_at }: StartedRun): RunReport {
  return {
    run_id,
    state: 'loading',
    profile,
    source,
    units: { total: 0, ok: 0, failed: 0, pending: 0 },
    causes: {},
    failures: [],
    cost_usd: 0,
    results_table: null,
    attempts_table: tablePath(tables, tables.attempts),
    started_at,
    finished_at: null,
  }
}

function recordUri(place: DeploymentRef, path: string): string {
  return `gs://${bucketName(place)}/${path}`
}

async function writeRecord(uri: string, record: object): Promise<void> {
  await writeObject(uri, JSON.stringify(record, null, 2), { contentType: 'application/json' })
}

async function readRecord<Schema extends z.ZodType>(uri: string, schema: Schema): Promise<z.infer<Schema> | undefined> {
  const bytes = await ifFound(readObject(uri))
  if (!bytes) return undefined
  try {
    return schema.parse(JSON.parse(bytes.toString('utf8')))
  } catch (error) {
    const message = `${uri} is not a record that this version of imagery can read: ${(error as Error).message}`
    throw new ImageryError('INVALID_CONFIGURATION', message, { cause: error })
  }
}
