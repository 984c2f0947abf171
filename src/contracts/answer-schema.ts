import * as z from 'zod'
import type { Column, ColumnType } from './columns.ts'

/**
 * The subset of JSON Schema that a profile's `output` can use: what both a vision model and a BigQuery column can
 * express.
 */
export interface AnswerSchema {
  type: 'object' | 'array' | 'string' | 'integer' | 'number' | 'boolean'
  description?: string | undefined
  enum?: string[] | undefined
  minimum?: number | undefined
  maximum?: number | undefined
  /** Longer texts are cut and marked. */
  maxLength?: number | undefined
  minItems?: number | undefined
  maxItems?: number | undefined
  properties?: Record<string, AnswerSchema> | undefined
  required?: string[] | undefined
  items?: AnswerSchema | undefined
}

export const answerSchema: z.ZodType<AnswerSchema> = z.lazy(() =>
  z.strictObject({
    type: z.enum(['object', 'array', 'string', 'integer', 'number', 'boolean']).describe('Type of the value.'),
    description: z
      .string()
      .optional()
      .describe("What the value means. Sent to the model and used as the column's description."),
    enum: z.array(z.string().min(1)).min(1).optional().describe('Allowed values.'),
    minimum: z.number().optional().describe('Smallest number allowed.'),
    maximum: z.number().optional().describe('Largest number allowed.'),
    maxLength: z
      .int()
      .min(100)
      .optional()
      .describe('Maximum length of a text in characters; a longer text is cut and marked.'),
    minItems: z.int().min(0).optional().describe('Minimum number of items in the array.'),
    maxItems: z.int().min(1).optional().describe('Maximum number of items in the array.'),
    properties: z.record(z.string(), answerSchema).optional().describe('Properties of the object.'),
    required: z.array(z.string()).optional().describe('Properties that every answer must have.'),
    items: answerSchema.optional().describe('Schema of the array items.'),
  }),
)

/** Why some well-known JSON Schema keywords are not supported. */
export const UNSUPPORTED_KEYWORDS: Readonly<Record<string, string>> = {
  $ref: 'Gemini and BigQuery need the schema written out where it is used',
  $defs: 'Gemini and BigQuery need the schema written out where it is used',
  definitions: 'Gemini and BigQuery need the schema written out where it is used',
  anyOf: 'a BigQuery column has one type',
  oneOf: 'a BigQuery column has one type',
  allOf: 'a BigQuery column has one type; merge the parts',
  not: "Gemini's response schema cannot exclude values",
  const: 'a column with one value carries no information; for a text, use an enum with one value',
  patternProperties: 'BigQuery column names must be known in advance',
  propertyNames: 'BigQuery column names must be known in advance',
  additionalProperties: 'properties that are not listed are always dropped; leave it out',
  format: 'BigQuery would store it as a STRING anyway; put the format in the description',
  pattern: "Gemini's response schema has no patterns; describe the pattern in the description, or use an enum",
  nullable: 'properties that are not required can already be null; leave it out',
  default: 'Gemini never fills in defaults; leave it out',
}

/** BigQuery's rule for column names (https://cloud.google.com/bigquery/docs/schemas#column_names). */
const COLUMN_NAME = /^[A-Za-z_][A-Za-z0-9_]{0,299}$/
const MAX_NAME = 300

/** Prefixes that BigQuery reserves (same page). */
const RESERVED_PREFIX =
  /^(?:_TABLE_|_FILE_|_PARTITION|_ROW_TIMESTAMP|__ROOT__|_COLIDENTIFIER|_CHANGE_SEQUENCE_NUMBER|_CHANGE_TYPE|_CHANGE_TIMESTAMP)/i

/** BigQuery nests structs at most this deep (https://cloud.google.com/bigquery/quotas#standard_tables). */
const MAX_DEPTH = 15

const SCALAR_TYPES = {
  string: 'STRING',
  integer: 'INT64',
  number: 'FLOAT64',
  boolean: 'BOOL',
} as const satisfies Record<string, ColumnType>

/** The types that each keyword applies to. */
const KEYWORD_TYPES = {
  enum: ['string'],
  maxLength: ['string'],
  minimum: ['integer', 'number'],
  maximum: ['integer', 'number'],
  properties: ['object'],
  required: ['object'],
  items: ['array'],
  minItems: ['array'],
  maxItems: ['array'],
} as const satisfies Partial<Record<keyof AnswerSchema, readonly AnswerSchema['type'][]>>

