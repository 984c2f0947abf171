import { RUN_LABEL } from '../contracts/names.ts'
import type { RunSpec } from '../contracts/run-spec.ts'
import { describeTable, updateTable } from '../google/bigquery/bigquery.ts'
import { runTable, type RunTableRole } from './run-tables.ts'

/** How long a run's scratch tables are kept after the run was last active, if no teardown deletes them. */
export const SCRATCH_MS = 7 * 86_400_000

/**
 * How often a command or instance that works on a run moves the expiry forward. BigQuery allows five updates of a table in 10 seconds
 * (https://cloud.google.com/bigquery/quotas#standard_tables), and a run can have 100 instances.
 */
export const KEEP_EVERY_MS = 6 * 3_600_000

/**
 * Moves the expiry of a run's snapshot forward, so that a long run does not lose it. Reads first, which is free, and
 * writes only if the last one that did is some hours ago.
 */
export async function keepScratchTables(
  { run_id: runId, tables, source }: Pick<RunSpec, 'run_id' | 'tables' | 'source'>,
  nowMs: number,
): Promise<void> {
  const roles: RunTableRole[] = source.loaded ? ['assets', 'source'] : ['assets']
  for (const role of roles) {
    const name = runTable(tables, role)
    const described = await describeTable(name)
    if (described?.labels[RUN_LABEL] !== runId || described.expiresMs === undefined) continue
    if (described.expiresMs - nowMs > SCRATCH_MS - KEEP_EVERY_MS) continue
    await updateTable(name, { expiresAt: new Date(nowMs + SCRATCH_MS) })
  }
}
