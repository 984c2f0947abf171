import { shown, whereIs, type FieldViolation } from './bad-request.ts'
import { decodeBase64 } from './proto-scalars.ts'
import { camelCase, snakeCase } from './field-names.ts'

/** A named proto enum. */
export interface EnumType {
  name: string
  values: readonly string[]
  /** The numbers of the values, for clients that send enums as numbers. */
  numbers?: Readonly<Record<number, string>>
  /** `object` for `OBJECT`: Vertex AI accepts JSON Schema's spelling of a schema's type. */
  ignoresCase?: boolean
}

/** A named proto message: its fields by their JSON names. */
export interface MessageType {
  name: string
  fields: Readonly<Record<string, Field>>
  /** JSON names; at most one of them can be set. */
  oneof?: readonly string[]
}

export interface Field {
  type: 'string' | 'bytes' | 'bool' | 'int32' | 'int64' | 'float' | 'value' | EnumType | (() => MessageType)
  kind?: 'repeated' | 'map'
  /** A field of Google's that the local cloud refuses by name when it is set. */
  isRefused?: true
}

export interface ParsedMessage {
  /** With JSON names, without defaults, numbers as numbers. */
  value: Record<string, unknown>
  violations: FieldViolation[]
  /** Paths of set fields that are not emulated. */
  refused: string[]
}

/** The JSON form of a message (https://protobuf.dev/programming-guides/json/), read as strictly as Google's frontend reads it. */
export function parseMessage(type: MessageType, json: unknown): ParsedMessage {
  const context: Context = { violations: [], refused: [] }
  const value = isObject(json) ? readMessage(type, json, '', context) : {}
  if (!isObject(json))
    context.violations.push({ description: `Invalid JSON payload received. ${shown(json)} is not an object.` })
  return { value, ...context }
}

interface Context {
  violations: FieldViolation[]
  refused: string[]
}

type Shown = Record<string, unknown>

function readMessage(type: MessageType, json: Shown, at: string, context: Context): Shown {
  const value: Shown = {}
  let chosen: string | undefined
  for (const [name, given] of Object.entries(json)) {
    const field = type.fields[name] ?? type.fields[camelCase(name)]
    if (!field) {
      violate(context, at, `Invalid JSON payload received. Unknown name "${name}"${whereIs(at)}: Cannot find field.`)
      continue
    }
    if (given === null && field.type !== 'value') continue
    const key = type.fields[name] ? name : camelCase(name)
    const path = at === '' ? snakeCase(key) : `${at}.${snakeCase(key)}`
    if (type.oneof?.includes(key)) {
      if (chosen !== undefined)
        violate(context, at, `Invalid value at '${at}' (oneof), oneof field 'data' is already set. Cannot set '${key}'`)
      chosen = key
    }
    if (field.isRefused) {
      if (!isEmpty(given)) context.refused.push(path)
      continue
    }
    const read = readField(field, given, path, context)
    if (read !== undefined) value[key] = read
  }
  return value
}

function readField(field: Field, given: unknown, at: string, context: Context): unknown {
  if (field.kind === 'repeated') {
    // A single value is accepted as a list of one, as in Google's own samples.
    const list: unknown[] = Array.isArray(given) ? given : [given]
    return list.map((item, index) => readValue(field, item, Array.isArray(given) ? `${at}[${index}]` : at, context))
  }
  if (field.kind === 'map') {
    if (!isObject(given)) return violate(context, at, `Invalid value at '${at}' (Map), ${shown(given)}`)
    return Object.fromEntries(
      Object.entries(given).map(([key, item], index) => [
        key,
        readValue(field, item, `${at}[${index}].value`, context),
      ]),
    )
  }
  if (Array.isArray(given) && field.type !== 'value') {
    const [, parent = '', name = at] = /^(.*)\.([^.]+)$/.exec(at) ?? []
    return violate(
      context,
      parent,
      `Invalid JSON payload received. Unknown name "${name}"${whereIs(parent)}: Proto field is not repeating, cannot start list.`,
    )
  }
  return readValue(field, given, at, context)
}

function readValue({ type }: Field, given: unknown, at: string, context: Context): unknown {
  if (typeof type === 'function') {
    const message = type()
    if (isObject(given)) return readMessage(message, given, at, context)
    return violate(context, at, `Invalid value at '${at}' (type.googleapis.com/${message.name}), ${shown(given)}`)
  }
  if (typeof type === 'object') {
    const named = typeof given === 'number' ? type.numbers?.[given] : given
    const wanted = typeof named === 'string' && type.ignoresCase ? named.toUpperCase() : named
    if (typeof wanted === 'string' && type.values.includes(wanted)) return wanted
    return violate(context, at, `Invalid value at '${at}' (type.googleapis.com/${type.name}), ${shown(given)}`)
  }
  const read = SCALARS[type](given)
  if (read !== undefined) return read
  const problem =
    type === 'bytes' && typeof given === 'string' ? `Base64 decoding failed for ${shown(given)}` : shown(given)
  return violate(context, at, `Invalid value at '${at}' (TYPE_${type.toUpperCase()}), ${problem}`)
}

const INT32 = 2 ** 31

const SCALARS: Record<Extract<Field['type'], string>, (given: unknown) => unknown> = {
  string: (given) => (typeof given === 'string' ? given : undefined),
  bytes: (given) => (typeof given === 'string' ? decodeBase64(given) : undefined),
  bool: (given) => (typeof given === 'boolean' ? given : undefined),
  int32: (given) => whole(given, INT32),
  int64: (given) => whole(given, Number.MAX_SAFE_INTEGER),
  float: number,
  value: (given) => given,
}

function number(given: unknown): number | undefined {
  // Numbers can be strings, because JavaScript numbers cannot hold 64 bits.
  const read = typeof given === 'string' && given.trim() !== '' ? Number(given) : given
  return typeof read === 'number' && Number.isFinite(read) ? read : undefined
}

function whole(given: unknown, bound: number): number | undefined {
  const read = number(given)
  return read !== undefined && Number.isInteger(read) && read >= -bound && read < bound ? read : undefined
}

function violate(context: Context, field: string, description: string): undefined {
  context.violations.push(field === '' ? { description } : { field, description })
}

function isObject(value: unknown): value is Shown {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isEmpty(value: unknown): boolean {
  return (Array.isArray(value) && value.length === 0) || value === '' || value === false
}
