import { z } from 'zod'
import type { Column, ColumnType } from './columns.ts'

/** The part of JSON Schema that a profile's `output` may use: what both a vision model and a BigQuery column can express. */
export interface AnswerSchema {
  type: 'object' | 'array' | 'string' | 'integer' | 'number' | 'boolean'
  description?: string | undefined
  enum?: string[] | undefined
  minimum?: number | undefined
  maximum?: number | undefined
  properties?: Record<string, AnswerSchema> | undefined
  required?: string[] | undefined
  items?: AnswerSchema | undefined
}

export const answerSchema: z.ZodType<AnswerSchema> = z.lazy(() =>
  z.strictObject({
    type: z.enum(['object', 'array', 'string', 'integer', 'number', 'boolean']),
    description: z.string().optional(),
    enum: z.array(z.string()).min(1).optional(),
    minimum: z.number().optional(),
    maximum: z.number().optional(),
    properties: z.record(z.string(), answerSchema).optional(),
    required: z.array(z.string()).optional(),
    items: answerSchema.optional(),
  }),
)

/** BigQuery's rule for column names (https://cloud.google.com/bigquery/docs/schemas#column_names). */
const COLUMN_NAME = /^[A-Za-z_][A-Za-z0-9_]{0,299}$/

const SCALAR_TYPES = { string: 'STRING', integer: 'INT64', number: 'FLOAT64', boolean: 'BOOL' } as const satisfies Record<string, ColumnType>

/** A part of an answer schema that cannot become a column, with the JSON path of that part. */
export class AnswerSchemaError extends Error {
  override readonly name = 'AnswerSchemaError'
  readonly path: string

  constructor(path: string, reason: string) {
    super(`${path}: ${reason}`)
    this.path = path
  }
}

/**
 * The BigQuery columns of a profile's answer: scalars as themselves, enums as STRING, arrays as
 * REPEATED, objects as STRUCT, descriptions kept. Columns are NULLABLE whatever `required` says,
 * since a failed asset has a row too.
 *
 * @throws AnswerSchemaError for what BigQuery cannot hold: an array of arrays, an object without
 *   properties, a bad column name
 */
export function answerColumns(schema: AnswerSchema, path = 'output'): Column[] {
  if (schema.type !== 'object') throw new AnswerSchemaError(path, 'must be an object: its properties become the columns')
  const properties = Object.entries(schema.properties ?? {})
  if (properties.length === 0) throw new AnswerSchemaError(path, 'an object needs at least one property')
  const seen = new Set<string>()
  return properties.map(([name, property]) => {
    const where = `${path}.properties.${name}`
    if (!COLUMN_NAME.test(name)) {
      throw new AnswerSchemaError(where, 'a column name has letters, digits and underscores and does not begin with a digit')
    }
    if (seen.has(name.toLowerCase())) throw new AnswerSchemaError(where, 'two columns differ only in upper and lower case')
    seen.add(name.toLowerCase())
    return column(name, property, where)
  })
}

function column(name: string, schema: AnswerSchema, path: string): Column {
  const description = schema.description === undefined ? {} : { description: schema.description }
  if (schema.type === 'array') {
    if (!schema.items) throw new AnswerSchemaError(path, 'an array needs items')
    if (schema.items.type === 'array') throw new AnswerSchemaError(`${path}.items`, 'BigQuery has no array of arrays')
    return { ...column(name, schema.items, `${path}.items`), ...description, mode: 'REPEATED' }
  }
  if (schema.type === 'object') return { name, type: 'STRUCT', ...description, columns: answerColumns(schema, path) }
  return { name, type: SCALAR_TYPES[schema.type], ...description }
}
