import { GoogleError, notEmulated } from '../../kernel/errors.ts'
import { checkLabels, readLocation } from './names.ts'

const STORAGE_CLASSES = new Set(['STANDARD', 'NEARLINE', 'COLDLINE', 'ARCHIVE', 'MULTI_REGIONAL', 'REGIONAL'])

/** Stored and returned; none of them has an effect on the objects in the local cloud. */
const RECORDED = new Set([
  'labels',
  'lifecycle',
  'iamConfiguration',
  'storageClass',
  'cors',
  'softDeletePolicy',
  'logging',
  'website',
])

/** Fields that the server sets. Clients that read a bucket, change it and write it back send them too. */
const SET_BY_SERVER = new Set([
  'kind',
  'id',
  'name',
  'selfLink',
  'projectNumber',
  'metageneration',
  'generation',
  'etag',
  'timeCreated',
  'updated',
  'location',
  'locationType',
  'rpo',
])

/** The stored fields from the body of an insert. Throws INVALID_ARGUMENT, or UNIMPLEMENTED for features that are not emulated. */
export function newBucketFields(body: Record<string, unknown>): Record<string, unknown> {
  const { location, locationType } = readLocation(body['location'] ?? 'US')
  const fields: Record<string, unknown> = {
    location,
    locationType,
    storageClass: 'STANDARD',
    iamConfiguration: iamConfiguration(undefined),
  }
  return changedBucketFields(fields, body)
}

/** The fields after a patch: `null` removes, objects are merged (https://cloud.google.com/storage/docs/json_api#patch). */
export function changedBucketFields(
  fields: Record<string, unknown>,
  body: Record<string, unknown>,
): Record<string, unknown> {
  const changed = { ...fields }
  for (const [name, value] of Object.entries(body)) {
    if (SET_BY_SERVER.has(name) || isOff(value)) continue
    if (!RECORDED.has(name)) throw notEmulated(`storage bucket field ${name}`)
    if (value === null) delete changed[name]
    else changed[name] = name === 'labels' ? merged(changed[name], value) : value
  }
  checkLabels((changed['labels'] ?? {}) as Record<string, unknown>)
  const storageClass = changed['storageClass'] ?? 'STANDARD'
  if (typeof storageClass !== 'string' || !STORAGE_CLASSES.has(storageClass)) {
    throw new GoogleError('INVALID_ARGUMENT', `Invalid storage class: ${JSON.stringify(storageClass)}`, {
      reason: 'invalid',
    })
  }
  changed['iamConfiguration'] = iamConfiguration(changed['iamConfiguration'])
  return changed
}

/** `{enabled: false}` is the state of every bucket here. */
function isOff(value: unknown): boolean {
  return (
    typeof value === 'object' &&
    value !== null &&
    Object.keys(value).join() === 'enabled' &&
    !(value as { enabled: unknown }).enabled
  )
}

function merged(current: unknown, patch: unknown): Record<string, unknown> {
  const both = {
    ...(current as Record<string, unknown> | undefined),
    ...(patch as Record<string, unknown>),
  }
  return Object.fromEntries(Object.entries(both).filter(([, value]) => value !== null))
}

interface IamConfiguration {
  uniformBucketLevelAccess?: { enabled?: boolean }
  bucketPolicyOnly?: { enabled?: boolean }
  publicAccessPrevention?: string
}

/** `bucketPolicyOnly` is the older name of `uniformBucketLevelAccess` and always has the same value. */
function iamConfiguration(value: unknown): object {
  const given = (value ?? {}) as IamConfiguration
  const isUniform = given.uniformBucketLevelAccess?.enabled ?? given.bucketPolicyOnly?.enabled ?? false
  return {
    ...given,
    bucketPolicyOnly: { enabled: isUniform },
    uniformBucketLevelAccess: { enabled: isUniform },
    publicAccessPrevention: given.publicAccessPrevention ?? 'inherited',
  }
}
