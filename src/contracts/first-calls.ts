import * as z from 'zod'
import { RUN_ID_PATTERN } from './run-id.ts'

/**
 * `runs/<run_id>/first-calls.json`: written by the one instance that makes the first calls of a run, before its first one.
 * The others wait until one of these calls was answered.
 */
export const firstCalls = z.object({
  v: z.literal(1),
  run_id: z.string().regex(RUN_ID_PATTERN, 'not a run id'),
  /** What the last answer of a first call was about (`questionHash`); null before one. A retry can ask something else. */
  answered: z.string().nullable(),
})

export type FirstCallsRecord = z.infer<typeof firstCalls>
