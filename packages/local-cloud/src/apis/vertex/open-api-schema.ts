import { checkDepth, type AnswerSchema } from './answer-schema.ts'
import { refusedSchema } from './failures.ts'

/** `responseSchema`, read by `parseMessage`. */
interface OpenApiSchema {
  type?: string
  format?: string
  nullable?: boolean
  items?: OpenApiSchema
  minItems?: number
  maxItems?: number
  enum?: string[]
  properties?: Record<string, OpenApiSchema>
  required?: string[]
  minimum?: number
  maximum?: number
  minLength?: number
  maxLength?: number
  pattern?: string
  anyOf?: OpenApiSchema[]
}

/** The fields allowed together with `anyOf`; Vertex AI refuses others. */
const BESIDE_ANY_OF: ReadonlySet<string> = new Set(['anyOf', 'title', 'description', 'nullable'])

/**
 * Reads `generationConfig.responseSchema`
 * (https://cloud.google.com/vertex-ai/generative-ai/docs/multimodal/control-generated-output#fields).
 * Throws INVALID_ARGUMENT where Vertex AI does.
 */
export function readOpenApiSchema(value: unknown, depth = 1): AnswerSchema {
  checkDepth(depth)
  const schema = value as OpenApiSchema
  const isNullable = schema.nullable ?? false
  if (schema.anyOf !== undefined) {
    if (Object.keys(schema).some((name) => !BESIDE_ANY_OF.has(name))) {
      throw refusedSchema(
        'one or more response schemas specified other fields alongside any_of. When using any_of, it must be the only field set.',
      )
    }
    return { kind: 'choice', isNullable, of: schema.anyOf.map((part) => readOpenApiSchema(part, depth + 1)) }
  }
  const { type } = schema
  if (type === undefined || type === 'TYPE_UNSPECIFIED') {
    throw refusedSchema("one or more response schemas didn't specify the schema type field.")
  }
  if (schema.properties !== undefined && type !== 'OBJECT') throw wrongType('properties', 'OBJECT')
  if (schema.items !== undefined && type !== 'ARRAY') throw wrongType('items', 'ARRAY')
  if (schema.enum !== undefined && type !== 'STRING') throw wrongType('enum', 'STRING')
  switch (type) {
    case 'OBJECT':
      return readObject(schema, isNullable, depth)
    case 'ARRAY':
      if (!schema.items) throw refusedSchema('one or more response schemas of type ARRAY are missing the items field.')
      checkRange('min_items', schema.minItems, 'max_items', schema.maxItems)
      return {
        kind: 'array',
        isNullable,
        items: readOpenApiSchema(schema.items, depth + 1),
        prefix: [],
        min: schema.minItems ?? 0,
        max: schema.maxItems,
      }
    case 'STRING':
      if (schema.enum?.includes(''))
        throw refusedSchema('one or more response schemas specified an enum value that is empty.')
      checkRange('min_length', schema.minLength, 'max_length', schema.maxLength)
      return {
        kind: 'string',
        isNullable,
        choices: schema.enum && schema.enum.length > 0 ? schema.enum : undefined,
        format: schema.format,
        min: schema.minLength ?? 0,
        max: schema.maxLength,
        pattern: schema.pattern,
      }
    case 'NUMBER':
    case 'INTEGER':
      checkRange('minimum', schema.minimum, 'maximum', schema.maximum)
      return {
        kind: type === 'NUMBER' ? 'number' : 'integer',
        isNullable,
        choices: undefined,
        min: schema.minimum,
        max: schema.maximum,
      }
    case 'BOOLEAN':
      return { kind: 'boolean', isNullable }
    default:
      return { kind: 'null', isNullable }
  }
}

function readObject(schema: OpenApiSchema, isNullable: boolean, depth: number): AnswerSchema {
  const properties = Object.entries(schema.properties ?? {})
  if (properties.length === 0) {
    throw refusedSchema(
      'one or more response schemas of type OBJECT have no properties: it should be non-empty for OBJECT type.',
    )
  }
  const required = new Set(schema.required)
  for (const name of required) {
    if (!Object.hasOwn(schema.properties ?? {}, name)) {
      throw refusedSchema(`one or more response schemas specified the required field ${name}: property is not defined.`)
    }
  }
  return {
    kind: 'object',
    isNullable,
    properties: properties.map(([name, part]) => [name, readOpenApiSchema(part, depth + 1)] as const),
    required,
  }
}

function wrongType(field: string, type: string): Error {
  return refusedSchema(
    `one or more response schemas specified incorrect schema type field. For schema with ${field} fields, schema type should be ${type}.`,
  )
}

function checkRange(low: string, min: number | undefined, high: string, max: number | undefined): void {
  if (min !== undefined && max !== undefined && min > max) {
    throw refusedSchema(`one or more response schemas specified ${low} ${min}, which is greater than ${high} ${max}.`)
  }
}
