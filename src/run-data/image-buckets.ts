import { parseGsUri } from '../contracts/gs-uri.ts'
import type { RunTables } from '../contracts/names.ts'
import { tableRows } from '../google/bigquery/bigquery.ts'
import { runTable } from './run-tables.ts'

/** A table's images are in a bucket or two; the first rows show which, and reading them is free. */
const ROWS_LOOKED_AT = 500

/** Returns the buckets of the images in a run's snapshot, as far as its first rows show. */
export async function imageBuckets(tables: RunTables): Promise<string[]> {
  const buckets = new Set<string>()
  let rows = 0
  for await (const row of tableRows(runTable(tables, 'assets'))) {
    for (const { gcs_uri: uri } of (row['observations'] ?? []) as { gcs_uri?: unknown }[]) {
      // A name that no bucket can have (`gs://../x`) must not reach a URL; its asset gets a failed row.
      const image = parseGsUri(String(uri))
      if (!('fault' in image)) buckets.add(image.bucket)
    }
    if (++rows === ROWS_LOOKED_AT) break
  }
  return [...buckets]
}
