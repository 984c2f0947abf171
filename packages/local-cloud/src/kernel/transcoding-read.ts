import protobuf from 'protobufjs'
import { shown, whereIs, type FieldViolation } from './bad-request.ts'
import { readScalar, type Read } from './proto-scalars.ts'
import { WELL_KNOWN_TYPES } from './well-known-types.ts'
import { snakeCase } from './field-names.ts'

type Json = Record<string, unknown>

/** The full name of a type, without protobufjs's leading dot. */
export function nameOf(type: protobuf.Type | protobuf.Enum): string {
  return type.fullName.slice(1)
}

/** Returns a field by its JSON name or its proto name. protobufjs stores the JSON names. */
export function fieldOf(type: protobuf.Type, name: string): protobuf.Field | undefined {
  const found = type.fields[name] ?? type.fields[name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())]
  return found?.resolve()
}

/**
 * The JSON form of a message (https://protobuf.dev/programming-guides/json/), read as strictly as
 * Google's frontend reads it, to the form that protobufjs encodes. Adds faults to `violations`.
 */
export function readMessage(type: protobuf.Type, json: unknown, at: string, violations: FieldViolation[]): unknown {
  const wellKnown = WELL_KNOWN_TYPES[nameOf(type)]
  if (wellKnown) return accept(wellKnown.read(json), `type.googleapis.com/${nameOf(type)}`, at, violations)
  if (nameOf(type) === 'google.protobuf.Any') return readAny(type.root, json, at, violations)
  if (!isObject(json)) {
    if (at === '') return violate(violations, at, unknownName('', at, 'Root element must be a message.'))
    return violate(violations, at, `Invalid value at '${at}' (type.googleapis.com/${nameOf(type)}), ${shown(json)}`)
  }
  const message: Json = {}
  const chosen = new Set<protobuf.OneOf>()
  for (const [name, given] of Object.entries(json)) {
    const field = fieldOf(type, name)
    if (!field) {
      violate(violations, at, unknownName(name, at, 'Cannot find field.'))
      continue
    }
    if (given === null && !isValue(field)) continue
    const choice = field.partOf
    if (choice && chosen.has(choice)) {
      const problem = `oneof field '${snakeCase(choice.name)}' is already set. Cannot set '${field.name}'`
      violate(violations, at, `Invalid value at '${at}' (oneof), ${problem}`)
    }
    if (choice) chosen.add(choice)
    const value = readField(field, given, join(at, field.name), violations)
    if (value !== undefined) message[field.name] = value
  }
  return message
}

function readField(field: protobuf.Field, given: unknown, at: string, violations: FieldViolation[]): unknown {
  if (field instanceof protobuf.MapField) {
    if (!isObject(given)) return violate(violations, at, `Invalid value at '${at}' (Map), ${shown(given)}`)
    const entries = Object.entries(given).map(
      ([key, value], index) => [key, readValue(field, value, `${at}[${index}].value`, violations)] as const,
    )
    return Object.fromEntries(entries)
  }
  if (field.repeated) {
    // A single value is accepted as a list of one, as in Google's own samples.
    if (!Array.isArray(given)) return [readValue(field, given, at, violations)]
    return given.map((item, index) => readValue(field, item, `${at}[${index}]`, violations))
  }
  if (Array.isArray(given) && !takesLists(field)) {
    const parent = at.slice(0, Math.max(0, at.lastIndexOf('.')))
    const problem = 'Proto field is not repeating, cannot start list.'
    return violate(violations, parent, unknownName(field.name, parent, problem))
  }
  return readValue(field, given, at, violations)
}

function readValue(field: protobuf.Field, given: unknown, at: string, violations: FieldViolation[]): unknown {
  const { resolvedType } = field
  if (resolvedType instanceof protobuf.Type) return readMessage(resolvedType, given, at, violations)
  if (resolvedType instanceof protobuf.Enum) {
    const label = `type.googleapis.com/${nameOf(resolvedType)}`
    return accept(readEnum(resolvedType, given), label, at, violations)
  }
  return accept(readScalar(field.type, given), `TYPE_${field.type.toUpperCase()}`, at, violations)
}

function readEnum(type: protobuf.Enum, given: unknown): Read {
  if (given === null && nameOf(type) === 'google.protobuf.NullValue') return { value: 0 }
  if (typeof given === 'string' && type.values[given] !== undefined) return { value: type.values[given] }
  const number = readScalar('int32', given)
  return 'value' in number ? number : { problem: shown(given) }
}

/** `{"@type": "type.googleapis.com/NAME", ...}`; a well-known type inside is under `value`. */
function readAny(root: protobuf.Root, json: unknown, at: string, violations: FieldViolation[]): unknown {
  if (isObject(json) && Object.keys(json).length === 0) return {}
  const { '@type': url, ...rest } = isObject(json) ? json : {}
  const type = typeof url === 'string' ? root.lookup(url.slice(url.lastIndexOf('/') + 1)) : null
  if (!(type instanceof protobuf.Type)) {
    return violate(violations, at, `Invalid value at '${at}' (type.googleapis.com/google.protobuf.Any), ${shown(json)}`)
  }
  const inner = readMessage(type, WELL_KNOWN_TYPES[nameOf(type)] ? rest['value'] : rest, at, violations)
  if (!isObject(inner)) return undefined
  return { type_url: url, value: type.encode(type.fromObject(inner)).finish() }
}

function accept(read: Read, label: string, at: string, violations: FieldViolation[]): unknown {
  if ('value' in read) return read.value
  return violate(violations, at, `Invalid value at '${at}' (${label}), ${read.problem}`)
}

function violate(violations: FieldViolation[], field: string, description: string): undefined {
  violations.push(field === '' ? { description } : { field, description })
}

function unknownName(name: string, at: string, problem: string): string {
  return `Invalid JSON payload received. Unknown name "${name}"${whereIs(at)}: ${problem}`
}

function isValue({ resolvedType }: protobuf.Field): boolean {
  return resolvedType instanceof protobuf.Type && nameOf(resolvedType) === 'google.protobuf.Value'
}

function takesLists({ resolvedType }: protobuf.Field): boolean {
  if (!(resolvedType instanceof protobuf.Type)) return false
  return ['google.protobuf.Value', 'google.protobuf.ListValue'].includes(nameOf(resolvedType))
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function join(at: string, name: string): string {
  return at === '' ? snakeCase(name) : `${at}.${snakeCase(name)}`
}
