import { bucketName, runSpecPath } from '../contracts/names.ts'
import type { RunSpec } from '../contracts/run-spec.ts'
import { objectGeneration } from '../google/storage/storage.ts'

/** Whether a run's spec is deleted: the run is torn down, or its teardown has started. */
export async function isTornDown({ place, run_id: runId }: Pick<RunSpec, 'place' | 'run_id'>): Promise<boolean> {
  return (await objectGeneration(`gs://${bucketName(place)}/${runSpecPath(runId)}`)) === undefined
}
