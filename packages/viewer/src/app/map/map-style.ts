import type { StyleSpecification } from 'maplibre-gl'
import { landShapes } from './land.ts'

const NOTHING: GeoJSON.FeatureCollection = { type: 'FeatureCollection', features: [] }

export interface MapColors {
  background: string
  land: string
  line: string
  edge: string
}

export function mapColors(isDark: boolean): MapColors {
  return isDark
    ? { background: '#0e1319', land: '#1a212b', line: '#2a3340', edge: '#5a6577' }
    : { background: '#eaf0f5', land: '#fbfbf9', line: '#d3dbe3', edge: '#ffffff' }
}

/** A map without tiles: land, a graticule and points. The land is coarse, so it fades where it would mislead. */
export function mapStyle(isDark: boolean): StyleSpecification {
  const { background, land, line, edge } = mapColors(isDark)
  return {
    version: 8,
    sources: {
      land: { type: 'geojson', data: landShapes() },
      graticule: { type: 'geojson', data: NOTHING },
      points: { type: 'geojson', data: NOTHING },
    },
    layers: [
      { id: 'background', type: 'background', paint: { 'background-color': background } },
      {
        id: 'land',
        type: 'fill',
        source: 'land',
        paint: { 'fill-color': land, 'fill-opacity': ['interpolate', ['linear'], ['zoom'], 5, 1, 8, 0] },
      },
      { id: 'graticule', type: 'line', source: 'graticule', paint: { 'line-color': line, 'line-width': 1 } },
      {
        id: 'points',
        type: 'circle',
        source: 'points',
        paint: {
          'circle-color': ['get', 'color'],
          'circle-radius': ['interpolate', ['linear'], ['zoom'], 2, 2.2, 10, 3.5, 14, 5.5, 18, 9],
          'circle-opacity': 0.85,
          'circle-stroke-color': edge,
          'circle-stroke-width': ['interpolate', ['linear'], ['zoom'], 10, 0, 13, 0.8],
        },
      },
    ],
  }
}
