import { GoogleError, notEmulated } from '../../kernel/errors.ts'
import { MAX_CUSTOM_METADATA_BYTES } from './limits.ts'
import type { ObjectFields } from './metadata-store.ts'

const TEXT_FIELDS = [
  'contentType',
  'contentEncoding',
  'contentDisposition',
  'contentLanguage',
  'cacheControl',
  'customTime',
  'storageClass',
] as const

/** Features that would change the object or its readers: refused, never ignored. */
const NOT_EMULATED = ['acl', 'retention', 'eventBasedHold', 'temporaryHold', 'kmsKeyName', 'contexts'] as const

/** The stored fields from the body of an insert. */
export function newObjectFields(body: Record<string, unknown>): ObjectFields {
  return changedObjectFields({}, body)
}

/**
 * The fields after a patch: `null` removes, `metadata` is merged key by key
 * (https://cloud.google.com/storage/docs/json_api/v1/objects/patch).
 */
export function changedObjectFields(fields: ObjectFields, body: Record<string, unknown>): ObjectFields {
  for (const name of NOT_EMULATED) {
    // null, false and [] have no effect.
    const value = body[name]
    if (value && !(Array.isArray(value) && value.length === 0)) throw notEmulated(`storage object field ${name}`)
  }
  const changed: ObjectFields = { ...fields }
  for (const name of TEXT_FIELDS) {
    const value = body[name]
    if (value === null) delete changed[name]
    else if (typeof value === 'string') changed[name] = value
    else if (value !== undefined)
      throw new GoogleError('INVALID_ARGUMENT', `Invalid value for ${name}`, { reason: 'invalid' })
  }
  const metadata = changedMetadata(fields.metadata, body['metadata'])
  if (metadata) changed.metadata = metadata
  else delete changed.metadata
  return changed
}

function changedMetadata(
  current: Record<string, string> | undefined,
  patch: unknown,
): Record<string, string> | undefined {
  if (patch === undefined) return current
  if (patch === null) return undefined
  const both = Object.entries({ ...current, ...(patch as Record<string, unknown>) }).filter(
    ([, value]) => value !== null,
  )
  // The JSON API converts numbers and booleans to strings.
  const kept = Object.fromEntries(both.map(([key, value]) => [key, String(value)]))
  const size = Object.entries(kept).reduce(
    (sum, [key, value]) => sum + Buffer.byteLength(key) + Buffer.byteLength(value),
    0,
  )
  if (size > MAX_CUSTOM_METADATA_BYTES) {
    throw new GoogleError('INVALID_ARGUMENT', `Custom metadata exceeds ${MAX_CUSTOM_METADATA_BYTES} bytes`, {
      reason: 'invalid',
    })
  }
  return Object.keys(kept).length > 0 ? kept : undefined
}
