import { columnNames } from './column-names.ts'
import { exactJson, ExactNumber, exactText } from './exact-json.ts'
import type { SourceField } from './columns.ts'

/**
 * What the values of a JSON column have in common. `text` fits everything: a value that is no string is then its JSON.
 * `long` is an integer with more than 53 bits.
 */
export type Shape =
  | { kind: 'unknown' | 'boolean' | 'integer' | 'long' | 'float' | 'text' }
  | { kind: 'list'; element: Shape }
  | { kind: 'record'; members: Map<string, Shape> }

export const UNKNOWN: Shape = { kind: 'unknown' }
const TEXT: Shape = { kind: 'text' }

/** BigQuery's limit is 15 levels (https://cloud.google.com/bigquery/docs/nested-repeated#limitations). */
const MAX_LEVELS = 12

/** Returns the shape of a column that has had values of a shape before, and now has another value. */
export function widened(shape: Shape, value: unknown, level = 1): Shape {
  if (value === null || value === undefined || shape.kind === 'text') return shape
  if (Array.isArray(value)) return widenedList(shape, value, level)
  if (typeof value === 'object' && !(value instanceof ExactNumber)) {
    if (shape.kind !== 'unknown' && shape.kind !== 'record') return TEXT
    if (level > MAX_LEVELS) return TEXT
    const record: Shape = shape.kind === 'record' ? shape : { kind: 'record', members: new Map() }
    for (const [name, member] of Object.entries(value))
      record.members.set(name, widened(record.members.get(name) ?? UNKNOWN, member, level + 1))
    return record
  }
  return widenedScalar(shape, scalarKind(value))
}

function widenedList(shape: Shape, items: readonly unknown[], level: number): Shape {
  if (shape.kind !== 'unknown' && shape.kind !== 'list') return TEXT
  // BigQuery has no list in a list, and no null in one.
  if (level > MAX_LEVELS || items.some((item) => item === null || Array.isArray(item))) return TEXT
  let element: Shape = shape.kind === 'list' ? shape.element : UNKNOWN
  for (const item of items) element = widened(element, item, level + 1)
  return { kind: 'list', element }
}

type ScalarKind = 'boolean' | 'integer' | 'long' | 'float' | 'text'

function scalarKind(value: unknown): ScalarKind {
  if (typeof value === 'boolean') return 'boolean'
  if (typeof value === 'string') return 'text'
  const source = value instanceof ExactNumber ? value.source : String(value)
  if (/^-?\d+$/.test(source)) {
    const whole = BigInt(source)
    if (Number.isSafeInteger(Number(whole))) return source === '-0' ? 'float' : 'integer'
    return BigInt.asIntN(64, whole) === whole ? 'long' : 'text'
  }
  // A double keeps 15 digits, whichever they are.
  const digits = source
    .replace(/[eE].*$/, '')
    .replaceAll(/[-.]/g, '')
    .replace(/^0+/, '')
  const isKept = Number.isFinite(Number(source)) && (Number(source) !== 0 || /^0*$/.test(digits))
  return isKept && (digits.length <= 15 || String(Number(source)) === source) ? 'float' : 'text'
}

function widenedScalar(shape: Shape, kind: ScalarKind): Shape {
  if (shape.kind === 'unknown' || shape.kind === kind) return { kind }
  const kinds = new Set<string>([shape.kind, kind])
  if (kinds.has('integer') && kinds.has('long')) return { kind: 'long' }
  if (kinds.has('integer') && kinds.has('float')) return { kind: 'float' }
  return TEXT
}

/** Whether a column of this shape is kept as text. BigQuery has no record without members. */
function isText(shape: Shape): boolean {
  if (shape.kind === 'list') return shape.element.kind === 'list'
  return shape.kind === 'text' || shape.kind === 'unknown' || (shape.kind === 'record' && shape.members.size === 0)
}

const TYPES = { boolean: 'BOOLEAN', integer: 'INTEGER', long: 'INTEGER', float: 'FLOAT' } as const

/** Returns the column of BigQuery for a shape. */
export function shapeField(name: string, shape: Shape): SourceField {
  if (isText(shape)) return { name, type: 'STRING', mode: 'NULLABLE' }
  if (shape.kind === 'list') return { ...shapeField(name, shape.element), mode: 'REPEATED' }
  if (shape.kind !== 'record')
    return { name, type: TYPES[shape.kind as keyof typeof TYPES] ?? 'STRING', mode: 'NULLABLE' }
  const headers = [...shape.members.keys()]
  const names = columnNames(headers)
  const fields = headers.map((header, index) => ({
    ...shapeField(names[index]!, shape.members.get(header)!),
    ...(names[index] === header ? {} : { header }),
  }))
  return { name, type: 'RECORD', mode: 'NULLABLE', fields }
}

/** Returns a value as JSON that fits the column of its shape, or undefined for null. */
export function shapedJson(value: unknown, shape: Shape): string | undefined {
  if (value === null || value === undefined) return undefined
  if (isText(shape)) return JSON.stringify(wellFormed(exactText(value)!))
  switch (shape.kind) {
    case 'list':
      return `[${(value as unknown[]).map((item) => shapedJson(item, shape.element)).join(',')}]`
    case 'record': {
      const headers = [...shape.members.keys()]
      const names = columnNames(headers)
      const members = headers.flatMap((header, index) => {
        const row = value as Record<string, unknown>
        const member = Object.hasOwn(row, header) ? shapedJson(row[header], shape.members.get(header)!) : undefined
        return member === undefined ? [] : [`${JSON.stringify(names[index])}:${member}`]
      })
      return `{${members.join(',')}}`
    }
    case 'long':
      // As text, BigQuery reads all of its digits.
      return JSON.stringify(exactJson(value))
    default:
      return exactJson(value)
  }
}

/** Half a surrogate pair is no character; BigQuery's text is UTF-8, which has none. */
function wellFormed(text: string): string {
  return text.toWellFormed()
}
