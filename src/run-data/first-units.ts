import type { Asset } from '../contracts/messages.ts'
import { parseGsUri } from '../contracts/gs-uri.ts'
import type { RunTables } from '../contracts/names.ts'
import { tableRows } from '../google/bigquery/table-rows.ts'
import { assetOf, runTable, type AssetRow } from './run-tables.ts'

/** Units without an image are rare. If there are more than this at the start, none of the units is looked for further. */
const ROWS_LOOKED_AT = 500

/** Returns the first units of a snapshot that have an image in Cloud Storage. Reading the table's first rows is free. */
export async function firstUnits(tables: RunTables, most: number): Promise<Asset[]> {
  const units: Asset[] = []
  let rows = 0
  for await (const row of tableRows(runTable(tables, 'assets'))) {
    const unit = assetOf(row as unknown as AssetRow)
    const hasImage = unit.observations.some(({ gcs_uri }) => !('fault' in parseGsUri(gcs_uri)))
    if (hasImage) units.push(unit)
    if (units.length === most || ++rows === ROWS_LOOKED_AT) break
  }
  return units
}
