import type { LocationKind } from '../../run-data/sql/snapshot.ts'
import type { SourceField } from './source-field.ts'
import { coordinateIndex, LOCATION, locationGuess, pointRank } from './location-value.ts'

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
      const rank = pointRank(field.header ?? field.name ?? '') ?? (field.shapes ? Infinity : undefined)
      const location = rank === undefined ? undefined : pointKind(field)
      return location === undefined ? [] : [{ rank: rank!, field, location }]
    })
    .toSorted((one, other) => one.rank - other.rank)
  const [found] = candidates
  const pair = pairOf(fields)
  // Text can be an address, and of shapes some can be no points; two columns of coordinates cannot.
  const isUnsure = typeof found?.location === 'object' && ['text', 'wkb'].includes(found.location.kind)
  if (found && !(isUnsure && pair)) return { location: found.location, guess: locationGuess([shown(found.field)]) }
  if (!pair) return { location: 'absent', guess: undefined }
  const location = { kind: 'columns', latitude: pair.latitude.name!, longitude: pair.longitude.name! } as const
  return { location, guess: locationGuess([shown(pair.latitude), shown(pair.longitude)]) }
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

function pairOf(fields: readonly SourceField[]): { latitude: SourceField; longitude: SourceField } | undefined {
  const single = fields.filter(
    ({ mode, type }) => mode !== 'REPEATED' && (type === 'STRING' || NUMBERS.has(type ?? '')),
  )
  const headers = single.map(shown)
  const [latitude, longitude] = (['latitude', 'longitude'] as const).map(
    (wanted) => single[coordinateIndex(headers, wanted)],
  )
  return latitude && longitude && { latitude, longitude }
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
