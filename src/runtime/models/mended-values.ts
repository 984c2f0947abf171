import type { AnswerSchema } from '../../contracts/answer-schema.ts'
import { withoutHalves } from '../row-size.ts'
import { readExactly } from './lenient-json.ts'

/** A value, and whether it differs from what the model wrote. */
export interface Mended {
  value: unknown
  isMended: boolean
}

const INTEGER = /^[+-]?(?:0|[1-9]\d*)(?:\.0+)?$/
const NUMBER = /^[+-]?(?:(?:0|[1-9]\d*)(?:\.\d+)?|\.\d+)(?:[eE][+-]?\d+)?$/
const TRUE = /^true$/i
const FALSE = /^false$/i

/** Texts that say that there is no value, where a text is not a value. */
const NO_VALUE = /^(?:|null|none|nan|undefined)$/i

/**
 * Returns an answer with the values that the model wrote in another form but with one meaning: an enum value or a member's
 * name in another case, spacing or hyphenation, a number, boolean, array or object as text, half a character. Everything else stays as
 * it is, for the check to refuse.
 */
export function mendValues(value: unknown, schema: AnswerSchema): Mended {
  if (typeof value === 'string') return mendText(value, schema)
  if (typeof value === 'number' && schema.enum?.includes(String(value))) return mended(String(value))
  if (value === null || typeof value !== 'object') return unchanged(value)
  if (Array.isArray(value)) {
    const { items, type } = schema
    // A list of one value is that value.
    if (type !== 'array' && type !== 'object' && value.length === 1) return mended(mendValues(value[0], schema).value)
    return items === undefined ? unchanged(value) : together(value, (item) => mendValues(item, items))
  }
  return schema.properties === undefined
    ? unchanged(value)
    : mendMembers(value as Record<string, unknown>, schema.properties, schema.required ?? [])
}

function mendMembers(
  value: Record<string, unknown>,
  properties: Record<string, AnswerSchema>,
  required: readonly string[],
): Mended {
  let isMended = false
  const members = Object.entries(value).map(([name, member]): [string, unknown] => {
    const property = propertyOf(name, value, properties)
    const schema = property === undefined ? undefined : properties[property]
    if (property === undefined || schema === undefined) return [name, member]
    const better = mendValues(member, schema)
    const isNothing = !required.includes(property) && saysNothing(better.value, schema)
    isMended ||= better.isMended || isNothing || property !== name
    return [property, isNothing ? null : better.value]
  })
  return { value: isMended ? Object.fromEntries(members) : value, isMended }
}

/** The property that a member's name means: its own, or the only one without regard to case, spaces and hyphens. */
function propertyOf(
  name: string,
  value: Record<string, unknown>,
  properties: Record<string, AnswerSchema>,
): string | undefined {
  if (Object.hasOwn(properties, name)) return name
  const property = onlyChoice(name, Object.keys(properties))
  if (property === undefined) return undefined
  // Of two members with one meaning, neither is certain.
  const [, ...others] = Object.keys(value).filter((each) => letters(each) === letters(property))
  return others.length === 0 ? property : undefined
}

/** Whether a member's name means a property, without regard to case, spaces and hyphens. */
export function namesProperty(name: string, properties: Record<string, AnswerSchema>): boolean {
  return Object.keys(properties).some((property) => letters(property) === letters(name))
}

/** Whether a text stands where no text can be a value. */
function saysNothing(value: unknown, { type, enum: choices }: AnswerSchema): boolean {
  if (typeof value !== 'string' || !NO_VALUE.test(value.trim())) return false
  return type === 'string' ? choices !== undefined && !choices.includes(value) : true
}

function mendText(text: string, schema: AnswerSchema): Mended {
  const trimmed = text.trim()
  switch (schema.type) {
    case 'string': {
      const choice = schema.enum && !schema.enum.includes(text) ? choiceMeant(text, schema.enum) : undefined
      if (choice !== undefined) return mended(choice)
      const whole = withoutHalves(text)
      return { value: whole, isMended: whole !== text }
    }
    case 'integer':
      return INTEGER.test(trimmed) ? mended(Number(trimmed)) : unchanged(text)
    case 'number':
      return NUMBER.test(trimmed) && Number.isFinite(Number(trimmed)) ? mended(Number(trimmed)) : unchanged(text)
    case 'boolean':
      if (TRUE.test(trimmed)) return mended(true)
      return FALSE.test(trimmed) ? mended(false) : unchanged(text)
    case 'array':
    case 'object': {
      const inner = jsonOf(trimmed)
      const isSame = inner !== undefined && Array.isArray(inner) === (schema.type === 'array')
      return isSame ? mended(mendValues(inner, schema).value) : unchanged(text)
    }
  }
}

/**
 * What models put around a value: quotes, the stars of Markdown, the end of a sentence. A question mark is a doubt, and
 * stays. So does what is before a digit: `.5` is not `5`.
 */
const AROUND = /^[\s\p{Cc}"'“”‘’`*_.,;:]+(?<![_.,;:](?=\d))|[\s\p{Cc}"'“”‘’`*_.,;:]+$/gu

/** The only allowed value that a text means, as it is or without what is around it. */
function choiceMeant(text: string, choices: readonly string[]): string | undefined {
  return onlyChoice(text, choices) ?? onlyChoice(text.replaceAll(AROUND, ''), choices)
}

/** The only allowed value that a text means, without case, spaces, hyphens and underscores. */
function onlyChoice(text: string, choices: readonly string[]): string | undefined {
  const [only, ...others] = new Set(choices.filter((choice) => letters(choice) === letters(text)))
  return others.length === 0 ? only : undefined
}

const SEPARATORS = /[\s_\p{Dash_Punctuation}]+/gu

/** Separators before a digit are a part of the value: `-30` is not `30`, and `1-2` is neither `12` nor `1 2`. */
function letters(text: string): string {
  const folded = text.normalize('NFKC').toLowerCase().trim()
  const kept = folded.replaceAll(SEPARATORS, (run, at: number) => {
    const isBeforeDigit = /\d/.test(folded[at + run.length] ?? '')
    if (!isBeforeDigit || !(at === 0 || /\d/.test(folded[at - 1] ?? ''))) return ''
    return /\p{Dash_Punctuation}/u.test(run) ? '-' : ' '
  })
  // A value that is all hyphens has no letters to compare.
  return kept === '' ? text : kept
}

function jsonOf(text: string): object | undefined {
  const read = readExactly(text)
  return 'value' in read ? read.value : undefined
}

function together(values: readonly unknown[], mend: (value: unknown) => Mended): Mended {
  const results = values.map(mend)
  const isMended = results.some((result) => result.isMended)
  return { value: isMended ? results.map(({ value }) => value) : values, isMended }
}

function mended(value: unknown): Mended {
  return { value, isMended: true }
}

function unchanged(value: unknown): Mended {
  return { value, isMended: false }
}
