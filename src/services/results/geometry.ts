import type { Row } from './read-rows.ts'

/** The column of a run's results with its place. */
export const LOCATION = 'location'

/** Returns the place of a row as longitude and latitude in degrees, or undefined if it has none. */
export function pointOf(row: Row): [longitude: number, latitude: number] | undefined {
  const { latitude, longitude } = (row[LOCATION] ?? {}) as { latitude?: unknown; longitude?: unknown }
  if (typeof latitude !== 'number' || typeof longitude !== 'number') return undefined
  return [longitude, latitude]
}

/** A point in Well-Known Binary, little-endian (https://libgeos.org/specifications/wkb/). */
export function wkbOf([longitude, latitude]: [number, number]): Buffer {
  const bytes = Buffer.alloc(21)
  bytes.writeUInt8(1, 0)
  bytes.writeUInt32LE(1, 1)
  bytes.writeDoubleLE(longitude, 5)
  bytes.writeDoubleLE(latitude, 13)
  return bytes
}
