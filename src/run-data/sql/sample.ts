import type { RunTables } from '../../contracts/names.ts'
import { tablePath } from '../../contracts/names.ts'
import { quoted, quotedColumn } from './names.ts'
import { snapshotColumns, type SnapshotSource } from './snapshot.ts'

/** How many units are drawn at random for each one that is asked about, before they are spread. */
const CANDIDATES_PER_UNIT = 50

/** The column of a source that names the kind of an asset (Street View Insights calls it so). */
export const KIND_COLUMN = 'asset_type'

/**
 * Units of a snapshot that have an image, spread evenly over their kinds and numbers of images. The same seed chooses the
 * same units.
 *
 * A random part of the snapshot is put in order by kind and number of images, and units at even steps of it are taken, so that each kind has
 * its share. A table of any size needs no sort of all of its units.
 *
 * @param source what the snapshot reads, if it has the kinds; they are read from it
 */
export function sampleQuery(tables: RunTables, size: number, source?: SnapshotSource): string {
  const kinds =
    source === undefined
      ? ''
      : `\n    LEFT JOIN (\n${kindsOf(source)}\n    ) AS kinds ON kinds.asset_id = asset.asset_id`
  return `SELECT unit_id, bucket, images
FROM (
  SELECT
    unit_id, bucket, images,
    ROW_NUMBER() OVER (ORDER BY kind, images, place, unit_id) - 1 AS position,
    COUNT(*) OVER () AS candidates
  FROM (
    SELECT
      asset.unit_id AS unit_id, asset.bucket AS bucket, ARRAY_LENGTH(asset.observations) AS images,
      ${source === undefined ? "''" : "IFNULL(kinds.kind, '')"} AS kind,
      FARM_FINGERPRINT(CONCAT(@seed, asset.unit_id)) AS place
    FROM ${quoted(tablePath(tables, tables.assets))} AS asset${kinds}
    WHERE ARRAY_LENGTH(asset.observations) > 0
    ORDER BY place
    LIMIT ${size * CANDIDATES_PER_UNIT}
  )
)
WHERE DIV((position + 1) * ${size}, candidates) > DIV(position * ${size}, candidates)
ORDER BY position`
}

function kindsOf(source: SnapshotSource): string {
  const { asset, from } = snapshotColumns(source)
  return `      SELECT asset_id, MIN(kind) AS kind
      FROM (SELECT ${asset} AS asset_id, CAST(${quotedColumn(KIND_COLUMN)} AS STRING) AS kind FROM ${from})
      GROUP BY asset_id`
}

/** All attempts at some units, with the columns of the answers. Reads only the partitions of the units' buckets. */
export function sampledAttemptsQuery(
  tables: RunTables,
  buckets: readonly number[],
  answerColumns: readonly string[],
): string {
  const columns = [
    'unit_id',
    'status',
    'cause',
    'error_message',
    'cost_usd',
    'prompt_tokens',
    'output_tokens',
    'thought_tokens',
    'latency_ms',
  ]
  const answers = answerColumns.length === 0 ? '' : `, STRUCT(${answerColumns.map(quotedColumn).join(', ')}) AS answer`
  return `SELECT ${columns.join(', ')}${answers}
FROM ${quoted(tablePath(tables, tables.attempts))}
WHERE bucket IN (${buckets.map(String).join(', ')}) AND unit_id IN UNNEST(@units) AND status != 'setup'`
}
