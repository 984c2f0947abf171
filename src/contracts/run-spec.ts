import { createHash } from 'node:crypto'
import { z } from 'zod'
import { answerSchema } from './answer-schema.ts'
import { RUN_ID_PATTERN } from './run-id.ts'

/** The models that answer a profile. `pixels` measures images exactly and costs nothing. */
export const MODELS = ['pixels'] as const

/** What the `pixels` model can measure. */
export const MEASUREMENTS = ['resolution', 'image-quality'] as const

/** What to ask of every asset. Built in, or the user's own file. */
export const profile = z.strictObject({
  name: z.string().regex(/^[a-z][a-z0-9-]{0,62}$/, 'lower-case letters, digits and hyphens, beginning with a letter'),
  description: z.string().min(1),
  /** How the answer is worked out, for people; `imagery profiles show` prints it. */
  documentation: z.string().optional(),
  model: z.enum(MODELS),
  /** For the `pixels` model: what is measured. */
  measure: z.enum(MEASUREMENTS),
  /** A condition on the source's columns, used when the run names none. */
  where: z.string().optional(),
  /** The answer, whose properties become the columns of the results. */
  output: answerSchema,
})

export type Profile = z.infer<typeof profile>

const tableName = z.strictObject({ projectId: z.string(), dataset: z.string(), table: z.string() })

/** A run, whole and immutable: everything that the runtime needs, kept as `runs/<run_id>/run.json`. */
export const runSpec = z.strictObject({
  v: z.literal(1),
  run_id: z.string().regex(RUN_ID_PATTERN),
  created_at: z.iso.datetime(),
  created_by: z.string(),
  place: z.strictObject({ projectId: z.string(), region: z.string() }),
  source: z.strictObject({
    ...tableName.shape,
    /** What the user typed: a table, or a local file or folder that was loaded into the table. */
    given: z.string(),
    /** The loaded copy of a local file or folder belongs to the run and goes with it. */
    loaded: z.boolean(),
    location: z.string(),
    /** The folder that relative image paths of a local file lie in; null for a BigQuery table. */
    image_folder: z.string().nullable(),
    asset_column: z.string(),
    image_column: z.string(),
    where: z.string().nullable(),
    limit: z.int().positive().nullable(),
    sample: z.int().positive().nullable(),
    /** The one query that reads the source, with its parameters: kept so that a resume takes the same snapshot. */
    query: z.string(),
    parameters: z.record(z.string(), z.union([z.string(), z.number()])),
  }),
  profile,
  tables: z.strictObject({
    projectId: z.string(),
    dataset: z.string(),
    assets: z.string(),
    attempts: z.string(),
    live: z.string(),
    source: z.string(),
    results: z.string(),
  }),
  limits: z.strictObject({
    /**
     * Cloud Tasks dispatches at most 500 tasks a second from one queue
     * (https://cloud.google.com/tasks/docs/quotas), so a run whose model is faster has several;
     * its shards take turns between them. The two limits below are shared out evenly.
     */
    queues: z.int().min(1).max(8),
    /** Tasks dispatched at once, over all queues and instances. */
    max_concurrent: z.int().positive(),
    max_per_second: z.number().positive(),
    /** Tries of one task before it ends as a row with its last cause. */
    max_attempts: z.int().positive(),
    /** Time for one try, milliseconds. */
    attempt_timeout_ms: z.int().positive(),
  }),
})

export type RunSpec = z.infer<typeof runSpec>

/** SHA-256 of the spec's canonical JSON (keys in order), hex: two specs are the same run or they are not. */
export function runSpecHash(spec: RunSpec): string {
  return createHash('sha256').update(canonicalJson(spec)).digest('hex')
}

function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, member: unknown) =>
    member !== null && typeof member === 'object' && !Array.isArray(member)
      ? Object.fromEntries(Object.entries(member).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : member,
  )
}
