import { shown } from './bad-request.ts'
import { readScalar, writeScalar, type Read } from './proto-scalars.ts'
import { camelCase, snakeCase } from './field-names.ts'

/** A message of google.protobuf with its own JSON format (https://protobuf.dev/programming-guides/json/). */
export interface WellKnownType {
  read(given: unknown): Read
  /** From a decoded message. */
  write(message: Record<string, unknown>): unknown
}

/** All except Any, whose format depends on other types. By full name. */
export const WELL_KNOWN_TYPES: Readonly<Record<string, WellKnownType>> = {
  'google.protobuf.Duration': { read: readDuration, write: writeDuration },
  'google.protobuf.Timestamp': { read: readTimestamp, write: writeTimestamp },
  'google.protobuf.FieldMask': {
    read: (given) =>
      typeof given === 'string' ? { value: { paths: given.split(',').filter(Boolean).map(snakeCase) } } : wrong(given),
    write: ({ paths }) => ((paths as string[] | undefined) ?? []).map(camelCase).join(','),
  },
  'google.protobuf.Value': { read: (given) => ({ value: valueMessage(given) }), write: valueJson },
  'google.protobuf.Struct': {
    read: (given) => (isObject(given) ? { value: structMessage(given) } : wrong(given)),
    write: structJson,
  },
  'google.protobuf.ListValue': {
    read: (given) => (Array.isArray(given) ? { value: { values: given.map(valueMessage) } } : wrong(given)),
    write: listJson,
  },
  ...wrapper('DoubleValue', 'double'),
  ...wrapper('FloatValue', 'float'),
  ...wrapper('Int64Value', 'int64'),
  ...wrapper('UInt64Value', 'uint64'),
  ...wrapper('Int32Value', 'int32'),
  ...wrapper('UInt32Value', 'uint32'),
  ...wrapper('BoolValue', 'bool'),
  ...wrapper('StringValue', 'string'),
  ...wrapper('BytesValue', 'bytes'),
}

const EMPTY_WRAPPERS: Record<string, unknown> = { bool: false, string: '', bytes: '', int64: '0', uint64: '0' }

function wrapper(name: string, scalar: string): Record<string, WellKnownType> {
  return {
    [`google.protobuf.${name}`]: {
      read(given) {
        const read = readScalar(scalar, given)
        return 'value' in read ? { value: { value: read.value } } : read
      },
      write: ({ value }) => (value === undefined ? (EMPTY_WRAPPERS[scalar] ?? 0) : writeScalar(value)),
    },
  }
}

function wrong(given: unknown): Read {
  return { problem: shown(given) }
}

const DURATION = /^(-?)(\d{1,12})(?:\.(\d{1,9}))?s$/
/** 10,000 years: google/protobuf/duration.proto. */
const LONGEST_DURATION_S = 315_576_000_000

function readDuration(given: unknown): Read {
  if (typeof given !== 'string') return wrong(given)
  if (!given.endsWith('s')) return { problem: "Illegal duration format; duration must end with 's'" }
  const [, sign, seconds = '', fraction = ''] = DURATION.exec(given) ?? []
  if (sign === undefined || Number(seconds) > LONGEST_DURATION_S) return { problem: 'Invalid duration format' }
  const factor = sign === '-' ? -1 : 1
  const whole = Number(seconds) * factor
  return { value: { seconds: String(whole === 0 ? 0 : whole), nanos: Number(fraction.padEnd(9, '0')) * factor } }
}

function writeDuration({ seconds, nanos }: Record<string, unknown>): string {
  const part = Number(nanos ?? 0)
  const whole = BigInt(String(seconds ?? 0))
  const sign = whole < 0n || part < 0 ? '-' : ''
  return `${sign}${whole < 0n ? -whole : whole}${fractionOf(Math.abs(part))}s`
}

const TIMESTAMP = /^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)$/i

function readTimestamp(given: unknown): Read {
  if (typeof given !== 'string') return wrong(given)
  const [, date, time, fraction = '', zone] = TIMESTAMP.exec(given) ?? []
  const ms = Date.parse(`${date}T${time}${zone?.toUpperCase()}`)
  const isDay = date !== undefined && new Date(`${date}T00:00:00Z`).toJSON()?.startsWith(date)
  if (!isDay || Number.isNaN(ms)) return { problem: 'Invalid time format: Failed to parse input' }
  return { value: { seconds: String(ms / 1_000), nanos: Number(fraction.padEnd(9, '0')) } }
}

function writeTimestamp({ seconds, nanos }: Record<string, unknown>): string {
  const moment = new Date(Number(String(seconds ?? 0)) * 1_000).toJSON()
  return `${moment.slice(0, 19)}${fractionOf(Number(nanos ?? 0))}Z`
}

/** Zero, three, six or nine digits, as few as needed. */
function fractionOf(nanos: number): string {
  if (nanos === 0) return ''
  return `.${String(nanos)
    .padStart(9, '0')
    .replace(/(?:000){1,2}$/, '')}`
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function structMessage(given: Record<string, unknown>): object {
  return { fields: Object.fromEntries(Object.entries(given).map(([key, value]) => [key, valueMessage(value)])) }
}

function valueMessage(given: unknown): object {
  if (typeof given === 'string') return { stringValue: given }
  if (typeof given === 'number') return { numberValue: given }
  if (typeof given === 'boolean') return { boolValue: given }
  if (Array.isArray(given)) return { listValue: { values: given.map(valueMessage) } }
  return isObject(given) ? { structValue: structMessage(given) } : { nullValue: 0 }
}

type Decoded = Record<string, unknown>

function structJson({ fields }: Decoded): object {
  const entries = Object.entries((fields ?? {}) as Record<string, Decoded>)
  return Object.fromEntries(entries.map(([key, value]) => [key, valueJson(value)]))
}

function listJson({ values }: Decoded): unknown[] {
  return ((values ?? []) as Decoded[]).map(valueJson)
}

/** Reads a decoded message, which has own properties only for set fields. */
function valueJson(message: Decoded): unknown {
  const [kind] = Object.keys(message)
  if (kind === undefined || kind === 'nullValue') return null
  const value = message[kind]
  if (kind === 'structValue') return structJson(value as Decoded)
  return kind === 'listValue' ? listJson(value as Decoded) : writeScalar(value)
}
