import { answerColumns } from './answer-schema.ts'
import type { Column } from './columns.ts'
import type { Profile } from './run-spec.ts'

const LOCATION: Column = {
  name: 'location',
  type: 'STRUCT',
  description: 'Location of the asset, in WGS 84 degrees.',
  columns: [
    { name: 'latitude', type: 'FLOAT64' },
    { name: 'longitude', type: 'FLOAT64' },
  ],
}

/** The snapshot `<name>_assets`: the run's assets at its start. */
export const ASSET_COLUMNS: readonly Column[] = [
  { name: 'unit_id', type: 'STRING', description: 'Subject of the row: the asset, or one observation of it.' },
  { name: 'asset_id', type: 'STRING', description: 'The real-world thing.' },
  LOCATION,
  { name: 'detection_time', type: 'TIMESTAMP', description: 'When the asset was last detected.' },
  {
    name: 'observations',
    type: 'STRUCT',
    mode: 'REPEATED',
    description: 'Images of the asset, newest first.',
    columns: [
      { name: 'observation_id', type: 'STRING' },
      { name: 'gcs_uri', type: 'STRING' },
      { name: 'capture_time', type: 'TIMESTAMP' },
    ],
  },
  {
    name: 'bucket',
    type: 'INT64',
    description: 'ABS(MOD(FARM_FINGERPRINT(unit_id), 2000)); a shard is a range of buckets.',
  },
]

/** One more column of a snapshot that converted times or locations: what could not be read, for the run's warnings. */
export const SOURCE_VALUES_COLUMN: Column = {
  name: 'source_values',
  type: 'STRUCT',
  columns: [
    { name: 'images', type: 'INT64' },
    {
      name: 'columns',
      type: 'STRUCT',
      mode: 'REPEATED',
      columns: [
        { name: 'name', type: 'STRING' },
        { name: 'given', type: 'INT64' },
        { name: 'unread', type: 'INT64' },
        { name: 'example', type: 'STRING' },
      ],
    },
  ],
}

/** The status of the one row of a ledger that is no attempt: `/setup` writes it before any model is paid. */
export const MARKER_STATUS = 'setup'

const ATTEMPT_KEYS: readonly Column[] = [
  { name: 'run_id', type: 'STRING', mode: 'REQUIRED', description: 'ID of the run.' },
  {
    name: 'unit_id',
    type: 'STRING',
    mode: 'REQUIRED',
    description: 'Subject of the row: the asset ID, or ASSET_ID/OBSERVATION_ID for an observation.',
  },
  {
    name: 'asset_id',
    type: 'STRING',
    description: 'ID of the asset; null for an observation that belongs to no asset.',
  },
  {
    name: 'bucket',
    type: 'INT64',
    mode: 'REQUIRED',
    description: "Bucket of the unit, the same as in the snapshot; this table's partitions.",
  },
  { name: 'attempt_id', type: 'STRING', mode: 'REQUIRED', description: 'Unique ID of this attempt.' },
  {
    name: 'generation',
    type: 'INT64',
    description: '0 at first; increases by one with each resume or retry of the unit.',
  },
  {
    name: 'status',
    type: 'STRING',
    mode: 'REQUIRED',
    description:
      'ok, failed or throttled; retrying if the unit was queued again. One row is no attempt: setup, which checks that the table stores rows.',
  },
  {
    name: 'cause',
    type: 'STRING',
    description:
      'Cause of the failure: throttled, timeout, unreadable_image, blocked, truncated, schema, model_error or budget.',
  },
  { name: 'error_message', type: 'STRING', description: 'Error message of the model, Cloud Storage or imagery.' },
]

