import type { AnswerFault, AnswerSchema } from './answer-schema.ts'
import type { Column } from './columns.ts'
import { conditionFault } from './condition.ts'
import { PIXELS } from './model-options.ts'
import { profileModel, type Profile } from './run-spec.ts'
import { ASSET_COLUMNS, attemptColumns } from './tables.ts'
import { countText } from './count-text.ts'

/*
 * Size limits for the parts of a profile. BigQuery or Gemini refuses larger ones: when a run's tables
 * are created, when its results are written, or at each model call. These checks refuse them before the
 * run starts.
 */

/** Columns of a table, query result or view, nested ones too (https://cloud.google.com/bigquery/quotas#all_tables). */
const MAX_COLUMNS = 10_000

/** Characters of a column's description (same page, "Maximum column description length"). */
const MAX_COLUMN_DESCRIPTION = 1_024

/**
 * Characters of a profile's description. The results table's description contains it, together with the run and its
 * source, which can be a long path; BigQuery accepts 16,384 (same page, "Maximum table description length").
 */
const MAX_DESCRIPTION = 12_000

/**
 * Characters of a view's query (https://cloud.google.com/bigquery/quotas#view_limits, "256 K"), without the parts of
 * imagery's view that are not answer columns.
 */
const MAX_ANSWERS_IN_VIEW = 256_000 - 8_000

/**
 * Characters per column in the live view's query, besides its name: a comma, a line break, the table and two backticks.
 */
const VIEW_CHARACTERS_PER_COLUMN = 22

/**
 * Bytes of a condition: a query has at most 1 MB (https://cloud.google.com/bigquery/quotas#query_jobs), and imagery's
 * own part needs some of it.
 */
const MAX_WHERE_BYTES = 1_000_000 - 20_000

/**
 * Levels of an answer schema, including arrays and values. Vertex AI refuses deep schemas with "exceeds the maximum
 * allowed nesting depth" but does not document the limit; this limit is imagery's.
 */
const MAX_SCHEMA_DEPTH = 16

/**
 * Input token limit of a Gemini model (https://cloud.google.com/vertex-ai/generative-ai/docs/models/gemini/2-5-flash,
 * "Maximum input tokens").
 */
const MAX_INPUT_TOKENS = 1_048_576

/** https://cloud.google.com/vertex-ai/generative-ai/docs/multimodal/get-token-count */
const CHARACTERS_PER_TOKEN = 4

/** Returns everything that is too large in a profile whose output can become columns. */
export function limitFaults(profile: Profile): AnswerFault[] {
  const { output } = profile
  const columns = countColumns([...ASSET_COLUMNS, ...attemptColumns(profile)])
  const inView = Object.keys(output.properties ?? {}).reduce(
    (sum, name) => sum + name.length + VIEW_CHARACTERS_PER_COLUMN,
    0,
  )
  return [
    ...tooMany(
      ['output', 'properties'],
      columns,
      MAX_COLUMNS,
      "columns including imagery's own; the limit for a BigQuery table is",
    ),
    ...tooMany(
      ['output', 'properties'],
      inView,
      MAX_ANSWERS_IN_VIEW,
      'characters in the query of a view that names all columns; the limit in BigQuery is',
    ),
    ...(profileModel(profile) === PIXELS ? [] : geminiFaults(profile)),
    ...valueFaults(output, ['output']),
  ]
}

/** Returns the faults of the fields that do not depend on the output. */
export function fieldFaults({ description, where }: Pick<Profile, 'description' | 'where'>): AnswerFault[] {
  return [
    ...tooMany(['description'], description.length, MAX_DESCRIPTION, 'characters; the limit for a BigQuery table is'),
    ...(where === undefined ? [] : whereFaults(where)),
  ]
}

type Path = AnswerFault['path']

function tooMany(path: Path, count: number, most: number, what: string): AnswerFault[] {
  if (count <= most) return []
  return [{ path, reason: `has ${countText(count)} ${what} ${countText(most)}` }]
}

function countColumns(columns: readonly Column[]): number {
  return columns.reduce((sum, { columns: members }) => sum + 1 + countColumns(members ?? []), 0)
}

function whereFaults(where: string): AnswerFault[] {
  const reason = conditionFault(where)
  return [
    ...(reason === undefined ? [] : [{ path: ['where'], reason }]),
    ...tooMany(['where'], Buffer.byteLength(where), MAX_WHERE_BYTES, 'bytes; the limit for a BigQuery query is'),
  ]
}

function geminiFaults({ prompt = '', output }: Profile): AnswerFault[] {
  const characters = prompt.length + JSON.stringify(output).length
  return [
    ...tooMany(
      ['prompt'],
      Math.ceil(characters / CHARACTERS_PER_TOKEN),
      MAX_INPUT_TOKENS,
      'tokens including the output schema; the limit for a Gemini model is',
    ),
    ...depthFaults(output, ['output'], 1),
  ]
}

/** The first part on each path that is too deep. */
function depthFaults(schema: AnswerSchema, path: Path, depth: number): AnswerFault[] {
  if (depth > MAX_SCHEMA_DEPTH)
    return [
      {
        path,
        reason: `is more than ${MAX_SCHEMA_DEPTH} levels deep, including arrays; Gemini refuses schemas this deep`,
      },
    ]
  return parts(schema, path).flatMap(([part, where]) => depthFaults(part, where, depth + 1))
}

/** The direct children of a schema, with their paths. */
function parts({ properties = {}, items }: AnswerSchema, path: Path): [AnswerSchema, Path][] {
  const members = Object.entries(properties).map(([name, member]): [AnswerSchema, Path] => [
    member,
    [...path, 'properties', name],
  ])
  return items ? [...members, [items, [...path, 'items']]] : members
}

/** Schemas that no answer can fit, and descriptions that are too long for a column. */
function valueFaults(schema: AnswerSchema, path: Path): AnswerFault[] {
  const { type, minimum, maximum, enum: choices, maxLength } = schema
  const least = Math.ceil(minimum ?? Number.MIN_SAFE_INTEGER)
  const most = Math.floor(maximum ?? Number.MAX_SAFE_INTEGER)
  const hasNone =
    type === 'integer' && Math.max(least, Number.MIN_SAFE_INTEGER) > Math.min(most, Number.MAX_SAFE_INTEGER)
  const which = minimum === undefined ? 'maximum' : 'minimum'
  return [
    ...(hasNone ? [{ path: [...path, which], reason: 'allows no integer that JSON can carry exactly' }] : []),
    ...(choices ?? []).flatMap((choice, index) =>
      maxLength !== undefined && choice.length > maxLength
        ? [{ path: [...path, 'enum', index], reason: `is longer than maxLength ${maxLength}, so it would be cut` }]
        : [],
    ),
    // The output itself is not a column.
    ...(path.length === 1
      ? []
      : tooMany(
          [...path, 'description'],
          (schema.description ?? '').length,
          MAX_COLUMN_DESCRIPTION,
          'characters; the limit for a BigQuery column description is',
        )),
    ...parts(schema, path).flatMap(([part, where]) => valueFaults(part, where)),
  ]
}
