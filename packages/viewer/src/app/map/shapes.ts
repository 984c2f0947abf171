import type { Points } from '../../contract/source.ts'
import { colorFunction, type Coloring } from './coloring.ts'
import type { Graticule } from './graticule.ts'

type Place = [longitude: number, latitude: number]

/** Mercator's map ends here. */
const LAST_LATITUDE = 85

function collection(shapes: { geometry: GeoJSON.Geometry; properties: object }[]): GeoJSON.FeatureCollection {
  return {
    type: 'FeatureCollection',
    features: shapes.map(({ geometry, properties }) => ({ type: 'Feature', geometry, properties: { ...properties } })),
  }
}

/** Points with their color, and their place in `points`. */
export function pointShapes(points: Points, coloring: Coloring): GeoJSON.FeatureCollection {
  const color = colorFunction(coloring)
  return collection(
    points.longitudes.map((longitude, index) => ({
      geometry: { type: 'Point', coordinates: [longitude, points.latitudes[index] ?? 0] },
      properties: { index, color: color(points.values[index] ?? null) },
    })),
  )
}

/** Lines over the whole map, which shows the world more than once. */
export function lineShapes({ longitudes, latitudes }: Graticule): GeoJSON.FeatureCollection {
  const meridian = (at: number): Place[] => [
    [at, -LAST_LATITUDE],
    [at, LAST_LATITUDE],
  ]
  const parallel = (at: number): Place[] => [
    [-540, at],
    [540, at],
  ]
  return collection(
    [...longitudes.map(meridian), ...latitudes.map(parallel)].map((coordinates) => ({
      geometry: { type: 'LineString', coordinates },
      properties: {},
    })),
  )
}
