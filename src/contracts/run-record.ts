import { z } from 'zod'
import { RUN_ID_PATTERN } from './run-id.ts'
import type { RunReport } from './run-report.ts'
import { runSpec } from './run-spec.ts'

const runId = z.string().regex(RUN_ID_PATTERN, 'not a run id')

const tables = z.object({
  projectId: z.string(),
  dataset: z.string(),
  assets: z.string(),
  attempts: z.string(),
  live: z.string(),
  source: z.string(),
  results: z.string(),
})

/**
 * `runs/<run_id>/started.json`: a run that loads a file, from before it makes anything. With it any
 * machine can find and remove what a command leaves that is killed before it has recorded its run.
 */
export const startedRun = z.object({
  v: z.literal(1),
  run_id: runId,
  started_at: z.iso.datetime(),
  profile: z.string(),
  /** As `--table` names it. */
  source: z.string(),
  location: z.string(),
  tables,
  /** Whether the results dataset was not there before. */
  makes_dataset: z.boolean(),
})

export type StartedRun = z.infer<typeof startedRun>

/**
 * `runs/<run_id>/torn-down.json`: takes the place of `run.json` while a run is torn down. A run
 * without `run.json` is over for everyone: no command takes it further and no task of it asks the
 * model. This has what a teardown needs that is repeated from another machine.
 */
export const leavingRun = z.object({
  v: z.literal(1),
  run_id: runId,
  delete_results: z.boolean(),
  spec: runSpec.nullable(),
  started: startedRun.nullable(),
  /** The last count, once it is made: after that, the tables that it was made from may be gone. */
  report: z.custom<RunReport>((value) => typeof value === 'object' && value !== null).nullable(),
})

export type LeavingRun = z.infer<typeof leavingRun>
