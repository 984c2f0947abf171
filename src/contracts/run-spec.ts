import { createHash } from 'node:crypto'
import * as z from 'zod'
import { answerSchema } from './answer-schema.ts'
import { carry } from './carry.ts'
import { keptColumn } from './columns.ts'
import {
  DEFAULT_GEMINI_MODEL,
  DEFAULT_IMAGES,
  DEFAULT_OUTPUT_TOKENS,
  MAX_OUTPUT_TOKENS,
  IMAGE_TRANSPORTS,
  MAX_IMAGES_PER_REQUEST,
  MEASUREMENTS,
  MEDIA_RESOLUTIONS,
  MODEL_ID,
  PICKS,
  THINKING_LEVELS,
  TIERS,
  UNITS,
} from './model-options.ts'
import { tokenPrice } from './prices.ts'
import { RUN_ID_PATTERN } from './run-id.ts'

/** The question for every unit: a built-in profile or the user's own file. */
export const profile = z.strictObject({
  name: z
    .string()
    .regex(/^[a-z][a-z0-9-]{0,62}$/, 'lower-case letters, digits and hyphens, beginning with a letter')
    .describe("Name of the profile, used in the names of its runs' tables."),
  description: z.string().min(1).describe('One sentence that says what the profile answers.'),
  documentation: z.string().optional().describe('How the answer is determined, for human readers.'),
  model: z
    .string()
    .regex(MODEL_ID, `pixels, or a Gemini model ID such as ${DEFAULT_GEMINI_MODEL}`)
    .optional()
    .describe(
      `pixels, which measures images and costs nothing, or a Gemini model ID. Default: ${DEFAULT_GEMINI_MODEL}.`,
    ),
  measure: z.enum(MEASUREMENTS).optional().describe('What to measure. For the pixels model only.'),
  prompt: z
    .string()
    .regex(/\S/, 'is empty')
    .optional()
    .describe('The question about the images, for Gemini models. The column descriptions are sent with it.'),
  where: z.string().optional().describe('A GoogleSQL condition on the source columns, used when a run sets none.'),
  unit: z
    .enum(UNITS)
    .optional()
    .describe('One row per asset with all its images (the default), or one row per observation.'),
  images: z
    .strictObject({
      max_per_unit: z
        .int()
        .min(1)
        .max(MAX_IMAGES_PER_REQUEST)
        .optional()
        .describe(`Maximum number of images per unit. Default: ${DEFAULT_IMAGES.max_per_unit}.`),
      pick: z
        .enum(PICKS)
        .optional()
        .describe(
          'Which images to use, by capture_time: the latest (the default), spread evenly from the latest to the oldest, or all.',
        ),
    })
    .optional()
    .describe('Which images of a unit to use.'),
  media_resolution: z
    .enum(MEDIA_RESOLUTIONS)
    .optional()
    .describe(
      "Image resolution sent to Gemini. A higher resolution uses more tokens and costs more. Default: the model's own.",
    ),
  temperature: z
    .number()
    .min(0)
    .max(2)
    .optional()
    .describe(
      "Sampling temperature, 0 to 2. Sent only to models that use it: gemini-3.5-flash-lite, 3.6 and later do not. Default: the model's own.",
    ),
  max_output_tokens: z
    .int()
    .min(1)
    .max(MAX_OUTPUT_TOKENS)
    .optional()
    .describe(`Maximum length of an answer in tokens, including thoughts. Default: ${DEFAULT_OUTPUT_TOKENS}.`),
  thinking: z
    .enum(THINKING_LEVELS)
    .optional()
    .describe(
      "How much the model thinks before it answers. Raised to the model's lowest level if it does not accept the level. Default: the model's own.",
    ),
  output: answerSchema.describe(
    'The answer as a JSON Schema object. Its properties become the columns of the results.',
  ),
})

export type Profile = z.infer<typeof profile>

/** The model that answers a profile. */
export function profileModel({ model }: Profile): string {
  return model ?? DEFAULT_GEMINI_MODEL
}

/** Settings of a Gemini request, besides the profile's prompt and output. */
export const geminiOptions = z.strictObject({
  model: z.string().regex(MODEL_ID),
  /** Location of the endpoint: `global` or a region. */
  location: z.string().regex(/^[a-z0-9-]+$/),
  /** The base URL of a proxy or replacement; null for Google's own. */
  endpoint: z.url({ protocol: /^https?$/ }).nullable(),
  tier: z.enum(TIERS),
  /** Null for the model's own; `max_output_tokens` for DEFAULT_OUTPUT_TOKENS. */
  media_resolution: z.enum(MEDIA_RESOLUTIONS).nullable(),
  temperature: z.number().nullable(),
  max_output_tokens: z.int().nullable(),
  thinking: z.enum(THINKING_LEVELS).nullable(),
  image_transport: z.enum(IMAGE_TRANSPORTS),
  /** The prices for the run's attempts, whatever the list says later. */
  price: tokenPrice,
})

export type GeminiOptions = z.infer<typeof geminiOptions>

const tableName = z.strictObject({ projectId: z.string(), dataset: z.string(), table: z.string() })

/**
 * The complete, immutable description of a run: everything that the runtime needs, stored as `runs/<run_id>/run.json`.
 */
