import { readDegrees, readDegreesWithHalf, type Coordinate } from './degrees-text.ts'
import { exactJson, ExactNumber, exactText } from './exact-json.ts'
import { isShapeText, pointInShapeText } from './shape-text.ts'
import { exampleText } from './unread-values.ts'

/** Degrees in WGS 84. */
export interface Point {
  latitude: number
  longitude: number
}

/** Names of the members of a struct. */
const MEMBERS = { latitude: ['latitude', 'lat'], longitude: ['longitude', 'lng', 'lon', 'long'] } as const

/** The column of Street View Insights. */
export const LOCATION = 'location'

/** Other names of columns with points, to try if there is no `location` with points. Their use is reported. */
const POINT_NAMES = (
  'coordinates coordinate geom geometry the_geom geog geography geo .geo geojson wkt wkb wkb_geometry shape point ' +
  'geo_point geo_point_2d geopoint position gps latlng latlon lat_lng lat_lon latlong st_astext st_asgeojson'
).split(' ')

const RANKED_NAMES = [LOCATION, ...POINT_NAMES]

/**
 * Reads a point: an object with a latitude and a longitude, a GeoJSON point, either as JSON text, or a shape as text.
 * Returns undefined for what has no value (null, empty text, no latitude and no longitude), and null for what cannot be
 * read or is not on Earth.
 */
export function readPoint(value: unknown): Point | null | undefined {
  if (value === null || value === undefined || value === '') return undefined
  if (typeof value === 'string') {
    if (isShapeText(value)) {
      const found = pointInShapeText(value)
      return found ? point(found.latitude, found.longitude) : found
    }
    const object = objectOf(value)
    return object ? readPoint(object) : null
  }
  // GeoJSON has the longitude first (https://www.rfc-editor.org/rfc/rfc7946#section-3.1.1).
  if (Array.isArray(value)) return value.length === 0 ? undefined : point(value[1], value[0])
  if (typeof value !== 'object' || value instanceof ExactNumber) return null
  const coordinates = member(value, ['coordinates'])
  if (Array.isArray(coordinates)) {
    // Exports make a list of every point where a layer may have several per feature.
    const only: unknown = coordinates.length === 1 ? coordinates[0] : coordinates
    return Array.isArray(only) ? point(only[1], only[0]) : null
  }
  return point(member(value, MEMBERS.latitude), member(value, MEMBERS.longitude))
}

/** Reads two values as a point. Returns undefined if both are missing, null if they are no point. */
export function point(latitude: unknown, longitude: unknown): Point | null | undefined {
  if (isMissing(latitude) && isMissing(longitude)) return undefined
  return onEarth(degrees(latitude, 'latitude'), degrees(longitude, 'longitude'))
}

/**
 * Reads two values as a point.
 *
 * @param halves the values of columns that tell north from south, or east from west; without the member if there is none
 */
export function pointWithHalves(
  values: Record<Coordinate, unknown>,
  halves: Partial<Record<Coordinate, unknown>>,
): Point | null | undefined {
  if (isMissing(values.latitude) && isMissing(values.longitude)) return undefined
  const read = (coordinate: Coordinate): number | undefined => {
    if (!(coordinate in halves)) return degrees(values[coordinate], coordinate)
    const text = exactText(values[coordinate])
    return text === null ? undefined : readDegreesWithHalf(text, exactText(halves[coordinate]) ?? '', coordinate)
  }
  return onEarth(read('latitude'), read('longitude'))
}

function onEarth(north: number | undefined, east: number | undefined): Point | null {
  if (north === undefined || east === undefined || Math.abs(north) > 90 || Math.abs(east) > 180) return null
  return { latitude: north, longitude: east }
}

/** Whether a value looks like a point at all, readable or not. A list of numbers is one only under GeoJSON's own name. */
export function looksLikePoint(value: unknown, header = LOCATION): boolean {
  if (typeof value === 'string') {
    const object = objectOf(value)
    return object ? looksLikePoint(object, header) : isShapeText(value) && pointInShapeText(value) !== null
  }
  if (Array.isArray(value))
    return (
      /^\s*coordinates\s*$/i.test(header) && (value.length === 2 || value.length === 3) && Boolean(readPoint(value))
    )
  if (typeof value !== 'object' || value === null) return false
  const hasBoth = hasMember(value, MEMBERS.latitude) && hasMember(value, MEMBERS.longitude)
  return hasBoth || (hasMember(value, ['coordinates']) && readPoint(value) !== null)
}

/**
 * Whether a value can only be coordinates: a text as maps show it, `40.0149, -105.2705` or `40°1'N 105°16'W`, or an
 * object with x and y, as ArcGIS writes it. It is not read, because nothing says which one is the latitude in degrees.
 */
export function looksLikeCoordinates(value: unknown): boolean {
  if (typeof value !== 'string') return hasFractions(value)
  const numbers = value.match(/\d+(?:\.\d+)?/g) ?? []
  // `3.1.2` is a section, `10.0.0.1` an address.
  if (/\d\.\d+\./.test(value)) return false
  return /^[\d\s.,;:()[\]+\-−°º'"′″’”nsewo]+$/i.test(value) && numbers.length >= 2 && /\d\.\d|\d,\d{4}|[°º]/.test(value)
}

/** Whole numbers are pixels. */
function hasFractions(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  const numbers = ['x', 'y'].map((name) => Number(exactText(member(value, [name])) ?? NaN))
  return numbers.every((number) => Number.isFinite(number)) && !numbers.every((number) => Number.isInteger(number))
}

/** Whether a value is a shape of a map that is no point in degrees: a line, or a point of another coordinate system. */
export function looksLikeShape(value: unknown): boolean {
  if (typeof value !== 'string') return isShape(value)
  const object = objectOf(value)
  return object ? isShape(object) : isShapeText(value)
}

const SHAPES = /^(?:(?:Multi)?(?:Point|LineString|Polygon)|GeometryCollection|Feature)$/

function isShape(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  return SHAPES.test(String(member(value, ['type']))) && hasMember(value, ['coordinates', 'geometries', 'geometry'])
}

/** A sentence about a column of such coordinates or shapes. */
export function coordinatesWarning(column: string, example: unknown): string {
  const text = exampleText(typeof example === 'string' ? example : exactJson(example))
  const reason = looksLikeShape(example)
    ? `${text} is no point in degrees; in GeoPandas, to_crs(4326) makes degrees, and centroid points`
    : `a ${typeof example === 'string' ? 'text' : 'value'} such as ${typeof example === 'string' ? JSON.stringify(text) : text} does not say which number is the latitude; write two columns, latitude and longitude`
  return `Column ${column} is not used as the location, because ${reason}`
}

/** Returns how well a header says that its column has points: 0 for `location`, more for other names, undefined for none. */
export function pointRank(header: string): number | undefined {
  const name = header.trim().toLowerCase()
  const index = RANKED_NAMES.indexOf(name)
  return index === -1 ? undefined : index
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

function degrees(value: unknown, coordinate: Coordinate): number | undefined {
  if (value instanceof ExactNumber) return readDegrees(value.source, coordinate)
  return typeof value === 'string' || typeof value === 'number' ? readDegrees(String(value), coordinate) : undefined
}

function hasMember(value: object, names: readonly string[]): boolean {
  return Object.keys(value).some((name) => names.includes(name.toLowerCase()))
}

function member(value: object, names: readonly string[]): unknown {
  return Object.entries(value).find(([name]) => names.includes(name.toLowerCase()))?.[1]
}
