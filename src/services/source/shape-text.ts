/**
 * Shapes as texts: WKT, and WKB in hexadecimal digits, which PostGIS, QGIS and Carto export.
 * WKT writes the longitude first (https://cloud.google.com/bigquery/docs/reference/standard-sql/geography_functions#st_geogfromtext),
 * and so does WKB in these programs (https://libgeos.org/specifications/wkb/).
 */

/** Numbers of coordinate systems whose degrees are those of WGS 84, or a few meters from them (https://epsg.org). */
const DEGREES = new Set([4326, 4979, 4269, 4258])

const SYSTEM = String.raw`(?:srid\s*=\s*(?<system>\d+)\s*;)?\s*`
const WKT_POINT = new RegExp(
  String.raw`^\s*${SYSTEM}(?:multi)?point\s*(?:zm|z|m)?\s*\(\s*\(?\s*(?<longitude>[^\s(),]+)\s+(?<latitude>[^\s()]+?)(?:\s+[^\s(),]+){0,2}\s*\)?\s*\)\s*$`,
  'i',
)
const WKT = new RegExp(
  String.raw`^\s*${SYSTEM}(?:(?:multi)?(?:point|linestring|polygon|curve|surface)|geometrycollection|circularstring|compoundcurve|curvepolygon|polyhedralsurface|tin|triangle)\s*(?:zm|z|m)?\s*(?:\(|empty\s*$)`,
  'i',
)
const EMPTY = new RegExp(String.raw`^\s*${SYSTEM}\w+\s*(?:zm|z|m)?\s*empty\s*$`, 'i')

/** Psql writes `\x` before bytes, and SQL `0x`. The first byte is the order of the others. */
const HEX = /^\s*(?:\\x|0x)?(0[01][0-9a-f]{24,})\s*$/i

/** Two coordinates as a text has them, longitude first. */
export interface CoordinateTexts {
  latitude: string | number
  longitude: string | number
}

/** Whether a text is a shape at all: a point, a line, an area. */
export function isShapeText(text: string): boolean {
  return WKT.test(text) || hexBytes(text) !== undefined
}

/** Returns the coordinates of a point, null for any other shape, and undefined for a shape without coordinates. */
export function pointInShapeText(text: string): CoordinateTexts | null | undefined {
  const bytes = hexBytes(text)
  if (bytes) return pointInBytes(bytes)
  if (EMPTY.test(text)) return undefined
  const { system, latitude, longitude } = WKT_POINT.exec(text)?.groups ?? {}
  if (latitude === undefined || longitude === undefined) return null
  return system === undefined || DEGREES.has(Number(system)) ? { latitude, longitude } : null
}

const HAS_Z = 0x80_00_00_00
const HAS_M = 0x40_00_00_00
const HAS_SYSTEM = 0x20_00_00_00
const POINT = 1
/** A byte for the order, and four for the type. */
const HEAD_BYTES = 5

function hexBytes(text: string): Buffer | undefined {
  const digits = HEX.exec(text)?.[1]
  if (digits === undefined || digits.length % 2 !== 0) return undefined
  const bytes = Buffer.from(digits, 'hex')
  return shapeType(bytes) === undefined ? undefined : bytes
}

/** The kind of shape, from 1 to 17, and what else its type says. */
function shapeType(bytes: Buffer): { kind: number; numbers: number; hasSystem: boolean } | undefined {
  const type = bytes[0] === 1 ? bytes.readUInt32LE(1) : bytes.readUInt32BE(1)
  const plain = (type & ~(HAS_Z | HAS_M | HAS_SYSTEM)) >>> 0
  const [kind, thousands] = [plain % 1_000, Math.floor(plain / 1_000)]
  if (kind < POINT || kind > 17 || thousands > 3) return undefined
  const flags = Number((type & HAS_Z) !== 0) + Number((type & HAS_M) !== 0)
  const numbers = 2 + (flags > 0 ? flags : thousands === 3 ? 2 : Math.min(thousands, 1))
  return { kind, numbers, hasSystem: (type & HAS_SYSTEM) !== 0 }
}

function pointInBytes(bytes: Buffer): CoordinateTexts | null | undefined {
  const { kind, numbers, hasSystem } = shapeType(bytes)!
  const isLittle = bytes[0] === 1
  const start = HEAD_BYTES + (hasSystem ? 4 : 0)
  if (kind !== POINT || bytes.length !== start + numbers * 8) return null
  const system = isLittle ? bytes.readUInt32LE(HEAD_BYTES) : bytes.readUInt32BE(HEAD_BYTES)
  if (hasSystem && !DEGREES.has(system)) return null
  const [longitude, latitude] = [start, start + 8].map((at) =>
    isLittle ? bytes.readDoubleLE(at) : bytes.readDoubleBE(at),
  )
  // A point without coordinates has no numbers there.
  if (Number.isNaN(longitude) && Number.isNaN(latitude)) return undefined
  return { latitude: latitude!, longitude: longitude! }
}
