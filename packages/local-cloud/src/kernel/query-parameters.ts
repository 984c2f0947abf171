import protobuf from 'protobufjs'
import { badRequest, type FieldViolation } from './bad-request.ts'
import { notEmulated } from './errors.ts'
import { fieldOf, nameOf } from './transcoding-read.ts'
import { WELL_KNOWN_TYPES } from './well-known-types.ts'

type Json = Record<string, unknown>

/** System parameters, which every API accepts (https://cloud.google.com/apis/docs/system-parameters). */
export interface SystemParameters {
  /** `alt=json;enum-encoding=int`: the response has enums as numbers. */
  areEnumsNumbers: boolean
  isPretty: boolean
}

/** Parameters without an effect here: keys, quotas, the name of an upload protocol, an old flag of error formats. */
const WITHOUT_EFFECT = new Set(['key', 'quotaUser', 'userProject', 'uploadType', 'upload_protocol', '.xgafv'])
/** Parameters that would change the response or the caller. */
const REFUSED = new Set(['fields', 'callback', 'access_token', 'oauth_token'])

/** Each can have a leading `$`. Throws GoogleError for one that is not emulated. */
export function readSystemParameters(query: URLSearchParams): { system: SystemParameters; rest: [string, string][] } {
  const system: SystemParameters = { areEnumsNumbers: false, isPretty: true }
  const rest: [string, string][] = []
  for (const [key, value] of query) {
    const name = key.startsWith('$') ? key.slice(1) : key
    if (name === 'alt') {
      const [format, encoding, ...more] = value.split(';')
      if (format !== 'json' || more.length > 0) throw notEmulated(`${key}=${value}`)
      if (encoding !== undefined && encoding !== 'enum-encoding=int') throw notEmulated(`${key}=${value}`)
      system.areEnumsNumbers = encoding !== undefined
    } else if (name === 'prettyPrint') {
      system.isPretty = value !== 'false' && value !== '0'
    } else if (REFUSED.has(name)) {
      throw notEmulated(`the query parameter ${key}`)
    } else if (!WITHOUT_EFFECT.has(name)) {
      rest.push([key, value])
    }
  }
  return { system, rest }
}

/**
 * Writes query parameters into the JSON of a request: `read_mask=name,state`, `queue.name=a`,
 * `names=a&names=b`. Throws GoogleError INVALID_ARGUMENT for fields that the message does not have.
 */
export function bindQuery(type: protobuf.Type, json: Json, parameters: readonly [string, string][]): void {
  const violations: FieldViolation[] = []
  for (const [key, value] of parameters) {
    if (!bindParameter(type, json, key.split('.'), value)) {
      const problem = `Cannot bind query parameter. Field '${key}' could not be found in request message.`
      violations.push({ description: `Invalid JSON payload received. Unknown name "${key}": ${problem}` })
    }
  }
  if (violations.length > 0) throw badRequest(violations)
}

function bindParameter(type: protobuf.Type, json: Json, [name = '', ...rest]: string[], value: string): boolean {
  const field = fieldOf(type, name)
  if (!field || field instanceof protobuf.MapField) return false
  const { resolvedType } = field
  if (resolvedType instanceof protobuf.Type && !WELL_KNOWN_TYPES[nameOf(resolvedType)]) {
    if (rest.length === 0 || field.repeated) return false
    return bindParameter(resolvedType, nested(json, field), rest, value)
  }
  if (rest.length > 0) return false
  const read = isBool(field) ? (TRUTHS[value] ?? value) : value
  if (field.repeated) {
    const list = json[field.name]
    if (Array.isArray(list)) list.push(read)
    else json[field.name] = [read]
  } else {
    json[field.name] = read
  }
  return true
}

const TRUTHS: Record<string, boolean> = { true: true, false: false }

function isBool({ type, resolvedType }: protobuf.Field): boolean {
  return type === 'bool' || (resolvedType !== null && nameOf(resolvedType) === 'google.protobuf.BoolValue')
}

/** Sets the fields that the path binds: `name`, `queue.name`. The path overrides the body. */
export function bindPath(type: protobuf.Type, json: Json, path: string, value: string): void {
  const [name = '', ...rest] = path.split('.')
  const field = fieldOf(type, name)
  if (!field) throw new Error(`${nameOf(type)} has no field ${name}`)
  if (rest.length === 0) setField(json, field, value)
  else bindPath(field.resolvedType as protobuf.Type, nested(json, field), rest.join('.'), value)
}

/** Returns the JSON of a message field; creates it when it is missing or not an object. */
function nested(json: Json, field: protobuf.Field): Json {
  const given = takeField(json, field)
  const inner = typeof given === 'object' && given !== null && !Array.isArray(given) ? (given as Json) : {}
  json[field.name] = inner
  return inner
}

function setField(json: Json, field: protobuf.Field, value: unknown): void {
  takeField(json, field)
  json[field.name] = value
}

/** Removes a field from the JSON under both of its names. */
function takeField(json: Json, field: protobuf.Field): unknown {
  let taken: unknown
  for (const key of Object.keys(json)) {
    if (fieldOf(field.parent as protobuf.Type, key) !== field) continue
    taken = json[key]
    delete json[key]
  }
  return taken
}
