import type { LocationKind } from '../../run-data/sql/snapshot.ts'
import type { SourceField } from './source-field.ts'
import { axisIndexes, coordinateIndexes, rivalPairs } from './location-headers.ts'
import { LOCATION, locationGuess, pointRank } from './location-value.ts'

/** Where a table has its locations, and a sentence about a guess. */
export interface LocationColumns {
  location: LocationKind
  guess: string | undefined
}

/** The location's column, which every file with a location gets. */
export const LOCATION_FIELD: SourceField = {
  name: LOCATION,
  type: 'RECORD',
  fields: [
    { name: 'latitude', type: 'FLOAT' },
    { name: 'longitude', type: 'FLOAT' },
  ],
}

const NUMBERS = new Set(['FLOAT', 'FLOAT64', 'NUMERIC', 'BIGNUMERIC', 'INTEGER', 'INT64'])
const isStruct = ({ type, mode }: SourceField): boolean =>
  mode !== 'REPEATED' && (type === 'RECORD' || type === 'STRUCT')

/** Finds the columns of a table with a location: by their names and types, because nothing of it is read. */
export function locationColumns(fields: readonly SourceField[]): LocationColumns {
  const candidates = fields
    .flatMap((field) => {
      const rank = pointRank(field.header ?? field.name ?? '')
      const location = rank === undefined && !isPlace(field) ? undefined : pointKind(field)
      return location === undefined ? [] : [{ rank: rank ?? Infinity, field, location, isUnsure: isUnsure(location) }]
    })
    .toSorted((one, other) => Number(one.isUnsure) - Number(other.isUnsure) || one.rank - other.rank)
  // Of several columns whose names do not say that they are the location, none is.
  const isRival = candidates.filter(({ rank }) => rank === Infinity).length > 1
  const [found] = isRival ? candidates.filter(({ rank }) => rank < Infinity) : candidates
  const pair = pairOf(fields)
  // Two columns of coordinates are sure, and another name than that of a location says less than theirs.
  if (found && !(pair && (found.isUnsure || found.rank === Infinity)))
    return { location: found.location, guess: locationGuess([shown(found.field)]) }
  if (!pair) return { location: 'absent', guess: undefined }
  const location = { kind: 'columns', latitude: pair.latitude.name!, longitude: pair.longitude.name! } as const
  return { location, guess: locationGuess([shown(pair.latitude), shown(pair.longitude)]) }
}

/** Text can be an address, and of shapes some can be no points. */
const isUnsure = (location: LocationKind): boolean =>
  typeof location === 'object' && ['text', 'wkb'].includes(location.kind)

/** Whether a column has places by its type, whatever its name is. */
function isPlace(field: SourceField): boolean {
  if (field.shapes || (field.type === 'GEOGRAPHY' && field.mode !== 'REPEATED')) return true
  return isStruct(field) && pairOf(field.fields ?? []) !== undefined
}

/** Columns that may have the location, though nothing says so. */
export type UnplacedColumns =
  | { rivals: readonly (readonly string[])[] }
  | { x: SourceField; y: SourceField; hasHalves: boolean }

/** Finds columns that may have the location, if none is used as the location. */
export function unplacedColumns(fields: readonly SourceField[]): UnplacedColumns | undefined {
  const single = singleValues(fields)
  const headers = single.map(shown)
  const rivals = [
    ...fields.filter(isPlace).map((field) => [shown(field)]),
    ...rivalPairs(headers).map(({ latitude, longitude }) => [headers[latitude]!, headers[longitude]!]),
  ]
  if (rivals.length > 1) return { rivals }
  const withHalves = coordinateIndexes(headers)
  const found = withHalves ?? axisIndexes(headers)
  const [y, x] = found ? [single[found.latitude]!, single[found.longitude]!] : []
  // Whole numbers are pixels.
  if (!x || !y || (!withHalves && [x, y].some(({ type }) => type === 'INTEGER' || type === 'INT64'))) return undefined
  return { x, y, hasHalves: withHalves !== undefined }
}

/**
 * Returns the column that should have the location, and has a type that cannot. Text can be an address and a struct have
 * its parts, which are columns like others; a list of them is neither. Other programs write the points of a geometry as bytes.
 *
 * @param others columns that are used for something else
 */
export function unusableLocation(
  fields: readonly SourceField[],
  others: readonly (string | null)[],
): SourceField | undefined {
  return fields.find((field) => {
    const rank = pointRank(shown(field))
    const isOther = field.mode !== 'REPEATED' && (field.type === 'STRING' || isStruct(field))
    if (others.includes(field.name ?? null)) return false
    if (field.shapes) return true
    return rank !== undefined && !isOther && (rank === 0 || field.type === 'BYTES')
  })
}

const shown = ({ header, name = '' }: SourceField): string => header ?? name

function singleValues(fields: readonly SourceField[]): SourceField[] {
  return fields.filter(({ mode, type }) => mode !== 'REPEATED' && (type === 'STRING' || NUMBERS.has(type ?? '')))
}

/** A pair whose signs are in other columns is none here: the snapshot reads numbers. */
function pairOf(fields: readonly SourceField[]): { latitude: SourceField; longitude: SourceField } | undefined {
  const single = singleValues(fields)
  const indexes = coordinateIndexes(single.map(shown))
  if (!indexes || indexes.halves) return undefined
  return { latitude: single[indexes.latitude]!, longitude: single[indexes.longitude]! }
}

function pointKind(field: SourceField): LocationKind | undefined {
  const { name: column = '', type, mode, fields: members = [], shapes } = field
  if (shapes) {
    if (shapes.fault !== undefined) return undefined
    return shapes.encoding === 'wkb'
      ? { kind: 'wkb', column }
      : { kind: 'struct', column, latitude: 'y', longitude: 'x' }
  }
  const isUsual = column.toLowerCase() === LOCATION
  if (mode === 'REPEATED')
    return NUMBERS.has(type ?? '') && column.toLowerCase() === 'coordinates' ? { kind: 'array', column } : undefined
  if (type === 'GEOGRAPHY') return isUsual ? 'geography' : { kind: 'geography', column }
  if (type === 'STRING') return { kind: 'text', column }
  if (type === 'JSON') return { kind: 'json', column }
  if (!isStruct(field)) return undefined
  const pair = pairOf(members)
  if (pair) {
    const [latitude, longitude] = [pair.latitude.name!, pair.longitude.name!]
    const names = [column, latitude, longitude].map((name) => name.toLowerCase()).join()
    return names === 'location,latitude,longitude' ? 'struct' : { kind: 'struct', column, latitude, longitude }
  }
  const list = members.find(({ name }) => name?.toLowerCase() === 'coordinates')
  const isPoint = list?.mode === 'REPEATED' && NUMBERS.has(list.type ?? '')
  return isPoint ? { kind: 'array', column: `${column}.${list.name}` } : undefined
}