export const runSpec = z.strictObject({
  v: z.literal(1),
  run_id: z.string().regex(RUN_ID_PATTERN),
  created_at: z.iso.datetime(),
  created_by: z.string(),
  place: z.strictObject({ projectId: z.string(), region: z.string(), name: z.string().optional() }),
  source: z.strictObject({
    ...tableName.shape,
    /** What the user typed: a table, or a local file or folder that was loaded into the table. */
    given: z.string(),
    /** SHA-256, hex, of a local file; null for a table or a folder. */
    file_hash: z.string().nullable().default(null),
    /** When a BigQuery table last changed, in milliseconds since 1970; null for local sources. */
    modified_ms: z.number().nullable().default(null),
    /** The loaded copy of a local file or folder belongs to the run and is deleted with it. */
    loaded: z.boolean(),
    location: z.string(),
    /** The folder that relative image paths in a local file start from; null for a BigQuery table. */
    image_folder: z.string().nullable(),
    /** Additional folders that images may be read from (`--image-root`). Absent when there are none. */
    image_roots: z.array(z.string()).optional(),
    /** Whether images at https addresses are fetched (`--fetch-images`). Absent when they are not. */
    fetch_images: z.boolean().optional(),
    /** Null when the source has none: each observation is then a unit by itself. */
    asset_column: z.string().nullable(),
    image_column: z.string(),
    /** Columns that the results have too (`--keep`). Absent when there are none. */
    keep: z.array(keptColumn).optional(),
    where: z.string().nullable(),
    limit: z.int().positive().nullable(),
    sample: z.int().positive().nullable(),
    /** The only query that reads the source, with its parameters. Stored so that a resume takes the same snapshot. */
    query: z.string(),
    parameters: z.record(z.string(), z.union([z.string(), z.number()])),
  }),
  profile,
  /** What the user typed for it: a built-in name, or a file's whole path. */
  profile_given: z.string().nullable().default(null),
  unit: z.enum(UNITS).default('asset'),
  images: z
    .strictObject({ max_per_unit: z.int().min(1).max(MAX_IMAGES_PER_REQUEST), pick: z.enum(PICKS) })
    .default({ ...DEFAULT_IMAGES }),
  /** Null for the pixels model. */
  gemini: geminiOptions.nullable().default(null),
  /**
   * What answered Gemini calls in the local cloud when the run started, in the format of `--gemini`. Absent on Google
   * Cloud, with an endpoint of the user's own, and for the pixels model. A resume or retry can choose another one
   * (`run-data/gemini-backend.ts`).
   */
  gemini_backend: z.string().optional(),
  /** Which earlier answers the run carries over (`--update`, `--reuse`). Absent if it asks for every unit. */
  carry: carry.optional(),
  /** SHA-256 hashes, hex, of the run's inputs, so that the run is never finished with different ones. */
  hashes: z.strictObject({ source: z.string(), prompt: z.string(), schema: z.string() }).nullable().default(null),
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
     * (https://cloud.google.com/tasks/docs/quotas), so a run whose model is faster has several; its
     * shards take turns between them. The two limits below are divided evenly among them.
     */
    queues: z.int().min(1).max(8),
    /** Maximum tasks dispatched at once, across all queues and instances. */
    max_concurrent: z.int().positive(),
    /**
     * Maximum concurrent model calls. Lower than the task limit, because a task stays dispatched while
     * its row is written. Null for no separate limit.
     */
    max_calls: z.int().positive().nullable().default(null),
    max_per_second: z.number().positive(),
    /** Tries of one task before it ends as a row with its last cause. */
    max_attempts: z.int().positive(),
    /** Time limit for one try, in milliseconds, from the start of its call. */
    attempt_timeout_ms: z.int().positive(),
    /**
     * How long a delivery waits for its call, in milliseconds. The tasks of earlier versions, whose runs lack the limit,
     * have a deadline that leaves no more.
     */
    turn_timeout_ms: z.int().nonnegative().default(15_000),
  }),
})

export type RunSpec = z.infer<typeof runSpec>

/** The longest time between a task's delivery and the end of its call, in milliseconds. */
export function longestTryMs(limits: Pick<RunSpec['limits'], 'turn_timeout_ms' | 'attempt_timeout_ms'>): number {
  return limits.turn_timeout_ms + limits.attempt_timeout_ms
}

/** The inputs of a run: its source and how it is read, the question, and the answer's columns. */
export function runHashes(spec: Omit<RunSpec, 'hashes'>): NonNullable<RunSpec['hashes']> {
  const { source, profile: asked, unit, images } = spec
  const { given, query, parameters, file_hash } = source
  return {
    source: hashOf({ given, query: query.replaceAll(spec.run_id, 'RUN'), parameters, file_hash, unit, images }),
    prompt: promptHash(asked),
    schema: schemaHash(asked),
  }
}

/** SHA-256, hex, of a profile's question, without the answer's schema. */
export function promptHash({ prompt, measure }: Profile): string {
  return hashOf({ prompt, measure })
}

export function schemaHash({ output }: Profile): string {
  return hashOf(output)
}

/** SHA-256, hex, of a value's canonical JSON. */
export function hashOf(value: unknown): string {
  return createHash('sha256').update(canonicalJson(value)).digest('hex')
}

/** SHA-256 of the spec's canonical JSON (keys in order), hex: two specs with the same hash are the same run. */
export function runSpecHash(spec: RunSpec): string {
  return hashOf(spec)
}

function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, member: unknown) =>
    member !== null && typeof member === 'object' && !Array.isArray(member)
      ? Object.fromEntries(Object.entries(member).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : member,
  )
}
