import { ExactNumber } from './exact-json.ts'

/** Degrees in WGS 84. */
export interface Point {
  latitude: number
  longitude: number
}

const LATITUDE = ['latitude', 'lat']
const LONGITUDE = ['longitude', 'lng', 'lon', 'long']

/** The column of Street View Insights. */
export const LOCATION = 'location'

/** Other names of columns with points, to try if there is no `location` with points. Their use is reported. */
const POINT_NAMES =
  'coordinates coordinate geom geometry the_geom geog geography geo geojson wkt point position gps latlng latlon'.split(
    ' ',
  )

/** WKT, which writes the longitude first (https://cloud.google.com/bigquery/docs/reference/standard-sql/geography_functions#st_geogfromtext). */
const WKT = /^(?:srid=4326;)?\s*point\s*(?:z\s*)?\(\s*(\S+?)\s+([^\s)]+)(?:\s+[^\s)]+)?\s*\)$/i
const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/

/**
 * Reads a point: an object with a latitude and a longitude, a GeoJSON point, either as JSON text, or WKT. Returns undefined for what has no
 * value (null, empty text, no latitude and no longitude), and null for what cannot be read or is not on Earth.
 */
export function readPoint(value: unknown): Point | null | undefined {
  if (value === null || value === undefined || value === '') return undefined
  if (typeof value === 'string') {
    const wkt = WKT.exec(value.trim())
    if (wkt) return point(wkt[2], wkt[1])
    const object = objectOf(value)
    return object ? readPoint(object) : null
  }
  // GeoJSON has the longitude first (https://www.rfc-editor.org/rfc/rfc7946#section-3.1.1).
  if (Array.isArray(value)) return value.length === 0 ? undefined : point(value[1], value[0])
  if (typeof value !== 'object' || value instanceof ExactNumber) return null
  const coordinates = member(value, ['coordinates'])
  if (Array.isArray(coordinates)) return point(coordinates[1], coordinates[0])
  return point(member(value, LATITUDE), member(value, LONGITUDE))
}

/** Reads two values as a point. Returns undefined if both are missing, null if they are no point. */
export function point(latitude: unknown, longitude: unknown): Point | null | undefined {
  if (isMissing(latitude) && isMissing(longitude)) return undefined
  const [north, east] = [degrees(latitude), degrees(longitude)]
  if (north === undefined || east === undefined || Math.abs(north) > 90 || Math.abs(east) > 180) return null
  return { latitude: north, longitude: east }
}

/** Whether a value looks like a point at all, readable or not. A list of numbers is one only under GeoJSON's own name. */
export function looksLikePoint(value: unknown, header = LOCATION): boolean {
  if (typeof value === 'string') {
    const object = objectOf(value)
    return object ? looksLikePoint(object, header) : WKT.test(value.trim())
  }
  if (Array.isArray(value))
    return (
      /^\s*coordinates\s*$/i.test(header) && (value.length === 2 || value.length === 3) && Boolean(readPoint(value))
    )
  if (typeof value !== 'object' || value === null) return false
  const hasBoth = hasMember(value, LATITUDE) && hasMember(value, LONGITUDE)
  return hasBoth || (hasMember(value, ['coordinates']) && readPoint(value) !== null)
}

/**
 * Whether a text can only be coordinates, as maps show them: `40.0149, -105.2705` or `40°1'N 105°16'W`. It is not read,
 * because nothing says which one is the latitude.
 */
export function looksLikeCoordinates(text: string): boolean {
  const numbers = text.match(/\d+(?:\.\d+)?/g) ?? []
  // `3.1.2` is a section, `10.0.0.1` an address.
  if (/\d\.\d+\./.test(text)) return false
  return /^[\d\s.,;:()[\]+\-−°º'"′″’”nsewo]+$/i.test(text) && numbers.length >= 2 && /\d\.\d|[°º]/.test(text)
}

/** A sentence about a column of such texts. */
export function coordinatesWarning(column: string, example: string): string {
  return `Column ${column} is not used as the location, because a text such as ${JSON.stringify(example)} does not say which number is the latitude; write two columns, latitude and longitude`
}

/** Returns how well a header says that its column has points: 0 for `location`, more for other names, undefined for none. */
export function pointRank(header: string): number | undefined {
  const name = header.trim().toLowerCase()
  const index = [LOCATION, ...POINT_NAMES].indexOf(name)
  return index === -1 ? undefined : index
}

/** Whether a header names a latitude or a longitude. */
export function coordinateOf(header: string): 'latitude' | 'longitude' | undefined {
  const name = header.trim().toLowerCase()
  return LATITUDE.includes(name) ? 'latitude' : LONGITUDE.includes(name) ? 'longitude' : undefined
}

/** What devices and programs write before the name of a coordinate: GPSLatitude, MAPLatitude, _gps_latitude, @lat. */
const PREFIXED = /^(?:gps|map|image|photo|camera|wgs84)?[^a-z]*(lat|latitude|lng|lon|long|longitude)$/

/**
 * Returns where a latitude or a longitude is among the headers: under its own name, else with a prefix, unless a column
 * of its own tells north from south, as in EXIF.
 */
export function coordinateIndex(headers: readonly string[], wanted: 'latitude' | 'longitude'): number {
  const own = headers.findIndex((header) => coordinateOf(header) === wanted)
  if (own >= 0 || headers.some((header) => /l(?:at|ong)itude_?ref$/i.test(header.trim()))) return own
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

/** Returns a sentence about columns that are used as the location, unless their names can mean nothing else. */
export function locationGuess(columns: readonly string[]): string | undefined {
  const names = columns.map((column) => column.trim().toLowerCase()).toSorted()
  if (names.join() === LOCATION || names.join() === 'latitude,longitude') return undefined
  return names.length === 1
    ? `Column ${columns[0]} is used as the location (in a list, the longitude comes first)`
    : `Columns ${columns.join(' and ')} are used as the location`
}

/** Returns the object in a text of JSON: GeoJSON and structs are often exported as text. */
function objectOf(text: string): object | undefined {
  if (!/^\s*\{/.test(text)) return undefined
  try {
    return JSON.parse(text) as object
  } catch {
    return undefined
  }
}

function isMissing(value: unknown): boolean {
  return value === null || value === undefined || value === ''
}

function degrees(value: unknown): number | undefined {
  if (typeof value !== 'string' && typeof value !== 'number' && !(value instanceof ExactNumber)) return undefined
  const text = value instanceof ExactNumber ? value.source : String(value).trim()
  return NUMBER.test(text) && Number.isFinite(Number(text)) ? Number(text) : undefined
}

function hasMember(value: object, names: readonly string[]): boolean {
  return Object.keys(value).some((name) => names.includes(name.toLowerCase()))
}

function member(value: object, names: readonly string[]): unknown {
  return Object.entries(value).find(([name]) => names.includes(name.toLowerCase()))?.[1]
}
