import { parseGsUri } from '../contracts/gs-uri.ts'
import type { RunTables } from '../contracts/names.ts'
import { firstRows } from '../google/bigquery/table-rows.ts'
import { runTable } from './run-tables.ts'

/** A table's images are in a bucket or two; the first rows show which, and reading them is free. */
const ROWS_LOOKED_AT = 500

/** Returns the buckets of the images in a run's snapshot, as far as its first rows show. */
export async function imageBuckets(tables: RunTables): Promise<string[]> {
  const buckets = new Set<string>()
  for (const row of await firstRows(runTable(tables, 'assets'), ROWS_LOOKED_AT)) {
    for (const { gcs_uri: uri } of (row['observations'] ?? []) as { gcs_uri?: unknown }[]) {
      // A name that no bucket can have (`gs://../x`) must not reach a URL; its asset gets a failed row.
      const image = parseGsUri(String(uri))
      if (!('fault' in image)) buckets.add(image.bucket)
    }
  }
  return [...buckets]
}
