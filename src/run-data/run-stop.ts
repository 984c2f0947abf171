import { bucketName, runControlsPath, runStopPath } from '../contracts/names.ts'
import { runControls, runStop, type RunControls, type RunStop } from '../contracts/run-controls.ts'
import type { RunSpec } from '../contracts/run-spec.ts'
import { deleteObject, readObject, writeObject } from '../google/storage/storage.ts'
import { CloudError } from '../google/transport/errors.ts'

type RunRef = Pick<RunSpec, 'run_id' | 'place'>

/** Returns the limits that hold for a run now. */
export async function runControlsOf({ run_id: runId, place }: RunRef): Promise<RunControls> {
  const text = await readOrNone(`gs://${bucketName(place)}/${runControlsPath(runId)}`)
  if (text !== undefined) return runControls.parse(JSON.parse(text))
  return { v: 1, run_id: runId, max_cost_usd: null, max_failures: null, notify_topic: null }
}

/** Replaces the limits of a run. */
export async function changeRunControls({ place }: Pick<RunSpec, 'place'>, controls: RunControls): Promise<void> {
  await writeJson(`gs://${bucketName(place)}/${runControlsPath(controls.run_id)}`, controls, false)
}

/** Returns why a run is stopped; undefined if it is not. */
export async function runStopOf({ run_id: runId, place }: RunRef): Promise<RunStop | undefined> {
  const text = await readOrNone(`gs://${bucketName(place)}/${runStopPath(runId)}`)
  return text === undefined ? undefined : runStop.parse(JSON.parse(text))
}

/** Records why a run stops. Returns false if it had been stopped before, and then keeps the first reason. */
export async function recordRunStop({ place }: Pick<RunSpec, 'place'>, stop: RunStop): Promise<boolean> {
  try {
    await writeJson(`gs://${bucketName(place)}/${runStopPath(stop.run_id)}`, stop, true)
    return true
  } catch (error) {
    if (error instanceof CloudError && error.status === 'FAILED_PRECONDITION') return false
    throw error
  }
}

/** Lets a stopped run go on: its reason is deleted. */
export async function clearRunStop({ run_id: runId, place }: RunRef): Promise<void> {
  await deleteObject(`gs://${bucketName(place)}/${runStopPath(runId)}`)
}

async function writeJson(uri: string, value: object, onlyNew: boolean): Promise<void> {
  await writeObject(uri, JSON.stringify(value, null, 2), { contentType: 'application/json', onlyNew })
}

async function readOrNone(uri: string): Promise<string | undefined> {
  try {
    return (await readObject(uri)).toString('utf8')
  } catch (error) {
    if (error instanceof CloudError && error.status === 'NOT_FOUND') return undefined
    throw error
  }
}
