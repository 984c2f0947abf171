import * as z from 'zod'
import { CAUSES } from './causes.ts'
import { RUN_ID_PATTERN } from './run-id.ts'

const runId = z.string().regex(RUN_ID_PATTERN, 'not a run id')

/**
 * `runs/<run_id>/controls.json`: the limits of a run that a resume can change, unlike its spec. A run without the object
 * has none of them.
 */
export const runControls = z.object({
  v: z.literal(1),
  run_id: runId,
  /** The most that the run's calls may cost, in US dollars, by the prices in its spec. */
  max_cost_usd: z.number().positive().nullable(),
  /** How many final failures of one kind in a row stop the run; null for no limit. */
  max_failures: z.int().positive().nullable(),
  /** The same as a share of the run's units, until these are counted and `max_failures` is known. */
  max_failures_percent: z.number().positive().optional(),
  /** Full name of the topic that gets a message when the run starts, stops or ends: `projects/P/topics/T`. */
  notify_topic: z.string().nullable(),
})

/** Smaller runs have no limit on failures unless the user sets one: they end soon anyway. */
const LEAST_LIMITED_UNITS = 100

/** How many failures in a row stop a run by default: one for each hundred units, within these bounds. */
const DEFAULT_FAILURES = { least: 20, most: 100 }

/** A run with a limit also stops if its first units fail alike, this many of them, and none was answered. */
export const MOST_FIRST_FAILURES = 10

/** Returns the limit on failures of a run whose model costs money, unless the user sets one; null for none. */
export function defaultMaxFailures(units: number): number | null {
  if (units < LEAST_LIMITED_UNITS) return null
  const { least, most } = DEFAULT_FAILURES
  return Math.min(most, Math.max(least, Math.ceil(units / 100)))
}

export type RunControls = z.infer<typeof runControls>

/** A limit on failures as the user sets it: a number, a share of the run's units, or null for none. */
export type FailureLimit = number | { percent: number } | null

/** Returns how many failures a limit allows in a run: of a share, at least one. */
export function failuresAllowed(limit: FailureLimit, units: number): number | null {
  if (limit === null || typeof limit === 'number') return limit
  // Whole numbers first: 0.07 * 100 is a little more than 7.
  return Math.max(1, Math.ceil(Number(((units * limit.percent) / 100).toFixed(6))))
}

/** Returns the limit on failures that the controls of a run state. */
export function failureLimitOf({
  max_failures: most,
  max_failures_percent: percent,
}: Pick<RunControls, 'max_failures' | 'max_failures_percent'>): FailureLimit {
  return most ?? (percent === undefined ? null : { percent })
}

/** Returns how the controls of a run state a limit on failures. `units` is undefined until they are counted. */
export function failureControls(
  limit: FailureLimit,
  units: number | undefined,
): Pick<RunControls, 'max_failures' | 'max_failures_percent'> {
  if (units !== undefined) return { max_failures: failuresAllowed(limit, units) }
  const isShare = limit !== null && typeof limit === 'object'
  return isShare ? { max_failures: null, max_failures_percent: limit.percent } : { max_failures: limit }
}

/** Why a run was stopped before its end. Its queues are paused, and its remaining units are pending. */
export const STOP_REASONS = ['max_cost', 'max_failures', 'canceled', 'sample'] as const

export type StopReason = (typeof STOP_REASONS)[number]

/**
 * `runs/<run_id>/stopped.json`: a run that was stopped, until a resume deletes the object. The first writer wins, so that
 * the reason stays the one that stopped the run.
 */
export const runStop = z.object({
  v: z.literal(1),
  run_id: runId,
  reason: z.enum(STOP_REASONS),
  /** What happened, as a whole sentence without the final period. */
  message: z.string(),
  /** The kind of failures that stopped the run, with one of them. */
  failure: z
    .object({ cause: z.enum(CAUSES), unit_id: z.string(), error_message: z.string() })
    .nullable()
    .default(null),
  /** RFC 3339. */
  stopped_at: z.iso.datetime(),
})

export type RunStop = z.infer<typeof runStop>
