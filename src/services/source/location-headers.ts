import type { Coordinate } from './degrees-text.ts'

const COORDINATES = ['latitude', 'longitude'] as const

/** Words that name a coordinate in degrees. The first ones are also the names of members of a struct. */
const WORDS: Record<Coordinate, ReadonlySet<string>> = {
  latitude: new Set('latitude lat latitud latitudine breitengrad breedtegraad широта 纬度 緯度'.split(' ')),
  longitude: new Set(
    'longitude lng lon long longitud longitudine längengrad laengengrad lengtegraad долгота 经度 經度 経度'.split(' '),
  ),
}

/** Words for the axes of a map, which often has meters. GIS programs use them for degrees too. */
const AXES: Record<Coordinate, ReadonlySet<string>> = {
  latitude: new Set('y ycoord northing hochwert'.split(' ')),
  longitude: new Set('x xcoord easting rechtswert'.split(' ')),
}

/** Words that say that a column has something about a coordinate, and not the coordinate. */
const ABOUT = new Set('ref err error accuracy precision std sigma offset delta diff min max'.split(' '))

/** Sizes: beside them, x and y are the corner of a box in an image. */
const SIZES = new Set('w h width height bbox xmin xmax ymin ymax'.split(' '))

/** Where a latitude and a longitude are among headers. */
export interface CoordinateIndexes {
  latitude: number
  longitude: number
  /** Where a column of its own tells north from south, or east from west. */
  halves?: Partial<Record<Coordinate, number>>
}

/** Whether a header names a latitude or a longitude. */
function coordinateOf(header: string): Coordinate | undefined {
  const name = header.trim().toLowerCase().normalize('NFC')
  return COORDINATES.find((coordinate) => WORDS[coordinate].has(name))
}

/** What devices and programs write before the name of a coordinate: GPSLatitude, MAPLatitude, _gps_latitude, @lat. */
const PREFIXED = /^(?:gps|map|image|photo|camera|wgs84)?[^a-z]*(lat|latitude|lng|lon|long|longitude)$/

/** EXIF has sizes, and the half of the Earth in another column. */
const HALF = { latitude: /latitude_?ref$/i, longitude: /longitude_?ref$/i }

/**
 * Returns where a latitude and a longitude are among the headers: under their own names, else with a prefix, else in the
 * only two columns whose names differ in nothing else, such as `pole_lat` and `pole_lon`.
 */
export function coordinateIndexes(headers: readonly string[]): CoordinateIndexes | undefined {
  const [latitude = -1, longitude = -1] = COORDINATES.map((wanted) => coordinateIndex(headers, wanted))
  const pairs = pairsOf(headers, WORDS)
  const found = latitude >= 0 && longitude >= 0 ? { latitude, longitude } : pairs.length === 1 ? pairs[0] : undefined
  if (!found) return undefined
  const halves = Object.fromEntries(
    COORDINATES.map((coordinate) => [
      coordinate,
      headers.findIndex((header) => HALF[coordinate].test(header.trim())),
    ]).filter(([, index]) => (index as number) >= 0),
  ) as Partial<Record<Coordinate, number>>
  return Object.keys(halves).length > 0 ? { ...found, halves } : found
}

function coordinateIndex(headers: readonly string[], wanted: Coordinate): number {
  const own = headers.findIndex((header) => coordinateOf(header) === wanted)
  if (own >= 0) return own
  return headers.findIndex((header) => {
    const name = PREFIXED.exec(
      header
        .trim()
        .toLowerCase()
        .replace(/^[^a-z]+/, ''),
    )?.[1]
    return name !== undefined && coordinateOf(name) === wanted
  })
}

/** Two or more pairs of columns that could be the location. */
export function rivalPairs(headers: readonly string[]): readonly CoordinateIndexes[] {
  const pairs = pairsOf(headers, WORDS)
  return coordinateIndexes(headers) === undefined && pairs.length > 1 ? pairs : []
}

/** Two columns with the axes of a map, which can be degrees or meters. */
export function axisIndexes(headers: readonly string[]): CoordinateIndexes | undefined {
  if (headers.some((header) => wordsOf(header).some((word) => SIZES.has(word)))) return undefined
  return pairsOf(headers, AXES)[0]
}

/** Pairs of headers that differ only in the word for the coordinate. */
function pairsOf(headers: readonly string[], words: Record<Coordinate, ReadonlySet<string>>): CoordinateIndexes[] {
  const byRest = new Map<string, Partial<Record<Coordinate, number>>>()
  for (const [index, header] of headers.entries()) {
    const parts = wordsOf(header)
    if (parts.some((part) => ABOUT.has(part))) continue
    for (const coordinate of COORDINATES) {
      const at = parts.findIndex((part) => words[coordinate].has(part))
      if (at < 0) continue
      const rest = parts.toSpliced(at, 1).join(' ')
      const pair = byRest.get(rest) ?? {}
      pair[coordinate] ??= index
      byRest.set(rest, pair)
    }
  }
  return [...byRest.values()].flatMap(({ latitude, longitude }) =>
    latitude === undefined || longitude === undefined ? [] : [{ latitude, longitude }],
  )
}

/** The words of a header: decimalLatitude, POINT_X, "Latitude (deg)". */
function wordsOf(header: string): string[] {
  return header
    .normalize('NFC')
    .replaceAll(/(\p{Ll})(\p{Lu})|(\p{Lu})(\p{Lu}\p{Ll})/gu, '$1$3 $2$4')
    .toLowerCase()
    .split(/[^\p{L}\p{N}]+/u)
    .filter((word) => word !== '')
}
