import * as z from 'zod'
import { RUN_ID_PATTERN } from './run-id.ts'

/** Billionths of a US dollar, so that sums are exact. */
const nanousd = z.int().nonnegative()

/**
 * `runs/<run_id>/budget.json`: how a run's `max_cost_usd` is shared out. Each instance of the main service takes a lease
 * before it calls the model, and spends no more than it. What is spent and all leases together never exceed the cap.
 */
export const runBudget = z.object({
  v: z.literal(1),
  run_id: z.string().regex(RUN_ID_PATTERN, 'not a run id'),
  /** What calls have cost, besides what the leases below still hold. */
  spent_nanousd: nanousd,
  /** What one call can cost, by the calls so far; null before the first. */
  call_nanousd: nanousd.nullable(),
  /** By instance: what it may still spend. After `expires_at` (RFC 3339) it starts no call with it. */
  leases: z.record(z.string(), z.object({ held_nanousd: nanousd, expires_at: z.iso.datetime() })),
})

export type RunBudget = z.infer<typeof runBudget>
