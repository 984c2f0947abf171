import { BUCKETS, type Asset } from '../contracts/messages.ts'
import { parseGsUri } from '../contracts/gs-uri.ts'
import type { RunSpec } from '../contracts/run-spec.ts'
import { queryRows } from '../google/bigquery/bigquery.ts'
import { tableRows } from '../google/bigquery/table-rows.ts'
import { assetOf, runTable, streamAssets, type AssetRow } from './run-tables.ts'
import { unitsQuery } from './sql/ledger.ts'

/** Units without an image are rare. If there are more than this at the start, none of the units is looked for further. */
const ROWS_LOOKED_AT = 500

type Snapshot = Pick<RunSpec, 'tables' | 'source' | 'carry'>

/**
 * Returns the first units of a snapshot that have an image in Cloud Storage; of a run that carried answers over, the
 * first ones that are pending. Reading the table's first rows is free, and a query for pending units is not.
 */
export async function firstUnits(spec: Snapshot, most: number): Promise<Asset[]> {
  const units: Asset[] = []
  let rows = 0
  const all = spec.carry ? streamAssets(spec, 0, BUCKETS - 1, { onlyPending: true }) : snapshotUnits(spec)
  for await (const unit of all) {
    const hasImage = unit.observations.some(({ gcs_uri }) => !('fault' in parseGsUri(gcs_uri)))
    if (hasImage) units.push(unit)
    if (units.length === most || ++rows === ROWS_LOOKED_AT) break
  }
  return units
}

async function* snapshotUnits({ tables }: Snapshot): AsyncGenerator<Asset> {
  for await (const row of tableRows(runTable(tables, 'assets'))) yield assetOf(row as unknown as AssetRow)
}

/** Returns units of a run's snapshot by their IDs, in that order. Reads only the partitions of their buckets. */
export async function unitsNamed(
  spec: Pick<RunSpec, 'tables' | 'source'>,
  units: readonly { unit_id: string; bucket: number }[],
): Promise<Asset[]> {
  const buckets = [...new Set(units.map(({ bucket }) => bucket))]
  const rows = await queryRows<AssetRow>(unitsQuery(spec.tables, buckets), {
    projectId: spec.tables.projectId,
    location: spec.source.location,
    parameters: { units: units.map(({ unit_id }) => unit_id) },
  })
  const found = new Map(rows.map((row) => [row.unit_id, assetOf(row)]))
  return units.flatMap(({ unit_id }) => found.get(unit_id) ?? [])
}
