import { feature } from 'topojson-client'
import land from 'world-atlas/land-110m.json'

/**
 * The land of the world, coarse: for orientation, in no more detail than a globe on a desk.
 *
 * Source: Natural Earth, 1:110 million (public domain), in the package world-atlas.
 */
export function landShapes(): GeoJSON.GeoJSON {
  const topology = land as unknown as Parameters<typeof feature>[0]
  const shapes = topology.objects['land']
  if (shapes === undefined) throw new Error('world-atlas has no object "land"')
  return feature(topology, shapes)
}
