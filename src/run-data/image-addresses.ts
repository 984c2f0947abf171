import { tablePath, type RunTables } from '../contracts/names.ts'
import { queryRows } from '../google/bigquery/bigquery.ts'
import { quoted } from './sql/names.ts'

/** The images of a run whose addresses have one scheme. */
export interface ImageAddresses {
  /** `gs`, also for URLs of Cloud Storage; `https`, `s3`, `data`, …; empty if there is none. */
  scheme: string
  images: number
  /** The beginning of one of the addresses. */
  example: string
}

/** Counts the images of a run's snapshot by the schemes of their addresses. */
export function imageAddressesQuery(tables: RunTables): string {
  return `SELECT scheme, COUNT(*) AS images, SUBSTR(MIN(gcs_uri), 1, 100) AS example
FROM (
  SELECT
    image.gcs_uri AS gcs_uri,
    IF(
      REGEXP_CONTAINS(image.gcs_uri, r'^\\s*[Hh][Tt][Tt][Pp][Ss]?://([A-Za-z0-9._-]+\\.)?(storage|www)\\.(googleapis|cloud\\.google)\\.com/'),
      'gs',
      IFNULL(LOWER(REGEXP_EXTRACT(image.gcs_uri, r'^\\s*([A-Za-z][A-Za-z0-9+.-]+):')), '')
    ) AS scheme
  FROM ${quoted(tablePath(tables, tables.assets))}, UNNEST(observations) AS image
)
GROUP BY scheme ORDER BY scheme`
}

export async function imageAddresses({
  tables,
  location,
}: {
  tables: RunTables
  location: string
}): Promise<ImageAddresses[]> {
  const rows = await queryRows<{ scheme: string; images: number | string; example: string }>(
    imageAddressesQuery(tables),
    {
      projectId: tables.projectId,
      location,
    },
  )
  return rows.map((row) => ({ ...row, images: Number(row.images) }))
}
