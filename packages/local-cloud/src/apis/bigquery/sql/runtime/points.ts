/**
 * GEOGRAPHY values that are points, as WKT.
 * https://cloud.google.com/bigquery/docs/reference/standard-sql/geography_functions
 */
const POINT = /^\s*POINT\s*\(\s*([-+\d.eE]+)\s+([-+\d.eE]+)\s*\)\s*$/i

/** `POINT(x y)` of a longitude and a latitude in degrees. */
export function pointText(longitude: number, latitude: number): string {
  if (!Number.isFinite(longitude) || !Number.isFinite(latitude))
    throw new Error('bq:ST_GeogPoint failed: coordinates must be finite')
  if (latitude < -90 || latitude > 90) {
    throw new Error(`bq:ST_GeogPoint failed: Latitude must be between -90 and 90 degrees. You specified ${latitude}`)
  }
  const turned =
    longitude >= -180 && longitude <= 180 ? longitude : longitude - 360 * Math.floor((longitude + 180) / 360)
  return `POINT(${coordinate(turned)} ${coordinate(latitude)})`
}

/** Well-known binary: the order of the bytes, a number for the kind of shape, and its coordinates. */
const WKB = { order: 0, kind: 1, x: 5, y: 13, end: 21, point: 1 }

/**
 * The WKT of a point given as WKB, or undefined for bytes that are none or not on Earth.
 *
 * @throws Error for another kind of shape, which the local cloud does not emulate
 */
export function wkbPoint(bytes: Uint8Array): string | undefined {
  if (bytes.length < WKB.x) return undefined
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const isLittle = view.getUint8(WKB.order) === 1
  if (view.getUint32(WKB.kind, isLittle) !== WKB.point)
    throw new Error(
      'bq:ST_GeogFromWKB of anything but a point is not emulated by the local cloud; see packages/local-cloud/docs/emulator-support.md',
    )
  if (bytes.length !== WKB.end) return undefined
  const [x, y] = [view.getFloat64(WKB.x, isLittle), view.getFloat64(WKB.y, isLittle)]
  if (Number.isNaN(x) && Number.isNaN(y)) return 'POINT EMPTY'
  return Number.isFinite(x) && Math.abs(y) <= 90 ? pointText(x, y) : undefined
}

function coordinate(value: number): string {
  return String(Number(value.toPrecision(15)) + 0)
}

/** The coordinates of a point's WKT, or undefined when the text is no point. */
export function pointCoordinates(text: string): [number, number] | undefined {
  const match = POINT.exec(text)
  if (!match) return undefined
  const [x, y] = [Number(match[1]), Number(match[2])]
  return Number.isFinite(x) && Number.isFinite(y) && Math.abs(y) <= 90 ? [x, y] : undefined
}

/** The canonical WKT of a point given as WKT or as GeoJSON, or undefined. */
export function canonicalPoint(text: string): string | undefined {
  if (/^\s*POINT\s+EMPTY\s*$/i.test(text)) return 'POINT EMPTY'
  const coordinates = text.trimStart().startsWith('{') ? geoJsonCoordinates(text) : pointCoordinates(text)
  return coordinates && pointText(...coordinates)
}

function geoJsonCoordinates(text: string): [number, number] | undefined {
  try {
    const value = JSON.parse(text) as { type?: unknown; coordinates?: unknown }
    const [x, y] = Array.isArray(value.coordinates) ? (value.coordinates as unknown[]) : []
    const isPoint = value.type === 'Point' && typeof x === 'number' && typeof y === 'number' && Math.abs(y) <= 90
    return isPoint ? [x, y] : undefined
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}
