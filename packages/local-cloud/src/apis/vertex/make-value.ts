import type { AnswerSchema } from './answer-schema.ts'
import { notEmulatedByVertex } from './failures.ts'
import type { Random } from './random.ts'

/** The share of nullable values that are null. */
const NULL_SHARE = 0.1

/** Words of generated texts. */
const WORDS = [
  'clear',
  'pole',
  'sign',
  'wood',
  'steel',
  'leaning',
  'rusty',
  'upright',
  'faded',
  'street',
  'corner',
  'north',
  'two',
  'good',
  'cracked',
  'new',
]

/** A value that is valid under the schema, drawn from `random`. Throws UNIMPLEMENTED for a regular expression. */
export function makeValue(schema: AnswerSchema, random: Random): unknown {
  if (schema.isNullable && random() < NULL_SHARE) return null
  switch (schema.kind) {
    case 'object':
      return Object.fromEntries(schema.properties.map(([name, part]) => [name, makeValue(part, random)]))
    case 'array': {
      const { items, prefix, min } = schema
      const max = schema.max ?? Math.max(min, 3)
      const length = items ? min + Math.floor(random() * (max - min + 1)) : prefix.length
      const parts = Array.from(
        { length: Math.max(length, Math.min(prefix.length, max)) },
        (_, index) => prefix[index] ?? items,
      )
      return parts.flatMap((part) => (part ? [makeValue(part, random)] : []))
    }
    case 'string':
      return makeString(schema, random)
    case 'integer':
    case 'number':
      return makeNumber(schema, random)
    case 'boolean':
      return random() < 0.5
    case 'null':
      return null
    case 'choice':
      return makeValue(pick(schema.of, random), random)
  }
}

type StringSchema = Extract<AnswerSchema, { kind: 'string' }>
type NumberSchema = Extract<AnswerSchema, { kind: 'number' | 'integer' }>

function makeString({ choices, format, min, max, pattern }: StringSchema, random: Random): string {
  if (choices && choices.length > 0) return pick(choices, random)
  if (pattern !== undefined) throw notEmulatedByVertex('Making up a text for a pattern')
  const day = new Date(Date.UTC(2020, 0, 1) + Math.floor(random() * 5 * 365) * 86_400_000).toISOString()
  if (format === 'date-time') return day
  if (format === 'date') return day.slice(0, 10)
  if (format === 'time') return day.slice(11)
  let text = Array.from({ length: 2 + Math.floor(random() * 4) }, () => pick(WORDS, random)).join(' ')
  while (text.length < min) text += ` ${pick(WORDS, random)}`
  return max === undefined ? text : text.slice(0, max)
}

function makeNumber({ kind, choices, min, max }: NumberSchema, random: Random): number {
  if (choices && choices.length > 0) return pick(choices, random)
  const low = min ?? Math.min(0, max ?? 0)
  const high = max ?? low + 5
  if (kind === 'integer') {
    const first = Math.ceil(low)
    return first + Math.floor(random() * (Math.floor(high) - first + 1))
  }
  return Math.min(high, Math.max(low, Math.round((low + random() * (high - low)) * 100) / 100))
}

function pick<Item>(items: readonly Item[], random: Random): Item {
  return items[Math.floor(random() * items.length)] as Item
}
