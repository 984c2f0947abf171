export interface Plane {
  place: (longitude: number, latitude: number) => [x: number, y: number]
  location: (x: number, y: number) => { lng: number; lat: number }
}

const MARGIN = 24
/** Degrees, around a single asset. */
const LEAST_EXTENT = 0.002

/** Puts degrees on a plane of some pixels, so that all of `bounds` fits and shapes near its middle are true. */
export function planeOf(
  [west, south, east, north]: readonly [number, number, number, number],
  { width, height }: { width: number; height: number },
): Plane {
  const right = west > east ? east + 360 : east
  const [centerX, centerY] = [(west + right) / 2, (south + north) / 2]
  // A degree of longitude is shorter than one of latitude, away from the equator.
  const stretch = Math.max(0.05, Math.cos((centerY * Math.PI) / 180))
  const scale = Math.max(
    1e-6,
    Math.min(
      (width - 2 * MARGIN) / (Math.max(LEAST_EXTENT, right - west) * stretch),
      (height - 2 * MARGIN) / Math.max(LEAST_EXTENT, north - south),
    ),
  )
  return {
    place: (longitude, latitude) => {
      const turned = west > east && longitude < west ? longitude + 360 : longitude
      return [width / 2 + (turned - centerX) * stretch * scale, height / 2 - (latitude - centerY) * scale]
    },
    location: (x, y) => ({
      lng: centerX + (x - width / 2) / (stretch * scale),
      lat: centerY - (y - height / 2) / scale,
    }),
  }
}
