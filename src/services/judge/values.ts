import { ExactNumber } from '../source/exact-json.ts'
import type { AnswerColumn } from './columns.ts'

/**
 * A value to compare: text as it is shown, a boolean, or a number. An integer beyond 2^53 is a bigint, so that no digit is
 * lost.
 */
export type JudgedValue = string | number | bigint | boolean

/** Returns a text as it counts in comparisons: without regard to case, spaces at the ends, and how letters and spaces are encoded. */
export function plainForm(text: string): string {
  const plain = text.normalize('NFKC').replaceAll(/\s+/gu, ' ').trim()
  // Upper case first, as some letters have no other common form: ß and SS.
  return plain.toUpperCase().toLowerCase().normalize('NFC')
}

const TRUE = new Set(['true', 't', 'yes', 'y', '1'])
const FALSE = new Set(['false', 'f', 'no', 'n', '0'])

/** Plain decimal numbers. A comma could separate thousands or decimals, so it is not one. */
const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/

const INTEGER = /^[+-]?\d+$/

/**
 * Reads a value as one that a column can have.
 *
 * @returns null without a value, undefined for a value that the column cannot have
 */
export function readValue({ kind, allowed }: AnswerColumn, given: unknown): JudgedValue | null | undefined {
  const value = given instanceof ExactNumber ? given.source : given
  if (value === null || value === undefined) return null
  if (typeof value === 'object') return kind === 'other' ? canonical(value) : undefined
  const text = String(value)
  if (text.trim() === '') return null
  switch (kind) {
    case 'boolean': {
      if (typeof value === 'boolean') return value
      const plain = plainForm(text)
      // A program that keeps booleans beside missing values as numbers writes 1.0.
      const known = NUMBER.test(plain) ? String(Number(plain)) : plain
      return TRUE.has(known) ? true : FALSE.has(known) ? false : undefined
    }
    case 'number':
      if (typeof value === 'number' && Number.isSafeInteger(value)) return value
      return typeof value === 'boolean' ? undefined : numberOf(plainForm(text))
    case 'enum':
      // Most values are written as the profile has them.
      if (allowed?.includes(text)) return text
      return allowed?.find((each) => each === text.trim()) ?? allowedLike(plainForm(text), allowed) ?? text.trim()
    case 'text':
    case 'other':
      return text
  }
}

/** Of two allowed values that differ in their case only, neither is meant by a third way to write them. */
function allowedLike(plain: string, allowed: readonly string[] | null): string | undefined {
  const alike = allowed?.filter((each) => plainForm(each) === plain) ?? []
  return alike.length === 1 ? alike[0] : undefined
}

/**
 * Returns the plain forms that several values have which a profile allows beside each other, such as `Stop` and `stop`. These
 * values are not the same.
 */
export function twinForms(...columns: readonly Pick<AnswerColumn, 'allowed'>[]): ReadonlySet<string> {
  return new Set(
    columns.flatMap(({ allowed }) => {
      const forms = (allowed ?? []).map(plainForm)
      return forms.filter((form, index) => forms.indexOf(form) !== index)
    }),
  )
}

function numberOf(text: string): number | bigint | undefined {
  if (!NUMBER.test(text)) return undefined
  const number = Number(text)
  if (Number.isSafeInteger(number) || !INTEGER.test(text)) return Number.isFinite(number) ? number : undefined
  return BigInt(text.replace('+', ''))
}

/** Whether two values are the same, apart from the form of texts that are not among `twins`. */
export function isSame(one: JudgedValue, other: JudgedValue, twins?: ReadonlySet<string>): boolean {
  if (typeof one === 'string' && typeof other === 'string') {
    if (one === other) return true
    const form = plainForm(one)
    return form === plainForm(other) && twins?.has(form) !== true
  }
  // A number can equal a bigint.
  // eslint-disable-next-line eqeqeq -- types differ on purpose
  return typeof one === typeof other ? one === other : isNumeric(one) && isNumeric(other) && one == other
}

export function isNumeric(value: JudgedValue | null): value is number | bigint {
  return typeof value === 'number' || typeof value === 'bigint'
}

/** Returns a value as JSON has it: a bigint as text. */
export function shownValue(value: JudgedValue | null): string | number | boolean | null {
  return typeof value === 'bigint' ? String(value) : value
}

/** JSON with the members of objects in order, so that equal lists and structs have equal texts. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, member: unknown) =>
    member !== null && typeof member === 'object' && !Array.isArray(member)
      ? Object.fromEntries(Object.entries(member).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : member,
  )
}
