import * as z from 'zod'
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
 * `runs/<run_id>/started.json`: written by a run that loads a file, before it creates anything. If the
 * command is killed before it records its run, any machine can use this record to find and remove what
 * it left.
 */
export const startedRun = z.object({
  v: z.literal(1),
  run_id: runId,
  started_at: z.iso.datetime(),
  profile: z.string(),
  /** The value of `--table`. */
  source: z.string(),
  location: z.string(),
  tables,
  /** Whether the run created the results dataset. */
  makes_dataset: z.boolean(),
})

export type StartedRun = z.infer<typeof startedRun>

/**
 * `runs/<run_id>/torn-down.json`: replaces `run.json` while a run is torn down. A run without `run.json`
 * is over: no command continues it and none of its tasks calls the model. This record has everything
 * that a teardown needs when it is repeated from another machine.
 */
export const leavingRun = z.object({
  v: z.literal(1),
  run_id: runId,
  delete_results: z.boolean(),
  spec: runSpec.nullable(),
  started: startedRun.nullable(),
  /** The last count, once it is known: the tables that it came from can be deleted later. */
  report: z.custom<RunReport>((value) => typeof value === 'object' && value !== null).nullable(),
})

export type LeavingRun = z.infer<typeof leavingRun>
