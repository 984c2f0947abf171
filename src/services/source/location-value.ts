import { ExactNumber } from './exact-json.ts'

/** Degrees in WGS 84. */
export interface Point {
  latitude: number
  longitude: number
}

const LATITUDE = ['latitude', 'lat']
const LONGITUDE = ['longitude', 'lng', 'lon', 'long']

/** WKT, which writes the longitude first (https://cloud.google.com/bigquery/docs/reference/standard-sql/geography_functions#st_geogfromtext). */
const WKT = /^(?:srid=4326;)?\s*point\s*(?:z\s*)?\(\s*(\S+?)\s+([^\s)]+)(?:\s+[^\s)]+)?\s*\)$/i
const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/

/**
 * Reads a point: an object with a latitude and a longitude, a GeoJSON point, or WKT. Returns undefined for what has no
 * value (null, empty text, no latitude and no longitude), and null for what cannot be read or is not on Earth.
 */
export function readPoint(value: unknown): Point | null | undefined {
  if (value === null || value === undefined || value === '') return undefined
  if (typeof value === 'string') {
    const wkt = WKT.exec(value.trim())
    return wkt ? point(wkt[2], wkt[1]) : null
  }
  if (typeof value !== 'object' || Array.isArray(value) || value instanceof ExactNumber) return null
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

/** Whether a value looks like a point at all, readable or not. */
export function looksLikePoint(value: unknown): boolean {
  if (typeof value === 'string') return WKT.test(value.trim())
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  const hasBoth = hasMember(value, LATITUDE) && hasMember(value, LONGITUDE)
  return hasBoth || (hasMember(value, ['coordinates']) && readPoint(value) !== null)
}

/** Whether a header names a latitude or a longitude. */
export function coordinateOf(header: string): 'latitude' | 'longitude' | undefined {
  const name = header.trim().toLowerCase()
  return LATITUDE.includes(name) ? 'latitude' : LONGITUDE.includes(name) ? 'longitude' : undefined
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
