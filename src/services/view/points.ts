import type { DuckDBConnection } from '@duckdb/node-api'
import { MOST_POINTS } from '@imagery/viewer/contract/limits'
import type { Points } from '@imagery/viewer/contract/source'
import type { About } from './about.ts'
import { rowsOf } from './database.ts'
import { columnOf } from './filter-sql.ts'
import type { Kept } from './kept-rows.ts'
import { shownValue, valueName } from './stored-columns.ts'

/** Returns the locations of the kept rows; of too many, every second, third, … */
export async function pointsOf(
  connection: DuckDBConnection,
  kept: Kept,
  about: About,
  color: string | null,
): Promise<Points> {
  const column = color === null ? undefined : columnOf(about, color)
  const { table, parameters } = kept
  const condition = `(${kept.condition}) AND longitude IS NOT NULL AND latitude IS NOT NULL`
  const [[total] = []] = await rowsOf(connection, `SELECT count(*) FROM ${table} WHERE ${condition}`, parameters)
  const step = Math.max(1, Math.ceil(Number(total) / MOST_POINTS))
  const numbers = `SELECT n FROM ${table} WHERE ${condition} QUALIFY (row_number() OVER (ORDER BY n) - 1) % ${step} = 0`
  const where = kept.isWhole && step === 1 ? condition : `n IN (${numbers})`
  const found = await rowsOf(
    connection,
    `SELECT unit_id, longitude, latitude, ${column && column.storage !== 'JSON' ? valueName(column) : 'NULL'} FROM rows WHERE ${where} ORDER BY n`,
    parameters,
  )
  const points: Points = { unit_ids: [], longitudes: [], latitudes: [], values: [], is_sample: step > 1 }
  for (const [unitId, longitude, latitude, value] of found) {
    points.unit_ids.push(unitId as string)
    points.longitudes.push(longitude as number)
    points.latitudes.push(latitude as number)
    points.values.push(shownValue(value, column?.storage ?? 'VARCHAR') as Points['values'][number])
  }
  return points
}
