import { createHash } from 'node:crypto'
import { z } from 'zod'
import { answerSchema } from './answer-schema.ts'
import {
  DEFAULT_GEMINI_MODEL,
  DEFAULT_IMAGES,
  DEFAULT_OUTPUT_TOKENS,
  MAX_OUTPUT_TOKENS,
  IMAGE_TRANSPORTS,
  MAX_IMAGES,
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

/** What to ask of every unit. Built in, or the user's own file. */
export const profile = z.strictObject({
  name: z
    .string()
    .regex(/^[a-z][a-z0-9-]{0,62}$/, 'lower-case letters, digits and hyphens, beginning with a letter')
    .describe('Name of the profile; tables of its runs are named after it.'),
  description: z.string().min(1).describe('One sentence on what the profile answers.'),
  documentation: z.string().optional().describe('How the answer is worked out, for people.'),
  model: z
    .string()
    .regex(MODEL_ID, `pixels, or a Gemini model id such as ${DEFAULT_GEMINI_MODEL}`)
    .optional()
    .describe(
      `pixels, which measures images and costs nothing, or a Gemini model id. Default: ${DEFAULT_GEMINI_MODEL}.`,
    ),
  measure: z.enum(MEASUREMENTS).optional().describe('For the pixels model only: what is measured.'),
  prompt: z
    .string()
    .regex(/\S/, 'is empty')
    .optional()
    .describe(
      'For Gemini models: what is asked about the images. The columns explain themselves by their descriptions.',
    ),
  where: z.string().optional().describe("A GoogleSQL condition on the source's columns, used when a run names none."),
  unit: z
    .enum(UNITS)
    .optional()
    .describe('One row per asset with all its images (the default), or one per observation.'),
  images: z
    .strictObject({
      max_per_unit: z
        .int()
        .min(1)
        .max(MAX_IMAGES)
        .optional()
        .describe(`The most images of a unit that are looked at. Default: ${DEFAULT_IMAGES.max_per_unit}.`),
      pick: z
        .enum(PICKS)
        .optional()
        .describe(
          'Which ones, by capture_time: the latest (the default), spread evenly from the latest to the oldest, or all.',
        ),
    })
    .optional()
    .describe('Which images of a unit are looked at.'),
  media_resolution: z
    .enum(MEDIA_RESOLUTIONS)
    .optional()
    .describe("How finely Gemini looks at each image: more tokens, more cost. Default: the model's own."),
  temperature: z
    .number()
    .min(0)
    .max(2)
    .optional()
    .describe("0 to 2; 0 gives the steadiest answers. Default: the model's own."),
  max_output_tokens: z
    .int()
    .min(1)
    .max(MAX_OUTPUT_TOKENS)
    .optional()
    .describe(`The longest answer, thoughts included. Default: ${DEFAULT_OUTPUT_TOKENS}.`),
  thinking: z
    .enum(THINKING_LEVELS)
    .optional()
    .describe("How much the model thinks before it answers. Default: the model's own."),
  output: answerSchema.describe(
    'The answer as a JSON Schema object; its properties become the columns of the results.',
  ),
})

export type Profile = z.infer<typeof profile>

/** The model that answers a profile. */
export function profileModel({ model }: Profile): string {
  return model ?? DEFAULT_GEMINI_MODEL
}

/** What a Gemini model is asked with, beside the profile's prompt and output. */
export const geminiOptions = z.strictObject({
  model: z.string().regex(MODEL_ID),
  /** Of the endpoint: `global`, or a region. */
  location: z.string().regex(/^[a-z0-9-]+$/),
  /** The base URL of a proxy or stand-in; null for Google's own. */
  endpoint: z.url({ protocol: /^https?$/ }).nullable(),
  tier: z.enum(TIERS),
  /** Null for the model's own; `max_output_tokens` for DEFAULT_OUTPUT_TOKENS. */
  media_resolution: z.enum(MEDIA_RESOLUTIONS).nullable(),
  temperature: z.number().nullable(),
  max_output_tokens: z.int().nullable(),
  thinking: z.enum(THINKING_LEVELS).nullable(),
  image_transport: z.enum(IMAGE_TRANSPORTS),
  /** What the run's attempts are costed with, whatever the list says later. */
  price: tokenPrice,
})

export type GeminiOptions = z.infer<typeof geminiOptions>

const tableName = z.strictObject({ projectId: z.string(), dataset: z.string(), table: z.string() })

/** A run, whole and immutable: everything that the runtime needs, kept as `runs/<run_id>/run.json`. */
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
    /** When a BigQuery table had last changed, milliseconds since 1970; null for anything local. */
    modified_ms: z.number().nullable().default(null),
    /** The loaded copy of a local file or folder belongs to the run and goes with it. */
    loaded: z.boolean(),
    location: z.string(),
    /** The folder that relative image paths of a local file lie in; null for a BigQuery table. */
    image_folder: z.string().nullable(),
    /** More folders that images may be read from (`--image-root`). Absent when there are none. */
    image_roots: z.array(z.string()).optional(),
    /** Null when the source has none: each observation is then a unit by itself. */
    asset_column: z.string().nullable(),
    image_column: z.string(),
    where: z.string().nullable(),
    limit: z.int().positive().nullable(),
    sample: z.int().positive().nullable(),
    /** The one query that reads the source, with its parameters: kept so that a resume takes the same snapshot. */
    query: z.string(),
    parameters: z.record(z.string(), z.union([z.string(), z.number()])),
  }),
  profile,
  /** What the user typed for it: a built-in name, or a file's whole path. */
  profile_given: z.string().nullable().default(null),
  unit: z.enum(UNITS).default('asset'),
  images: z
    .strictObject({ max_per_unit: z.int().min(1).max(MAX_IMAGES), pick: z.enum(PICKS) })
    .default({ ...DEFAULT_IMAGES }),
  /** Null for the pixels model. */
  gemini: geminiOptions.nullable().default(null),
  /** What the run was started with, so that it is never finished with anything else. SHA-256, hex. */
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
     * (https://cloud.google.com/tasks/docs/quotas), so a run whose model is faster has several;
     * its shards take turns between them. The two limits below are shared out evenly.
     */
    queues: z.int().min(1).max(8),
    /** Tasks dispatched at once, over all queues and instances. */
    max_concurrent: z.int().positive(),
    /**
     * Calls to the model at once. Fewer than tasks: a task stays dispatched while its row is written.
     * Null for no limit of its own.
     */
    max_calls: z.int().positive().nullable().default(null),
    max_per_second: z.number().positive(),
    /** Tries of one task before it ends as a row with its last cause. */
    max_attempts: z.int().positive(),
    /** Time for one try, milliseconds. */
    attempt_timeout_ms: z.int().positive(),
  }),
})

export type RunSpec = z.infer<typeof runSpec>

/** What a run was started with: its source and how that is read, what is asked, and the answer's columns. */
export function runHashes(spec: Omit<RunSpec, 'hashes'>): NonNullable<RunSpec['hashes']> {
  const { source, profile: asked, unit, images } = spec
  const { given, query, parameters, file_hash } = source
  return {
    source: hashOf({ given, query: query.replaceAll(spec.run_id, 'RUN'), parameters, file_hash, unit, images }),
    prompt: promptHash(asked),
    schema: schemaHash(asked),
  }
}

/** SHA-256, hex, of what a profile asks, without the answer's schema. */
export function promptHash({ prompt, measure }: Profile): string {
  return hashOf({ prompt, measure })
}

export function schemaHash({ output }: Profile): string {
  return hashOf(output)
}

function hashOf(value: unknown): string {
  return createHash('sha256').update(canonicalJson(value)).digest('hex')
}

/** SHA-256 of the spec's canonical JSON (keys in order), hex: two specs are the same run or they are not. */
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
