import type { ErrorObject } from 'ajv'
import type { AnswerSchema } from './answer-schema.ts'
import { counted } from './count-text.ts'

/**
 * Gemini's response schema, a subset of OpenAPI 3.0's
 * (https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/inference#schema).
 */
export interface ResponseSchema {
  type: 'OBJECT' | 'ARRAY' | 'STRING' | 'INTEGER' | 'NUMBER' | 'BOOLEAN'
  description?: string
  nullable?: boolean
  format?: 'enum'
  enum?: string[]
  minimum?: number
  maximum?: number
  /** The API takes 64-bit numbers as text (https://protobuf.dev/programming-guides/json/). */
  minItems?: string
  maxItems?: string
  properties?: Record<string, ResponseSchema>
  required?: string[]
  propertyOrdering?: string[]
  items?: ResponseSchema
}

/**
 * The response schema sent to Gemini. Members keep the profile's order; optional members can be null.
 */
export function responseSchema(schema: AnswerSchema): ResponseSchema {
  const { description, minimum, maximum, minItems, maxItems, required, items } = schema
  return {
    type: schema.type.toUpperCase() as ResponseSchema['type'],
    ...(description === undefined ? {} : { description }),
    ...(schema.enum === undefined ? {} : { format: 'enum', enum: [...schema.enum] }),
    ...(minimum === undefined ? {} : { minimum }),
    ...(maximum === undefined ? {} : { maximum }),
    ...(minItems === undefined ? {} : { minItems: String(minItems) }),
    ...(maxItems === undefined ? {} : { maxItems: String(maxItems) }),
    ...(items === undefined ? {} : { items: responseSchema(items) }),
    ...(schema.properties === undefined ? {} : memberSchemas(schema.properties, required ?? [])),
  }
}

function memberSchemas(properties: Record<string, AnswerSchema>, required: readonly string[]): Partial<ResponseSchema> {
  const members = Object.entries(properties).map(([name, member]): [string, ResponseSchema] => {
    const converted = responseSchema(member)
    return [name, required.includes(name) ? converted : { ...converted, nullable: true }]
  })
  return {
    properties: Object.fromEntries(members),
    propertyOrdering: members.map(([name]) => name),
    ...(required.length === 0 ? {} : { required: [...required] }),
  }
}

/** The result of checking a model's answer: the columns, or every fault with its path. */
export type CheckedAnswer = { columns: Record<string, unknown> } | { faults: string[] }

/**
 * Returns a check of answers against a profile's output. The check drops members that the profile does
 * not name and nulls of optional members, and cuts texts longer than `maxLength` with `cut`. It changes
 * nothing else: "3" is not a number.
 *
 * ajv is loaded here, when the first Gemini answer is checked.
 */
export async function answerCheck(
  schema: AnswerSchema,
  cut: (text: string, characters: number) => string,
): Promise<(answer: unknown) => CheckedAnswer> {
  const { Ajv } = await import('ajv')
  const validate = new Ajv({ allErrors: true, strict: true, verbose: true }).compile(checkedSchema(schema))
  return (answer) => {
    const kept = keep(answer, schema, cut)
    if (validate(kept)) return { columns: kept as Record<string, unknown> }
    const errors = validate.errors ?? []
    const more = errors.length - MOST_FAULTS
    return {
      faults: [...errors.slice(0, MOST_FAULTS).map(fault), ...(more > 0 ? [`and ${counted(more, 'more fault')}`] : [])],
    }
  }
}

/** A list of a model that repeats itself can have a hundred thousand faults of one kind. */
const MOST_FAULTS = 20

/** The profile's output as an ajv schema. Integers stay within the range that JSON carries exactly. */
function checkedSchema(schema: AnswerSchema): object {
  const { type, minimum, maximum, minItems, maxItems, required, items, properties } = schema
  const bounds =
    type === 'integer'
      ? { minimum: minimum ?? Number.MIN_SAFE_INTEGER, maximum: maximum ?? Number.MAX_SAFE_INTEGER }
      : { minimum, maximum }
  return defined({
    type,
    ...bounds,
    enum: schema.enum && [...new Set(schema.enum)],
    minItems,
    maxItems,
    required: required && [...new Set(required)],
    items: items && checkedSchema(items),
    properties:
      properties &&
      Object.fromEntries(Object.entries(properties).map(([name, member]) => [name, checkedSchema(member)])),
  })
}

function defined(members: Record<string, unknown>): object {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined))
}

function keep(value: unknown, schema: AnswerSchema, cut: (text: string, characters: number) => string): unknown {
  const { items, properties, maxLength, required } = schema
  if (typeof value === 'string')
    return maxLength === undefined || schema.type !== 'string' ? value : cut(value, maxLength)
  if (value === null || typeof value !== 'object') return value
  if (Array.isArray(value)) return items ? value.map((item) => keep(item, items, cut)) : value
  if (!properties) return value
  return Object.fromEntries(
    Object.entries(properties).flatMap(([name, member]) => {
      if (!Object.hasOwn(value, name)) return []
      const found = (value as Record<string, unknown>)[name]
      if (found === null && !required?.includes(name)) return []
      return [[name, keep(found, member, cut)]]
    }),
  )
}

/** Names the field and its value, because the user decides by them whether the prompt or the schema is wrong. */
function fault({ instancePath, keyword, message, params, data }: ErrorObject): string {
  const path = instancePath.slice(1).replaceAll('/', '.')
  const field = path === '' ? 'the answer' : path
  const wanted = params as Record<string, unknown>
  switch (keyword) {
    case 'required':
      return `${[path, String(wanted['missingProperty'])].filter(Boolean).join('.')} is missing`
    case 'type':
      return `${field} is ${shownValue(data)}, not ${TYPE_NAMES[String(wanted['type'])]}`
    case 'enum':
      return `${field} is ${shownValue(data)}, not one of ${(wanted['allowedValues'] as string[]).join(', ')}`
    case 'minimum':
    case 'maximum':
      return `${field} is ${shownValue(data)}, ${keyword === 'minimum' ? 'below' : 'above'} the ${keyword} ${String(wanted['limit'])}`
    case 'minItems':
    case 'maxItems':
      return `${field} has ${counted((data as unknown[]).length, 'item')}, ${keyword === 'minItems' ? 'fewer' : 'more'} than ${String(wanted['limit'])}`
    default:
      return `${field} is ${shownValue(data)} and ${message ?? 'is not valid'}`
  }
}

const TYPE_NAMES: Readonly<Record<string, string>> = {
  object: 'an object',
  array: 'an array',
  string: 'a text',
  integer: 'an integer',
  number: 'a number',
  boolean: 'true or false',
}

const SHOWN_CHARACTERS = 80

/** Returns a value as JSON for a message, cut if it is long. */
export function shownValue(value: unknown): string {
  // JSON has no word for a number that is too large, and would show null.
  const text = typeof value === 'number' ? String(value) : (JSON.stringify(value) ?? 'missing')
  return text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}…`.toWellFormed() : text
}
