import { bucketName, runControlsPath, runStopPath } from '../contracts/names.ts'
import { runControls, runStop, type RunControls, type RunStop } from '../contracts/run-controls.ts'
import type { RunSpec } from '../contracts/run-spec.ts'
import { deleteObject, readObject, writeObject } from '../google/storage/storage.ts'
import { ifFound, succeeds } from '../google/transport/errors.ts'

type RunRef = Pick<RunSpec, 'run_id' | 'place'>

/** Returns the limits that hold for a run now. */
export async function runControlsOf({ run_id: runId, place }: RunRef): Promise<RunControls> {
  const bytes = await ifFound(readObject(`gs://${bucketName(place)}/${runControlsPath(runId)}`))
  if (bytes) return runControls.parse(JSON.parse(bytes.toString('utf8')))
  return { v: 1, run_id: runId, max_cost_usd: null, max_failures: null, notify_topic: null }
}

/** Replaces the limits of a run. */
export async function changeRunControls({ place }: Pick<RunSpec, 'place'>, controls: RunControls): Promise<void> {
  await writeJson(`gs://${bucketName(place)}/${runControlsPath(controls.run_id)}`, controls, false)
}

/** Returns why a run is stopped; undefined if it is not. */
export async function runStopOf({ run_id: runId, place }: RunRef): Promise<RunStop | undefined> {
  const bytes = await ifFound(readObject(`gs://${bucketName(place)}/${runStopPath(runId)}`))
  return bytes && runStop.parse(JSON.parse(bytes.toString('utf8')))
}

/** Records why a run stops. Returns false if it had been stopped before, and then keeps the first reason. */
export async function recordRunStop({ place }: Pick<RunSpec, 'place'>, stop: RunStop): Promise<boolean> {
  const written = writeJson(`gs://${bucketName(place)}/${runStopPath(stop.run_id)}`, stop, true)
  return succeeds(written, 'FAILED_PRECONDITION')
}

/** Lets a stopped run go on: its reason is deleted. */
export async function clearRunStop({ run_id: runId, place }: RunRef): Promise<void> {
  await deleteObject(`gs://${bucketName(place)}/${runStopPath(runId)}`)
}

async function writeJson(uri: string, value: object, onlyNew: boolean): Promise<void> {
  await writeObject(uri, JSON.stringify(value, null, 2), { contentType: 'application/json', onlyNew })
}
