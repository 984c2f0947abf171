import { GoogleError } from '../../kernel/errors.ts'

/** https://cloud.google.com/storage/docs/request-preconditions */
export interface Preconditions {
  generationMatch?: number
  generationNotMatch?: number
  metagenerationMatch?: number
  metagenerationNotMatch?: number
}

interface Versioned {
  generation?: number
  metageneration: number
}

/** Reads `ifGenerationMatch` and similar parameters; with `prefix` `Source`, `ifSourceGenerationMatch`. Throws INVALID_ARGUMENT for a value that is not a number. */
export function readPreconditions(
  query: (name: string) => string | undefined,
  prefix: '' | 'Source' = '',
): Preconditions {
  const read = (name: string): number | undefined => readGeneration(query, `if${prefix}${name}`)
  const found: Preconditions = {}
  const generationMatch = read('GenerationMatch')
  const generationNotMatch = read('GenerationNotMatch')
  const metagenerationMatch = read('MetagenerationMatch')
  const metagenerationNotMatch = read('MetagenerationNotMatch')
  if (generationMatch !== undefined) found.generationMatch = generationMatch
  if (generationNotMatch !== undefined) found.generationNotMatch = generationNotMatch
  if (metagenerationMatch !== undefined) found.metagenerationMatch = metagenerationMatch
  if (metagenerationNotMatch !== undefined) found.metagenerationNotMatch = metagenerationNotMatch
  return found
}

/** A generation number in the query. Throws INVALID_ARGUMENT for a value that is not a number. */
export function readGeneration(query: (name: string) => string | undefined, name: string): number | undefined {
  const value = query(name)
  if (value === undefined || value === '') return undefined
  if (!/^\d{1,16}$/.test(value))
    throw new GoogleError('INVALID_ARGUMENT', `Invalid value for ${name}: ${value}`, {
      reason: 'invalid',
    })
  return Number(value)
}

/**
 * Throws 412 conditionNotMet unless all hold. A missing object counts as generation 0.
 * For reads, a failed `NotMatch` means that the caller has the current version: 304.
 */
export function checkPreconditions(conditions: Preconditions, current: Versioned | undefined, isRead = false): void {
  const generation = current?.generation ?? 0
  const metageneration = current?.metageneration ?? 0
  if (conditions.generationMatch !== undefined && conditions.generationMatch !== generation)
    throw notMet('ifGenerationMatch')
  if (conditions.metagenerationMatch !== undefined && conditions.metagenerationMatch !== metageneration) {
    throw notMet('ifMetagenerationMatch')
  }
  if (conditions.generationNotMatch !== undefined && conditions.generationNotMatch === generation) {
    throw isRead ? notModified() : notMet('ifGenerationNotMatch')
  }
  if (conditions.metagenerationNotMatch !== undefined && conditions.metagenerationNotMatch === metageneration) {
    throw isRead ? notModified() : notMet('ifMetagenerationNotMatch')
  }
}

function notMet(location: string): GoogleError {
  return new GoogleError('FAILED_PRECONDITION', 'At least one of the pre-conditions you specified did not hold.', {
    reason: 'conditionNotMet',
    http: 412,
    location,
  })
}

function notModified(): GoogleError {
  return new GoogleError('FAILED_PRECONDITION', 'Not Modified', {
    reason: 'notModified',
    http: 304,
  })
}
