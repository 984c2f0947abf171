import protobuf from 'protobufjs'
import { nameOf } from './transcoding-read.ts'
import { writeScalar } from './proto-scalars.ts'
import { WELL_KNOWN_TYPES } from './well-known-types.ts'

/** A decoded message. It has own properties only for fields that were on the wire. */
type Decoded = Record<string, unknown>

/**
 * Converts a decoded message to JSON as Google's frontend does: omits fields with their default, unless
 * the proto distinguishes absence from the default.
 *
 * @param areEnumsNumbers `$alt=json;enum-encoding=int`: https://google.aip.dev/127 clients ask for it
 */
export function writeMessage(type: protobuf.Type, message: object, areEnumsNumbers: boolean): unknown {
  const decoded = message as Decoded
  const wellKnown = WELL_KNOWN_TYPES[nameOf(type)]
  if (wellKnown) return wellKnown.write(decoded)
  if (nameOf(type) === 'google.protobuf.Any') return writeAny(type.root, decoded, areEnumsNumbers)
  const json: Decoded = {}
  for (const field of type.fieldsArray) {
    field.resolve()
    if (!Object.hasOwn(decoded, field.name)) continue
    const value = decoded[field.name]
    if (value === null || value === undefined) continue
    const write = (item: unknown): unknown => writeValue(field, item, areEnumsNumbers)
    if (field instanceof protobuf.MapField) {
      const entries = Object.entries(value)
      if (entries.length > 0) json[field.name] = Object.fromEntries(entries.map(([key, item]) => [key, write(item)]))
    } else if (Array.isArray(value)) {
      if (value.length > 0) json[field.name] = value.map(write)
    } else if (field.partOf || !isDefault(field, value)) {
      json[field.name] = write(value)
    }
  }
  return json
}

function writeValue({ resolvedType }: protobuf.Field, value: unknown, areEnumsNumbers: boolean): unknown {
  if (resolvedType instanceof protobuf.Type) return writeMessage(resolvedType, value as object, areEnumsNumbers)
  if (!(resolvedType instanceof protobuf.Enum)) return writeScalar(value)
  if (nameOf(resolvedType) === 'google.protobuf.NullValue') return null
  return areEnumsNumbers ? value : (resolvedType.valuesById[Number(value)] ?? value)
}

/**
 * `google.protobuf.Any` (https://protobuf.dev/programming-guides/json/#any). Types that are not in the protos cannot be
 * converted.
 */
function writeAny(root: protobuf.Root, { type_url: url, value }: Decoded, areEnumsNumbers: boolean): unknown {
  if (typeof url !== 'string' || url === '') return {}
  const type = root.lookupType(url.slice(url.lastIndexOf('/') + 1))
  const json = writeMessage(type, type.decode((value ?? new Uint8Array()) as Uint8Array), areEnumsNumbers)
  return WELL_KNOWN_TYPES[nameOf(type)] ? { '@type': url, value: json } : { '@type': url, ...(json as Decoded) }
}

function isDefault({ resolvedType }: protobuf.Field, value: unknown): boolean {
  if (resolvedType instanceof protobuf.Type) return false
  if (value instanceof Uint8Array) return value.byteLength === 0
  return value === '' || value === false || (typeof value !== 'string' && Number(value) === 0)
}
