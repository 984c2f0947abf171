import type { DuckDBConnection } from '@duckdb/node-api'
import type { Row } from '@imagery/viewer/contract/columns'
import type { About } from './about.ts'
import { rowsOf } from './database.ts'
import { shownValue, valueName } from './stored-columns.ts'

/** A unit as the local table has it. */
export interface StoredUnit {
  unit_id: string
  location: { longitude: number; latitude: number } | null
  values: Row
}

export async function storedUnit(
  connection: DuckDBConnection,
  about: About,
  unitId: string,
): Promise<StoredUnit | undefined> {
  const [found] = await rowsOf(
    connection,
    `SELECT longitude, latitude, ${about.columns.map(valueName).join(', ')} FROM rows WHERE unit_id = ? LIMIT 1`,
    [unitId],
  )
  if (!found) return undefined
  const [longitude, latitude, ...stored] = found
  return {
    unit_id: unitId,
    location: typeof longitude === 'number' && typeof latitude === 'number' ? { longitude, latitude } : null,
    values: {
      unit_id: unitId,
      ...Object.fromEntries(
        about.columns.map(({ column, storage }, index) => [column.name, shownValue(stored[index], storage)]),
      ),
    },
  }
}

/** Returns those of some units that have failed. */
export async function failedUnits(
  connection: DuckDBConnection,
  unitIds: readonly string[],
): Promise<ReadonlySet<string>> {
  if (unitIds.length === 0) return new Set()
  const { LIST, listValue, VARCHAR } = await import('@duckdb/node-api')
  const found = await connection.runAndReadAll(
    'SELECT unit_id FROM rows WHERE is_failed AND unit_id IN (SELECT unnest(?))',
    [listValue([...unitIds])],
    [LIST(VARCHAR)],
  )
  return new Set(found.getRowsJS().map(([unitId]) => unitId as string))
}
