import { createHash, randomUUID } from 'node:crypto'
import { runIdInNames, tablePath } from '../contracts/names.ts'
import type { RunSpec } from '../contracts/run-spec.ts'
import { deleteTable, describeTable } from '../google/bigquery/bigquery.ts'
import { claimResults, describeOwnTable, runTable, writeResults } from './run-tables.ts'
import { isTornDown } from './torn-down.ts'

/** Another process has created the table that a run's results should go to. */
export class ResultsTaken extends Error {
  override readonly name = 'ResultsTaken'
}

/** The state of a run that its results are written from. */
export interface ResultsState {
  units: number
  /** RFC 3339: the time of the last row of a unit; null without rows. */
  lastRowAt: string | null
}

/**
 * Writes the results of a complete run, and checks that they have exactly one row per unit. A command and a heartbeat can
 * do this at the same time: the job's ID comes from the state of the ledger, so that BigQuery runs it once, and both wait
 * for it.
 *
 * @throws ResultsTaken; CloudError NOT_FOUND if the run was torn down
 */
export async function writeCompleteResults(spec: RunSpec, { units, lastRowAt }: ResultsState): Promise<void> {
  const state = createHash('sha256').update(`${units} ${lastRowAt}`).digest('hex').slice(0, 8)
  await writeOwnResults(spec, state)
  let rows = await resultRows(spec)
  // The job has run before, and someone has deleted its table since.
  if (rows !== units) {
    await writeOwnResults(spec, randomUUID().slice(0, 8))
    rows = await resultRows(spec)
  }
  if (rows !== units) throw new Error(`the results of run ${spec.run_id} have ${rows} rows for ${units} assets`)
}

/**
 * Writes a run's results so far, including pending assets. Returns false for a run without a live view.
 *
 * @throws ResultsTaken; CloudError NOT_FOUND if the run was torn down
 */
export async function writePartialResults(spec: RunSpec): Promise<boolean> {
  if ((await describeTable(runTable(spec.tables, 'live'))) === undefined) return false
  await writeOwnResults(spec, randomUUID().slice(0, 8))
  return true
}

async function resultRows(spec: RunSpec): Promise<number | undefined> {
  return (await describeTable(runTable(spec.tables, 'results')))?.rows
}

async function writeOwnResults(spec: RunSpec, state: string): Promise<void> {
  if (!(await claimResults(spec))) {
    const { results, live } = spec.tables
    throw new ResultsTaken(
      `Another process has created table ${tablePath(spec.tables, results)} since run ${spec.run_id} started; the rows of the run are in ${tablePath(spec.tables, live)}`,
    )
  }
  try {
    await writeResults(spec, `imagery_${runIdInNames(spec.run_id)}_results_${state}`)
  } catch (error) {
    await unclaim(spec)
    throw error
  }
}

/** A concurrent teardown has deleted the view, and perhaps the results before they were claimed here. */
async function unclaim(spec: RunSpec): Promise<void> {
  if (!(await isTornDown(spec))) return
  const results = runTable(spec.tables, 'results')
  if ((await describeOwnTable(results, spec.run_id))?.rows === 0) await deleteTable(results)
}
