import { BOOL, BYTES, FLOAT64, GEOGRAPHY, STRING } from '../types.ts'
import { passing, signature, type PlainFunctions } from './signature.ts'

/**
 * Points only; every other ST_ function is refused.
 * https://cloud.google.com/bigquery/docs/reference/standard-sql/geography_functions
 */
export const geography: PlainFunctions = {
  ST_GEOGPOINT: [signature([FLOAT64, FLOAT64], GEOGRAPHY, passing('bq_geogpoint'))],
  ST_X: [signature([GEOGRAPHY], FLOAT64, passing('bq_st_x'))],
  ST_Y: [signature([GEOGRAPHY], FLOAT64, passing('bq_st_y'))],
  ST_ASTEXT: [signature([GEOGRAPHY], STRING, ([point]) => `${point}`)],
  ST_GEOMETRYTYPE: [
    signature(
      [GEOGRAPHY],
      STRING,
      ([point]) =>
        `CASE WHEN ${point} = 'POINT EMPTY' THEN 'ST_GeometryCollection' WHEN ${point} IS NOT NULL THEN 'ST_Point' END`,
    ),
  ],
  ST_ISEMPTY: [signature([GEOGRAPHY], BOOL, ([point]) => `(${point} = 'POINT EMPTY')`)],
  ST_GEOGFROMTEXT: [signature([STRING], GEOGRAPHY, passing('bq_geogfromtext'))],
  ST_GEOGFROMWKB: [signature([BYTES], GEOGRAPHY, passing('bq_geogfromwkb'))],
  'SAFE.ST_GEOGFROMWKB': [signature([BYTES], GEOGRAPHY, passing('bq_safe_geogfromwkb'))],
}
