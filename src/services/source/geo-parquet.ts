import type { Shapes } from './source-field.ts'

/** The metadata of https://geoparquet.org/releases/v1.1.0/, as far as it is used here. */
interface ColumnMetadata {
  encoding?: unknown
  geometry_types?: unknown
  crs?: unknown
}

/**
 * Coordinate systems whose longitudes and latitudes are those of WGS 84, or a few meters from them: WGS 84 itself in 2D
 * and 3D, NAD83 and ETRS89 (https://epsg.org).
 */
const DEGREES = /^(?:OGC:CRS84h?|EPSG:(?:4326|4979|4269|4258))$/i

const NO_LOCATIONS = 'its values are no locations'

/** Returns what GeoParquet's metadata, a text of JSON, says about each column of shapes. */
export function geoColumns(metadata: string): ReadonlyMap<string, Shapes> {
  try {
    const { columns } = JSON.parse(metadata) as { columns: Record<string, ColumnMetadata> }
    return new Map(Object.entries(columns).map(([name, column]) => [name, shapesOf(column)]))
  } catch {
    return new Map()
  }
}

function shapesOf({ encoding, geometry_types: types, crs }: ColumnMetadata): Shapes {
  const isPoints = encoding === 'point'
  const fault =
    encoding !== 'WKB' && !isPoints ? NO_LOCATIONS : mayHavePoints(types) ? crsFault(crsName(crs)) : NO_LOCATIONS
  return { encoding: isPoints ? 'point' : 'wkb', ...(fault === undefined ? {} : { fault }) }
}

/** A list without types means that they are not known. */
function mayHavePoints(types: unknown): boolean {
  return !Array.isArray(types) || types.length === 0 || types.some((type) => /^Point\b/.test(String(type)))
}

/** What a column with Parquet's own type for shapes holds. Without a coordinate system, it is OGC:CRS84. */
export function nativeShapes(crs: string | undefined): Shapes {
  const fault = crsFault(crs === undefined || crs === '' ? undefined : nativeCrsName(crs))
  return { encoding: 'wkb', ...(fault === undefined ? {} : { fault }) }
}

function nativeCrsName(crs: string): string {
  try {
    return crsName(JSON.parse(crs)) ?? crs
  } catch {
    return crs.replace(/^srid:/i, 'EPSG:')
  }
}

/** A system in PROJJSON. None at all is OGC:CRS84, and null one that is not known, which programs write for degrees too. */
function crsName(crs: unknown): string | undefined {
  if (typeof crs !== 'object' || crs === null) return undefined
  const { id, name } = crs as { id?: { authority?: unknown; code?: unknown }; name?: unknown }
  return id?.code === undefined ? String(name ?? 'an unnamed system') : `${String(id.authority)}:${String(id.code)}`
}

function crsFault(name: string | undefined): string | undefined {
  if (name === undefined || DEGREES.test(name)) return undefined
  return `its coordinates are of ${name}; in GeoPandas, to_crs(4326) makes degrees of them`
}