const ATTEMPT_PROVENANCE: readonly Column[] = [
  {
    name: 'raw_answer',
    type: 'STRING',
    description: 'Exact answer of the model, if it was repaired or did not fit the profile.',
  },
  {
    name: 'repaired',
    type: 'BOOL',
    description: 'Whether imagery took the answer from a text or values that did not fit the profile exactly.',
  },
  { name: 'model', type: 'STRING', description: 'Model requested.' },
  { name: 'model_version', type: 'STRING', description: 'Exact model version that answered.' },
  { name: 'tier', type: 'STRING', description: 'standard or flex; null for the pixels model.' },
  { name: 'prompt_hash', type: 'STRING', description: "SHA-256 of the profile's prompt or measurement." },
  {
    name: 'input_hash',
    type: 'STRING',
    description: 'SHA-256 of the image URIs and, if imagery read the images, of their bytes.',
  },
  { name: 'prompt_tokens', type: 'INT64', description: 'Input tokens.' },
  { name: 'output_tokens', type: 'INT64', description: 'Output tokens, without thoughts.' },
  { name: 'thought_tokens', type: 'INT64', description: 'Thinking tokens, billed as output.' },
  {
    name: 'cost_usd',
    type: 'FLOAT64',
    description: 'List price of the attempt in US dollars; null if the model did not report its usage.',
  },
  { name: 'latency_ms', type: 'INT64', description: 'Duration of the attempt in milliseconds.' },
  { name: 'finish_reason', type: 'STRING', description: 'Finish reason of the model.' },
  { name: 'observation_ids', type: 'STRING', mode: 'REPEATED', description: 'IDs of the images used, in order.' },
  { name: 'gcs_uris', type: 'STRING', mode: 'REPEATED', description: 'URIs of the images used, in the same order.' },
  { name: 'started_at', type: 'TIMESTAMP', mode: 'REQUIRED', description: 'When the attempt began.' },
  { name: 'finished_at', type: 'TIMESTAMP', mode: 'REQUIRED', description: 'When the attempt ended.' },
  {
    name: 'question_hash',
    type: 'STRING',
    description: 'SHA-256 of all that decides an answer besides the images: model, prompt, schema and settings.',
  },
  {
    name: 'input_images',
    type: 'STRUCT',
    mode: 'REPEATED',
    description: 'All images of the unit, in order, with the version that the attempt found.',
    columns: [
      { name: 'observation_id', type: 'STRING' },
      { name: 'gcs_uri', type: 'STRING' },
      { name: 'capture_time', type: 'TIMESTAMP' },
      { name: 'version', type: 'STRING' },
    ],
  },
  {
    name: 'carried_from',
    type: 'STRING',
    description: 'ID of the run that got the answer, if this run carried it over; null for an answer of this run.',
  },
  {
    name: 'carried_cost_usd',
    type: 'FLOAT64',
    description: "What a carried answer cost the run that got it, in US dollars. This run's cost_usd is 0 then.",
  },
]

/** Names that a profile's answer cannot use, because they are imagery's own columns. */
export const RESERVED_COLUMNS: ReadonlySet<string> = new Set(
  [...ASSET_COLUMNS, ...ATTEMPT_KEYS, ...ATTEMPT_PROVENANCE].map((column) => column.name),
)

/** The ledger `<name>_attempts`: append-only, one row per attempt, partitioned by `bucket`. */
export function attemptColumns(profile: Profile): Column[] {
  return [...ATTEMPT_KEYS, ...answerColumns(profile.output), ...ATTEMPT_PROVENANCE]
}

/** The provenance columns that the results table repeats from the ledger, in this order. */
export const RESULT_PROVENANCE = [
  'status',
  'cause',
  'error_message',
  'repaired',
  'model',
  'model_version',
  'tier',
  'prompt_hash',
  'input_hash',
  'prompt_tokens',
  'output_tokens',
  'thought_tokens',
  'cost_usd',
  'latency_ms',
  'finish_reason',
  'unit_id',
  'attempt_id',
  'run_id',
  'finished_at',
  'carried_from',
  'carried_cost_usd',
] as const

/**
 * One more column of a snapshot whose run keeps columns of the source: those columns, of the row with the unit's newest
 * image.
 */
export function keptColumns(kept: readonly Column[]): Column[] {
  return kept.length === 0 ? [] : [{ name: 'kept', type: 'STRUCT', columns: kept }]
}

/**
 * The results table `<name>`: asset, images, kept columns, answer, provenance.
 *
 * @param kept the columns of the source that the run keeps
 */
export function resultColumns(profile: Profile, kept: readonly Column[] = []): Column[] {
  const ledger = new Map([...ATTEMPT_KEYS, ...ATTEMPT_PROVENANCE].map((column) => [column.name, column]))
  const named = (name: string): Column => {
    const column = ledger.get(name)
    if (!column) throw new Error(`no ledger column ${name}`)
    const { mode, ...rest } = column
    return mode === 'REPEATED' ? { ...rest, mode } : rest
  }
  return [
    { name: 'asset_id', type: 'STRING', description: 'The real-world thing.' },
    LOCATION,
    { name: 'detection_time', type: 'TIMESTAMP', description: 'When the asset was last detected.' },
    named('observation_ids'),
    named('gcs_uris'),
    ...kept,
    ...answerColumns(profile.output),
    ...RESULT_PROVENANCE.map(named),
  ]
}
