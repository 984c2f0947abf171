import { ImageryError } from '../../contracts/errors.ts'
import { tablePath } from '../../contracts/names.ts'
import type { RunSpec } from '../../contracts/run-spec.ts'
import { describeOwnTable, runTable } from '../../run-data/run-tables.ts'
import { describeTable } from '../../google/bigquery/bigquery.ts'
import { isTornDown } from '../../run-data/torn-down.ts'
import { loadLeavingRun } from './record.ts'

/**
 * Checks that a run still has its spec, for every command that works on a run or watches it.
 *
 * @param flags the flags that a suggested command needs to work on the same cloud
 * @throws ImageryError RUN_TORN_DOWN
 */
export async function requireRun(spec: RunSpec, flags: string): Promise<void> {
  if (await isTornDown(spec)) throw await tornDown(spec, flags)
}

/** Returns the error to report for a failure: a teardown of the run, if there was one, else the failure itself. */
export async function tornDownErrorOr(error: unknown, spec: RunSpec, flags: string): Promise<unknown> {
  try {
    await requireRun(spec, flags)
    return error
  } catch (found) {
    // If the cloud does not respond, report the failure itself.
    return found instanceof ImageryError ? found : error
  }
}

export function isTornDownError(error: unknown): error is ImageryError & { code: 'RUN_TORN_DOWN' } {
  return error instanceof ImageryError && error.code === 'RUN_TORN_DOWN'
}

async function tornDown(spec: RunSpec, flags: string): Promise<ImageryError> {
  const what = `Run ${spec.run_id} was torn down by another command`
  if (!(await keepsResults(spec))) return new ImageryError('RUN_TORN_DOWN', what)
  return new ImageryError(
    'RUN_TORN_DOWN',
    `${what}; its results so far are kept in ${tablePath(spec.tables, spec.tables.results)}`,
    { suggestions: [`imagery results ${spec.run_id}${flags}`] },
  )
}

/** A teardown in progress may not have written the results yet. It will, from the view of current rows. */
async function keepsResults({ place, run_id, tables }: RunSpec): Promise<boolean> {
  const leaving = await loadLeavingRun(place, run_id)
  if (leaving?.delete_results) return false
  if (await describeOwnTable(runTable(tables, 'results'), run_id)) return true
  return leaving !== undefined && (await describeTable(runTable(tables, 'live'))) !== undefined
}
