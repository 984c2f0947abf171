import type { DuckDBConnection } from '@duckdb/node-api'
import type { ReviewPlan } from '@imagery/viewer/contract/review'
import type { About, CodedColumn } from './about.ts'
import { rowsOf, type Parameter } from './database.ts'
import { columnOf } from './filter-sql.ts'
import { InvalidRequest } from './invalid-request.ts'
import { axisName, valueName } from './stored-columns.ts'

/**
 * Draws units with an answer, in the order of a hash of the seed and the unit's ID, so that the same plan draws the same
 * units however the rows were stored. With strata, takes one of each value in turn, or of each bin of a histogram.
 */
export async function drawReview(
  connection: DuckDBConnection,
  about: About,
  { size, strata, seed, unmarked_only: onlyUnmarked }: ReviewPlan,
): Promise<string[]> {
  const stratum = strata === null ? { sql: "''", parameters: [] } : stratumOf(columnOf(about, strata))
  const marked = onlyUnmarked ? ' AND unit_id NOT IN (SELECT unit_id FROM marks.units)' : ''
  const found = await rowsOf(
    connection,
    `SELECT unit_id FROM (
  SELECT unit_id, stratum, place, row_number() OVER (PARTITION BY stratum ORDER BY place, unit_id) AS turn
  FROM (SELECT unit_id, ${stratum.sql} AS stratum, md5(concat(CAST(? AS VARCHAR), '/', unit_id)) AS place FROM rows WHERE is_ok${marked})
) ORDER BY turn, stratum NULLS LAST, place LIMIT ?`,
    [...stratum.parameters, seed, BigInt(size)],
  )
  return found.map(([unitId]) => unitId as string)
}

function stratumOf(column: CodedColumn): { sql: string; parameters: Parameter[] } {
  const { coding, storage } = column
  if (coding.by === 'range') {
    const edges = JSON.stringify(coding.bins.map(({ from }) => from))
    const bin = `len(list_filter(CAST(? AS DOUBLE[]), lambda edge: edge <= ${axisName(column)}))`
    return { sql: `CASE WHEN ${axisName(column)} IS NULL THEN NULL ELSE ${bin} END`, parameters: [edges] }
  }
  if (storage === 'JSON') throw new InvalidRequest(`column ${column.column.name} has no values to draw evenly from`)
  return { sql: `CAST(${valueName(column)} AS VARCHAR)`, parameters: [] }
}
