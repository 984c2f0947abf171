import { checkDepth, type AnswerSchema } from './answer-schema.ts'
import { notEmulatedByVertex, refusedSchema } from './failures.ts'

/**
 * The keywords of JSON Schema in `responseJsonSchema`
 * (https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/inference#generationconfig).
 * Others are refused, so that no program relies on a rule that models need not follow.
 */
const KEYWORDS: ReadonlySet<string> = new Set([
  '$id',
  '$defs',
  '$ref',
  '$anchor',
  '$schema',
  'type',
  'format',
  'title',
  'description',
  'enum',
  'items',
  'prefixItems',
  'minItems',
  'maxItems',
  'minimum',
  'maximum',
  'anyOf',
  'oneOf',
  'properties',
  'additionalProperties',
  'required',
  'propertyOrdering',
])

const TYPES: ReadonlySet<string> = new Set(['string', 'number', 'integer', 'boolean', 'array', 'object', 'null'])

type JsonSchema = Readonly<Record<string, unknown>>

/** Reads `generationConfig.responseJsonSchema`. Throws INVALID_ARGUMENT where Vertex AI does, UNIMPLEMENTED for a schema that contains itself. */
export function readJsonSchema(value: unknown): AnswerSchema {
  return read(value, { root: value, path: 'response_json_schema', depth: 1, trail: [] })
}

interface Place {
  root: unknown
  path: string
  depth: number
  /** The references that led here. */
  trail: readonly string[]
}

function below(place: Place, step: string): Place {
  return { ...place, path: `${place.path}.${step}`, depth: place.depth + 1 }
}

function read(value: unknown, place: Place): AnswerSchema {
  checkDepth(place.depth)
  if (!isObject(value)) throw malformed(place, 'is not an object')
  for (const keyword of Object.keys(value)) {
    if (!KEYWORDS.has(keyword))
      throw refusedSchema(`one or more response schemas specified unsupported field ${keyword} (at ${place.path}).`)
  }
  const { $ref: reference, enum: choices } = value
  if (reference !== undefined) return readReference(value, reference, place)
  const union = value['anyOf'] ?? value['oneOf']
  if (union !== undefined) {
    if (!Array.isArray(union) || union.length === 0)
      throw malformed(place, 'has an anyOf that is not a list of schemas')
    return {
      kind: 'choice',
      isNullable: false,
      of: union.map((part, index) => read(part, below(place, `any_of[${index}]`))),
    }
  }
  const types = readTypes(value, place)
  const isNullable = types.includes('null') && types.length > 1
  const named = types.filter((type) => type !== 'null')
  if (named.length > 1) {
    return { kind: 'choice', isNullable, of: named.map((type) => readTyped(type, value, false, place)) }
  }
  if (choices !== undefined && !Array.isArray(choices)) throw malformed(place, 'has an enum that is not a list')
  return readTyped(named[0] ?? 'null', value, isNullable, place)
}

function readTypes(schema: JsonSchema, place: Place): string[] {
  const { type, enum: choices } = schema
  if (type === undefined && Array.isArray(choices))
    return [...new Set(choices.map((choice) => typeof choice as string))]
  const types: unknown[] = Array.isArray(type) ? type : [type]
  if (types.length === 0 || types[0] === undefined) {
    throw refusedSchema(`one or more response schemas didn't specify the schema type field (at ${place.path}).`)
  }
  return types.map((name) => {
    if (typeof name !== 'string' || !TYPES.has(name)) throw malformed(place, `has the type ${JSON.stringify(name)}`)
    return name
  })
}

function readTyped(type: string, schema: JsonSchema, isNullable: boolean, place: Place): AnswerSchema {
  const choices = schema['enum'] as readonly unknown[] | undefined
  switch (type) {
    case 'object':
      return readObject(schema, isNullable, place)
    case 'array': {
      const { items, prefixItems = [] } = schema
      if (items === undefined && prefixItems === undefined) throw malformed(place, 'has no items')
      if (!Array.isArray(prefixItems)) throw malformed(place, 'has prefixItems that are not a list')
      return {
        kind: 'array',
        isNullable,
        items: items === undefined ? undefined : read(items, below(place, 'items')),
        prefix: prefixItems.map((part, index) => read(part, below(place, `prefix_items[${index}]`))),
        min: count(schema, 'minItems', place) ?? 0,
        max: count(schema, 'maxItems', place),
      }
    }
    case 'string':
      return {
        kind: 'string',
        isNullable,
        choices: choices?.filter((choice) => typeof choice === 'string'),
        format: typeof schema['format'] === 'string' ? schema['format'] : undefined,
        min: 0,
        max: undefined,
        pattern: undefined,
      }
    case 'number':
    case 'integer':
      return {
        kind: type,
        isNullable,
        choices: choices?.filter((choice) => typeof choice === 'number'),
        min: bound(schema, 'minimum', place),
        max: bound(schema, 'maximum', place),
      }
    default:
      if (choices !== undefined) throw malformed(place, 'has an enum of values that are neither strings nor numbers')
      return { kind: type === 'boolean' ? 'boolean' : 'null', isNullable }
  }
}

function readObject(schema: JsonSchema, isNullable: boolean, place: Place): AnswerSchema {
  const { properties = {}, required = [] } = schema
  if (!isObject(properties)) throw malformed(place, 'has properties that are not an object')
  if (!Array.isArray(required) || !required.every((name) => typeof name === 'string')) {
    throw malformed(place, 'has a required that is not a list of names')
  }
  return {
    kind: 'object',
    isNullable,
    properties: Object.entries(properties).map(
      ([name, part]) => [name, read(part, below(place, `properties.${name}`))] as const,
    ),
    required: new Set(required),
  }
}

function readReference(schema: JsonSchema, reference: unknown, place: Place): AnswerSchema {
  const beside = Object.keys(schema).find((name) => !name.startsWith('$'))
  if (beside !== undefined) throw malformed(place, `has ${beside} beside $ref`)
  if (typeof reference !== 'string' || !reference.startsWith('#'))
    throw malformed(place, 'has a $ref that is not in this schema')
  if (place.trail.includes(reference)) throw notEmulatedByVertex('A response schema that contains itself')
  let target: unknown = place.root
  for (const step of reference.split('/').slice(1))
    target = isObject(target) ? target[decodeURIComponent(step)] : undefined
  if (target === undefined) throw malformed(place, `has a $ref to ${reference}, which is not there`)
  return read(target, { ...below(place, '$ref'), trail: [...place.trail, reference] })
}

function count(schema: JsonSchema, name: string, place: Place): number | undefined {
  const value = bound(schema, name, place)
  if (value !== undefined && (!Number.isInteger(value) || value < 0))
    throw malformed(place, `has a ${name} that is not a count`)
  return value
}

function bound(schema: JsonSchema, name: string, place: Place): number | undefined {
  const value = schema[name]
  if (value !== undefined && typeof value !== 'number') throw malformed(place, `has a ${name} that is not a number`)
  return value
}

function malformed({ path }: Place, what: string): Error {
  return refusedSchema(`one or more response schemas are not valid: ${path} ${what}.`)
}

function isObject(value: unknown): value is JsonSchema {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