/** A part of an answer schema that cannot become a column. */
export interface AnswerFault {
  /** From the profile's top, `output` first. */
  path: readonly (string | number)[]
  /** The predicate of a sentence about that part. */
  reason: string
}

/** The first fault of an answer schema, with its JSON path. */
export class AnswerSchemaError extends Error {
  override readonly name = 'AnswerSchemaError'
  readonly path: string

  constructor({ path, reason }: AnswerFault) {
    super(`${path.join('.')}: ${reason}`)
    this.path = path.join('.')
  }
}

/**
 * Returns the BigQuery columns for a profile's answer: scalars as themselves, enums as STRING, arrays as
 * REPEATED, objects as STRUCT, with their descriptions. Columns are NULLABLE whatever `required` says,
 * because a failed asset has a row too.
 *
 * @throws AnswerSchemaError for what `answerFaults` finds
 */
export function answerColumns(schema: AnswerSchema): Column[] {
  const [fault] = answerFaults(schema)
  if (fault) throw new AnswerSchemaError(fault)
  return columnsOf(schema)
}

function columnsOf({ properties = {} }: AnswerSchema): Column[] {
  return Object.entries(properties).map(([name, property]) => column(name, property))
}

function column(name: string, schema: AnswerSchema): Column {
  const description = schema.description === undefined ? {} : { description: schema.description }
  if (schema.type === 'object') return { name, type: 'STRUCT', ...description, columns: columnsOf(schema) }
  if (schema.type === 'array') return { ...column(name, schema.items!), ...description, mode: 'REPEATED' }
  return { name, type: SCALAR_TYPES[schema.type], ...description }
}

/**
 * Everything that Gemini or BigQuery cannot express: an array of arrays, an object without properties, a
 * bad column name, a keyword that does not apply to its type.
 */
export function answerFaults(schema: AnswerSchema): AnswerFault[] {
  const path = ['output']
  return schema.type === 'object'
    ? objectFaults(schema, path, 1)
    : [{ path, reason: 'must be an object, because its properties become the columns' }]
}

type Path = AnswerFault['path']

function objectFaults(schema: AnswerSchema, path: Path, depth: number): AnswerFault[] {
  if (depth > MAX_DEPTH) return [{ path, reason: `BigQuery nests structs at most ${MAX_DEPTH} levels deep` }]
  const properties = Object.entries(schema.properties ?? {})
  const names = new Set<string>()
  return [
    ...keywordFaults(schema, path),
    ...(properties.length === 0 ? [{ path, reason: 'an object needs at least one property' }] : []),
    ...properties.flatMap(([name, property]) => {
      const where = [...path, 'properties', name]
      const isTaken = names.has(name.toLowerCase())
      names.add(name.toLowerCase())
      const reason = nameFault(name) ?? (isTaken ? 'two column names differ only in case' : undefined)
      return [...(reason === undefined ? [] : [{ path: where, reason }]), ...valueFaults(property, where, depth)]
    }),
  ]
}

function nameFault(name: string): string | undefined {
  if (!COLUMN_NAME.test(name))
    return `a column name has letters, digits and underscores, does not begin with a digit, and has at most ${MAX_NAME} characters`
  return RESERVED_PREFIX.test(name) ? 'BigQuery reserves names with this prefix' : undefined
}

function valueFaults(schema: AnswerSchema, path: Path, depth: number): AnswerFault[] {
  if (schema.type === 'object') return objectFaults(schema, path, depth + 1)
  const faults = keywordFaults(schema, path)
  if (schema.type !== 'array') return faults
  if (!schema.items) return [...faults, { path, reason: 'an array needs items' }]
  const items = [...path, 'items']
  if (schema.items.type === 'array') return [...faults, { path: items, reason: 'BigQuery has no arrays of arrays' }]
  return [...faults, ...valueFaults(schema.items, items, depth)]
}

function keywordFaults(schema: AnswerSchema, path: Path): AnswerFault[] {
  const idle = Object.entries(KEYWORD_TYPES).flatMap(([keyword, types]) => {
    const isThere = schema[keyword as keyof typeof KEYWORD_TYPES] !== undefined
    if (!isThere || (types as readonly string[]).includes(schema.type)) return []
    return [{ path: [...path, keyword], reason: `does not apply to type ${schema.type}` }]
  })
  const crossed = (
    [
      ['minimum', 'maximum'],
      ['minItems', 'maxItems'],
    ] as const
  ).flatMap(([least, most]) =>
    (schema[least] ?? -Infinity) > (schema[most] ?? Infinity)
      ? [{ path: [...path, least], reason: `is above ${most}` }]
      : [],
  )
  return [...idle, ...crossed]
}
