import { GoogleError } from '../../kernel/errors.ts'
import { MAX_LABEL_CHARACTERS, MAX_LABELS, MAX_OBJECT_NAME_BYTES } from './limits.ts'

const BUCKET_CHARACTERS = /^[a-z0-9][a-z0-9._-]*[a-z0-9]$/
const IP_ADDRESS = /^\d{1,3}(\.\d{1,3}){3}$/
const LABEL_KEY = /^[\p{Ll}\p{Lo}][\p{Ll}\p{Lo}\p{N}_-]*$/u
const LABEL_VALUE = /^[\p{Ll}\p{Lo}\p{N}_-]*$/u

/** Multi-regions; any other location must look like a region or a predefined dual-region (https://cloud.google.com/storage/docs/locations). */
const MULTI_REGIONS = new Set(['US', 'EU', 'ASIA'])
const DUAL_REGIONS = new Set(['NAM4', 'EUR4', 'EUR5', 'EUR7', 'EUR8', 'ASIA1'])
const REGION = /^[A-Z]+-[A-Z]+\d+$/

/** Throws INVALID_ARGUMENT unless the name obeys https://cloud.google.com/storage/docs/buckets#naming. */
export function checkBucketName(name: string): void {
  const parts = name.split('.')
  const isLengthRight = name.length >= 3 && (parts.length === 1 ? name.length <= 63 : name.length <= 222)
  const isValid =
    isLengthRight &&
    BUCKET_CHARACTERS.test(name) &&
    parts.every((part) => part.length > 0 && part.length <= 63) &&
    !IP_ADDRESS.test(name) &&
    !name.startsWith('goog') &&
    !/g[o0]{2}gle/.test(name)
  if (!isValid)
    throw new GoogleError('INVALID_ARGUMENT', `Invalid bucket name: '${name}'`, {
      reason: 'invalid',
    })
}

/** Throws INVALID_ARGUMENT unless the name obeys https://cloud.google.com/storage/docs/objects#naming. */
export function checkObjectName(name: string): void {
  if (name === '') throw new GoogleError('INVALID_ARGUMENT', 'Required parameter: name', { reason: 'required' })
  const isValid =
    Buffer.byteLength(name) <= MAX_OBJECT_NAME_BYTES &&
    !/[\r\n]/.test(name) &&
    name.isWellFormed() &&
    name !== '.' &&
    name !== '..' &&
    !name.startsWith('.well-known/acme-challenge/')
  if (!isValid)
    throw new GoogleError('INVALID_ARGUMENT', `Disallowed object name: ${JSON.stringify(name)}`, {
      reason: 'invalid',
    })
}

/** The location in Google's spelling, and its type. Throws INVALID_ARGUMENT for an invalid location. */
export function readLocation(location: unknown): { location: string; locationType: string } {
  const upper = typeof location === 'string' ? location.toUpperCase() : ''
  if (MULTI_REGIONS.has(upper)) return { location: upper, locationType: 'multi-region' }
  if (DUAL_REGIONS.has(upper)) return { location: upper, locationType: 'dual-region' }
  if (REGION.test(upper)) return { location: upper, locationType: 'region' }
  throw new GoogleError('INVALID_ARGUMENT', 'The specified location constraint is not valid.', {
    reason: 'invalid',
  })
}

/** Throws INVALID_ARGUMENT unless labels obey https://cloud.google.com/storage/docs/tags-and-labels#bucket-labels. */
export function checkLabels(labels: Record<string, unknown>): void {
  const entries = Object.entries(labels)
  const isValid =
    entries.length <= MAX_LABELS &&
    entries.every(
      ([key, value]) =>
        typeof value === 'string' &&
        key.length <= MAX_LABEL_CHARACTERS &&
        value.length <= MAX_LABEL_CHARACTERS &&
        LABEL_KEY.test(key) &&
        LABEL_VALUE.test(value),
    )
  if (!isValid) throw new GoogleError('INVALID_ARGUMENT', 'Invalid value for labels', { reason: 'invalid' })
}
