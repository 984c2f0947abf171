import { bucketName, heartbeatPath, preparationPath, runSummaryPath } from '../contracts/names.ts'
import { runHeartbeat, runSummary, type RunHeartbeat, type RunSummary } from '../contracts/run-heartbeat.ts'
import type { RunSpec } from '../contracts/run-spec.ts'
import { deleteObject, objectGeneration, readObject, writeObject } from '../google/storage/storage.ts'
import { ifFound, succeeds } from '../google/transport/errors.ts'

type RunRef = Pick<RunSpec, 'run_id' | 'place'>

/** A record, and the generation of its object, without which no one may replace it. */
export interface Stored<Record> {
  record: Record
  generation: string
}

/** Returns what a run's last heartbeat found, or undefined before the first one. */
export async function heartbeatOf(run: RunRef): Promise<Stored<RunHeartbeat> | undefined> {
  const uri = heartbeatUri(run)
  const generation = await objectGeneration(uri)
  if (generation === undefined) return undefined
  // At that generation, so that a write with its number replaces what was read here.
  const text = await textOf(`${uri}#${generation}`)
  if (text === undefined) return undefined
  const parsed = runHeartbeat.safeParse(parsedJson(text))
  // Another version of imagery can have written it. It only repeats what the ledger says.
  return parsed.success ? { record: parsed.data, generation } : undefined
}

/**
 * Replaces what a run's heartbeats found. Returns false if another heartbeat has replaced it since it was read.
 *
 * @param generation of the object that was read; undefined if there was none
 */
export async function saveHeartbeat(
  { place }: Pick<RunSpec, 'place'>,
  record: RunHeartbeat,
  generation: string | undefined,
): Promise<boolean> {
  const text = JSON.stringify(record)
  const written = writeObject(heartbeatUri({ place, run_id: record.run_id }), text, {
    contentType: 'application/json',
    onlyGeneration: generation ?? '0',
  })
  return succeeds(written, 'FAILED_PRECONDITION')
}

/** Forgets what heartbeats found, because a command changes the run. */
export async function forgetHeartbeat(run: RunRef): Promise<void> {
  await deleteObject(heartbeatUri(run))
}

/** Returns the final report of a run, or undefined for a run that has not ended. */
export async function summaryOf(run: RunRef): Promise<RunSummary | undefined> {
  const text = await textOf(summaryUri(run))
  return text === undefined ? undefined : runSummary.parse(parsedJson(text))
}

export async function saveSummary({ place }: Pick<RunSpec, 'place'>, summary: RunSummary): Promise<void> {
  const text = JSON.stringify(summary, null, 2)
  await writeObject(summaryUri({ place, run_id: summary.run_id }), text, { contentType: 'application/json' })
}

/** The run goes on: its summary no longer holds. */
export async function deleteSummary(run: RunRef): Promise<void> {
  await deleteObject(summaryUri(run))
}

/** A command that died while it prepared tasks holds up the end of its run at most this long. */
const LONGEST_PREPARATION_MS = 3_600_000

/** Announces that a command prepares more tasks of a run, so that no heartbeat finishes the run meanwhile. */
export async function beginPreparation({ run_id: runId, place }: RunRef, nowMs: number): Promise<void> {
  const text = JSON.stringify({ v: 1, run_id: runId, at: new Date(nowMs).toISOString() })
  await writeObject(preparationUri({ run_id: runId, place }), text, { contentType: 'application/json' })
}

/** The tasks are published, or there are none. */
export async function endPreparation(run: RunRef): Promise<void> {
  await deleteObject(preparationUri(run))
}

/** Whether a command prepares more tasks of a run. */
export async function isPrepared(run: RunRef, nowMs: number): Promise<boolean> {
  const text = await textOf(preparationUri(run))
  if (text === undefined) return false
  const { at } = parsedJson(text) as { at?: string }
  return nowMs - Date.parse(at ?? '') < LONGEST_PREPARATION_MS
}

function heartbeatUri({ place, run_id: runId }: RunRef): string {
  return `gs://${bucketName(place)}/${heartbeatPath(runId)}`
}

function summaryUri({ place, run_id: runId }: RunRef): string {
  return `gs://${bucketName(place)}/${runSummaryPath(runId)}`
}

function preparationUri({ place, run_id: runId }: RunRef): string {
  return `gs://${bucketName(place)}/${preparationPath(runId)}`
}

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

async function textOf(uri: string): Promise<string | undefined> {
  return (await ifFound(readObject(uri)))?.toString('utf8')
}
