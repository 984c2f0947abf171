import * as z from 'zod'
import { ATTEMPT_STATUSES, CAUSES } from './causes.ts'

/** What would fail for every unit of a run, so that the run must not start. */
export const PROBE_PROBLEMS = ['image_access', 'model_access', 'model', 'request'] as const

export type ProbeProblem = (typeof PROBE_PROBLEMS)[number]

const units = z.array(z.string())

/**
 * The answer of POST /probe: what happened when one unit of the run went the whole way, from its images to its row in
 * the ledger.
 *
 * `recorded` lists the units that have their final row now; no task may be created for them.
 */
export const probeResult = z.discriminatedUnion('outcome', [
  /** The model answered about a unit. The answer can still be a failure of this unit, such as `blocked`. */
  z.object({
    outcome: z.literal('answered'),
    unit_id: z.string(),
    status: z.enum(ATTEMPT_STATUSES),
    cause: z.enum(CAUSES).optional(),
    error_message: z.string().optional(),
    /** Absent for a unit that an earlier probe recorded. */
    cost_usd: z.number().optional(),
    recorded: units,
  }),
  /** Google refuses what every unit needs. Nothing was billed. */
  z.object({
    outcome: z.literal('refused'),
    problem: z.enum(PROBE_PROBLEMS),
    message: z.string(),
    /** An image of the unit. */
    image: z.string(),
    recorded: units,
  }),
  /** The same call can succeed later. */
  z.object({
    outcome: z.literal('retry'),
    cause: z.enum(CAUSES),
    message: z.string(),
    retry_after_ms: z.number(),
    /** Vertex AI's service agent does not exist yet. */
    is_agent_coming: z.boolean(),
    recorded: units,
  }),
  /** No unit has an image that the model could be asked about, as far as the first units show. */
  z.object({ outcome: z.literal('no_image'), recorded: units }),
])

export type ProbeResult = z.infer<typeof probeResult>
