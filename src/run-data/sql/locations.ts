import { quoted, quotedColumn } from './names.ts'

/**
 * Where a table has its locations. `struct` and `geography` are the column `location` of Street View Insights; an object
 * names other columns. `array` is
 * GeoJSON's: longitude, latitude, also in a field of a column. `wkb` are bytes, as GeoParquet has them.
 */
export type LocationKind =
  | 'struct'
  | 'geography'
  | 'absent'
  | { kind: 'struct'; column: string; latitude: string; longitude: string }
  | { kind: 'columns'; latitude: string; longitude: string }
  | { kind: 'geography' | 'wkb' | 'array' | 'text' | 'json'; column: string }

/** `location`, NULL if there is none or it cannot be read, and `unread`, what the table has in the second case. */
export interface LocationExpressions {
  location: string
  unread: string
}

/** Characters of a number; SAFE_CAST tells whether they are one. */
const NUMBER = String.raw`[\d.eE+-]+`

/** WKT has the longitude first (https://cloud.google.com/bigquery/docs/reference/standard-sql/geography_functions#st_geogfromtext). */
const wkt = (longitude: string, latitude: string): string =>
  String.raw`(?i)^[srid=\d;\s]*point\s*z?\s*\(\s*${longitude}\s+${latitude}[\d.e+\s-]*\)\s*$`

/** GeoJSON has the longitude first too (https://www.rfc-editor.org/rfc/rfc7946#section-3.1.1). */
const geoJson = (longitude: string, latitude: string): string =>
  String.raw`"coordinates"\s*:\s*\[\s*${longitude}\s*,\s*${latitude}\s*[,\]]`

/** Returns the SQL for a location. */
export function locationExpressions(kind: LocationKind): LocationExpressions {
  if (kind === 'absent')
    return { location: 'CAST(NULL AS STRUCT<latitude FLOAT64, longitude FLOAT64>)', unread: 'CAST(NULL AS STRING)' }
  if (kind === 'geography') return geography('location')
  if (kind === 'struct') return members('location.latitude', 'location.longitude')
  switch (kind.kind) {
    case 'struct':
      return members(
        `${quoted(kind.column)}.${quoted(kind.latitude)}`,
        `${quoted(kind.column)}.${quoted(kind.longitude)}`,
      )
    case 'columns':
      return members(quoted(kind.latitude), quoted(kind.longitude))
    case 'geography':
      return geography(quoted(kind.column))
    case 'wkb':
      return wellKnownBinary(quoted(kind.column))
    case 'array':
      return members(`${quotedColumn(kind.column)}[SAFE_OFFSET(1)]`, `${quotedColumn(kind.column)}[SAFE_OFFSET(0)]`)
    case 'text':
      return written(`NULLIF(TRIM(${quoted(kind.column)}), '')`)
    case 'json':
      return written(
        `NULLIF(IFNULL(JSON_VALUE(${quoted(kind.column)}), TO_JSON_STRING(${quoted(kind.column)})), 'null')`,
      )
  }
}

function geography(column: string): LocationExpressions {
  // ST_X is an error for anything but a point.
  const isPoint = `ST_GEOMETRYTYPE(${column}) = 'ST_Point'`
  return {
    location: `IF(${isPoint}, STRUCT(ST_Y(${column}) AS latitude, ST_X(${column}) AS longitude), NULL)`,
    unread: `IF(${isPoint}, NULL, ST_ASTEXT(${column}))`,
  }
}

/**
 * How a point begins in hexadecimal digits: 2D and 3D as the standard has them, and the forms of PostGIS, without and
 * with the number of WGS 84 (https://libgeos.org/specifications/wkb/). Most programs write the small end first.
 */
const LITTLE = '0101000000|01e9030000|0101000080|0101000020e6100000|01010000a0e6100000'
const BIG = '0000000001|00000003e9|0080000001|0020000001000010e6|00a0000001000010e6'
const TWO_NUMBERS = '[0-9a-f]{32}'

/** An empty point, whose coordinates are no numbers. */
const EMPTY_POINT = `0101000000${'000000000000f87f'.repeat(2)}`

/** Only points are given to the function, which would be an error for damaged bytes, and is for a latitude beyond 90. */
function wellKnownBinary(column: string): LocationExpressions {
  const hex = `TO_HEX(${column})`
  const point = (header: string, forms: string): string => {
    const numbers = `SUBSTR(REGEXP_REPLACE(${hex}, r'^(?:${forms})', ''), 1, 32)`
    return `IF(REGEXP_CONTAINS(${hex}, r'^(?:${forms})${TWO_NUMBERS}'), CONCAT('${header}', ${numbers}), NULL)`
  }
  const wkb = `FROM_HEX(IFNULL(${point('0101000000', LITTLE)}, ${point('0000000001', BIG)}))`
  const { location } = geography(`SAFE.ST_GEOGFROMWKB(${wkb})`)
  const text = `CONCAT('0x', NULLIF(${hex}, '${EMPTY_POINT}'))`
  return { location, unread: `IF(${location} IS NULL, ${text}, NULL)` }
}

function members(latitude: string, longitude: string): LocationExpressions {
  const [north, east] = [`CAST(${latitude} AS STRING)`, `CAST(${longitude} AS STRING)`]
  const isGiven = `NULLIF(${north}, '') IS NOT NULL OR NULLIF(${east}, '') IS NOT NULL`
  const text = `IF(${isGiven}, CONCAT(IFNULL(${north}, 'null'), ', ', IFNULL(${east}, 'null')), NULL)`
  return point(`SAFE_CAST(${latitude} AS FLOAT64)`, `SAFE_CAST(${longitude} AS FLOAT64)`, text)
}

function written(text: string): LocationExpressions {
  const part = (name: 'latitude' | 'longitude'): string => {
    const [longitude, latitude] = name === 'longitude' ? [`(${NUMBER})`, NUMBER] : [NUMBER, `(${NUMBER})`]
    const [inWkt, inJson] = [wkt(longitude, latitude), geoJson(longitude, latitude)]
    return `SAFE_CAST(IFNULL(REGEXP_EXTRACT(${text}, r'${inWkt}'), REGEXP_EXTRACT(${text}, r'${inJson}')) AS FLOAT64)`
  }
  return point(part('latitude'), part('longitude'), text)
}

/** A place on Earth, or NULL. A value that is no number costs the row its location, not its answer. */
function point(latitude: string, longitude: string, text: string): LocationExpressions {
  const isPoint = `${latitude} BETWEEN -90 AND 90 AND ${longitude} BETWEEN -180 AND 180`
  return {
    location: `IF(${isPoint}, STRUCT(${latitude} AS latitude, ${longitude} AS longitude), NULL)`,
    unread: `IF(${isPoint}, NULL, ${text})`,
  }
}
