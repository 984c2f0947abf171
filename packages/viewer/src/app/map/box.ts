export type Box = [west: number, south: number, east: number, north: number]

const round = (degrees: number): number => Math.round(degrees * 1e6) / 1e6

/** A longitude from -180 to 180. */
export function normalLongitude(longitude: number): number {
  const turned = ((((longitude + 180) % 360) + 360) % 360) - 180
  return turned === -180 && longitude > 0 ? 180 : turned
}

/**
 * Returns the box of a filter between two corners of a map, which may show the world more than once. West is above east
 * if the box crosses the antimeridian.
 */
export function boxBetween(one: { lng: number; lat: number }, other: { lng: number; lat: number }): Box {
  const [left, right] = [Math.min(one.lng, other.lng), Math.max(one.lng, other.lng)]
  const south = Math.max(-90, Math.min(one.lat, other.lat))
  const north = Math.min(90, Math.max(one.lat, other.lat))
  if (right - left >= 360) return [-180, round(south), 180, round(north)]
  return [round(normalLongitude(left)), round(south), round(normalLongitude(right)), round(north)]
}

/** Mercator's map ends here, and has what is nearer to a pole at its edge. */
const LAST_LATITUDE = 85.051

/** Returns a corner on a map by Mercator, of which one at the edge is at the pole. */
export function mercatorCorner({ lng, lat }: { lng: number; lat: number }): { lng: number; lat: number } {
  return { lng, lat: Math.abs(lat) < LAST_LATITUDE ? lat : 90 * Math.sign(lat) }
}
