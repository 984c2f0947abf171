import { z } from 'zod'
import type { Column, ColumnType } from './columns.ts'

/** The part of JSON Schema that a profile's `output` may use: what both a vision model and a BigQuery column can express. */
export interface AnswerSchema {
  type: 'object' | 'array' | 'string' | 'integer' | 'number' | 'boolean'
  description?: string | undefined
  enum?: string[] | undefined
  minimum?: number | undefined
  maximum?: number | undefined
  /** Longer texts are cut, with a mark. */
  maxLength?: number | undefined
  minItems?: number | undefined
  maxItems?: number | undefined
  properties?: Record<string, AnswerSchema> | undefined
  required?: string[] | undefined
  items?: AnswerSchema | undefined
}

export const answerSchema: z.ZodType<AnswerSchema> = z.lazy(() =>
  z.strictObject({
    type: z.enum(['object', 'array', 'string', 'integer', 'number', 'boolean']).describe('What the value is.'),
    description: z.string().optional().describe("What the value means, for the model and for the column's readers."),
    enum: z.array(z.string().min(1)).min(1).optional().describe('The texts allowed.'),
    minimum: z.number().optional().describe('The least number allowed.'),
    maximum: z.number().optional().describe('The greatest number allowed.'),
    maxLength: z
      .int()
      .min(100)
      .optional()
      .describe('The most characters kept of a text; a longer one is cut, with a mark.'),
    minItems: z.int().min(0).optional().describe('The fewest items of an array.'),
    maxItems: z.int().min(1).optional().describe('The most items of an array.'),
    properties: z.record(z.string(), answerSchema).optional().describe('The members of an object.'),
    required: z.array(z.string()).optional().describe('The members that every answer must have.'),
    items: answerSchema.optional().describe('What the items of an array are.'),
  }),
)

/** Why well-known parts of JSON Schema cannot be used. */
export const UNSUPPORTED_KEYWORDS: Readonly<Record<string, string>> = {
  $ref: 'Gemini and BigQuery need the schema spelt out where it is used',
  $defs: 'Gemini and BigQuery need the schema spelt out where it is used',
  definitions: 'Gemini and BigQuery need the schema spelt out where it is used',
  anyOf: 'a BigQuery column has one type',
  oneOf: 'a BigQuery column has one type',
  allOf: 'a BigQuery column has one type: merge the parts',
  not: 'Gemini cannot be told what an answer must not be',
  const: 'a column of one value says nothing; for a text, use an enum of one',
  patternProperties: 'BigQuery columns need names that are known beforehand',
  propertyNames: 'BigQuery columns need names that are known beforehand',
  additionalProperties: 'answers never keep members that are not listed; leave it out',
  format: 'BigQuery would keep it as a STRING anyway: say it in the description',
  pattern: "Gemini's response schema has no patterns: say it in the description, or use an enum",
  nullable: 'members that are not required may be null already; leave it out',
  default: 'Gemini answers every member or leaves it out; leave it out',
}

/** BigQuery's rule for column names (https://cloud.google.com/bigquery/docs/schemas#column_names). */
const COLUMN_NAME = /^[A-Za-z_][A-Za-z0-9_]{0,299}$/
const MAX_NAME = 300

/** Beginnings that BigQuery keeps for itself (same page). */
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

/** Which keywords say something of which types. */
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
  /** Continues a sentence about that part. */
  reason: string
}

/** The first fault of an answer schema, with the JSON path of that part. */
export class AnswerSchemaError extends Error {
  override readonly name = 'AnswerSchemaError'
  readonly path: string

  constructor({ path, reason }: AnswerFault) {
    super(`${path.join('.')}: ${reason}`)
    this.path = path.join('.')
  }
}

/**
 * The BigQuery columns of a profile's answer: scalars as themselves, enums as STRING, arrays as
 * REPEATED, objects as STRUCT, descriptions kept. Columns are NULLABLE whatever `required` says,
 * since a failed asset has a row too.
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
 * All that Gemini or BigQuery cannot express: an array of arrays, an object without properties, a
 * bad column name, a keyword that says nothing of its type.
 */
export function answerFaults(schema: AnswerSchema): AnswerFault[] {
  const path = ['output']
  return schema.type === 'object'
    ? objectFaults(schema, path, 1)
    : [{ path, reason: 'must be an object: its properties become the columns' }]
}

type Path = AnswerFault['path']

function objectFaults(schema: AnswerSchema, path: Path, depth: number): AnswerFault[] {
  if (depth > MAX_DEPTH) return [{ path, reason: `BigQuery nests structs at most ${MAX_DEPTH} deep` }]
  const properties = Object.entries(schema.properties ?? {})
  const names = new Set<string>()
  return [
    ...keywordFaults(schema, path),
    ...(properties.length === 0 ? [{ path, reason: 'an object needs at least one property' }] : []),
    ...properties.flatMap(([name, property]) => {
      const where = [...path, 'properties', name]
      const isTaken = names.has(name.toLowerCase())
      names.add(name.toLowerCase())
      const reason = nameFault(name) ?? (isTaken ? 'two columns differ only in upper and lower case' : undefined)
      return [...(reason === undefined ? [] : [{ path: where, reason }]), ...valueFaults(property, where, depth)]
    }),
  ]
}

function nameFault(name: string): string | undefined {
  if (!COLUMN_NAME.test(name))
    return `a column name has letters, digits and underscores and does not begin with a digit; ${MAX_NAME} characters at most`
  return RESERVED_PREFIX.test(name) ? 'BigQuery keeps names with this beginning for itself' : undefined
}

function valueFaults(schema: AnswerSchema, path: Path, depth: number): AnswerFault[] {
  if (schema.type === 'object') return objectFaults(schema, path, depth + 1)
  const faults = keywordFaults(schema, path)
  if (schema.type !== 'array') return faults
  if (!schema.items) return [...faults, { path, reason: 'an array needs items' }]
  const items = [...path, 'items']
  if (schema.items.type === 'array') return [...faults, { path: items, reason: 'BigQuery has no array of arrays' }]
  return [...faults, ...valueFaults(schema.items, items, depth)]
}

function keywordFaults(schema: AnswerSchema, path: Path): AnswerFault[] {
  const idle = Object.entries(KEYWORD_TYPES).flatMap(([keyword, types]) => {
    const isThere = schema[keyword as keyof typeof KEYWORD_TYPES] !== undefined
    if (!isThere || (types as readonly string[]).includes(schema.type)) return []
    return [{ path: [...path, keyword], reason: `says nothing of a value of type ${schema.type}` }]
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
