import { BUCKETS } from '../../contracts/messages.ts'

/** How a source column is turned into the snapshot's. */
export type TimeKind = 'timestamp' | 'other' | 'absent'
export type LocationKind = 'struct' | 'geography' | 'absent'

export interface SnapshotSource {
  /** `project.dataset.table` */
  path: string
  assetColumn: string
  imageColumn: string
  /** Goes before image URIs that are not `gs://` yet: where the images of a local file are staged. */
  imagePrefix: string | null
  hasObservationId: boolean
  hasSnapshotId: boolean
  location: LocationKind
  detectionTime: TimeKind
  captureTime: TimeKind
  /** A condition on the source's own columns. */
  where: string | null
  /** The first so many assets by id. */
  limit: number | null
  /** So many assets drawn evenly; the same seed draws the same ones. */
  sample: { size: number; seed: string } | null
}

/** Street View Insights has up to six images of an asset. */
export const MAX_OBSERVATIONS = 6

/** Table and column names are checked before they come here; a backtick could still end the quotation. */
export function quoted(name: string): string {
  if (/[`\\\n]/.test(name)) throw new RangeError(`not a name: ${JSON.stringify(name)}`)
  return `\`${name}\``
}

/**
 * The one query that reads the source: filter, deduplication by observation, grouping by asset,
 * image choice, sampling.
 *
 * An observation that several snapshots of the dataset repeat counts once, from the newest. A row
 * without an image URI still makes its asset a unit of the run, so that the results name it.
 */
export function snapshotQuery(source: SnapshotSource): string {
  const asset = quoted(source.assetColumn)
  const image = `CAST(${quoted(source.imageColumn)} AS STRING)`
  return `WITH source AS (
  SELECT
    CAST(${asset} AS STRING) AS asset_id,
    ${source.hasObservationId ? 'CAST(observation_id AS STRING)' : image} AS observation_id,
    ${imageExpression(image, source.imagePrefix)} AS gcs_uri,
    ${source.hasSnapshotId ? 'CAST(snapshot_id AS STRING)' : "''"} AS snapshot_id,
    ${locationExpression(source.location)} AS location,
    ${timeExpression('detection_time', source.detectionTime)} AS detection_time,
    ${timeExpression('capture_time', source.captureTime)} AS capture_time
  FROM ${quoted(source.path)}
  WHERE ${asset} IS NOT NULL${source.where === null ? '' : ` AND (\n${source.where}\n)`}
), newest AS (
  SELECT * FROM source
  WHERE TRUE
  QUALIFY ROW_NUMBER() OVER (PARTITION BY asset_id, observation_id ORDER BY snapshot_id DESC, capture_time DESC, gcs_uri) = 1
)
SELECT
  asset_id,
  ARRAY_AGG(location IGNORE NULLS ORDER BY snapshot_id DESC, capture_time DESC, observation_id LIMIT 1)[SAFE_OFFSET(0)] AS location,
  MAX(detection_time) AS detection_time,
  ARRAY_AGG(
    IF(gcs_uri IS NULL, NULL, STRUCT(observation_id AS observation_id, gcs_uri AS gcs_uri, capture_time AS capture_time))
    IGNORE NULLS ORDER BY capture_time DESC, observation_id LIMIT ${MAX_OBSERVATIONS}
  ) AS observations,
  ABS(MOD(FARM_FINGERPRINT(asset_id), ${BUCKETS})) AS bucket
FROM newest
GROUP BY asset_id${choice(source)}`
}

/** The parameters that `snapshotQuery` names. */
export function snapshotParameters(source: SnapshotSource): Record<string, string> {
  return source.sample ? { seed: source.sample.seed } : {}
}

function imageExpression(image: string, prefix: string | null): string {
  if (prefix === null) return image
  if (/['\\\n]/.test(prefix)) throw new RangeError(`not a prefix: ${JSON.stringify(prefix)}`)
  return `IF(STARTS_WITH(${image}, 'gs://'), ${image}, CONCAT('${prefix}', ${image}))`
}

function choice({ limit, sample }: SnapshotSource): string {
  if (sample) return `\nORDER BY FARM_FINGERPRINT(CONCAT(@seed, asset_id)), asset_id\nLIMIT ${sample.size}`
  return limit === null ? '' : `\nORDER BY asset_id\nLIMIT ${limit}`
}

function locationExpression(kind: LocationKind): string {
  switch (kind) {
    case 'struct':
      return 'IF(location IS NULL, NULL, STRUCT(CAST(location.latitude AS FLOAT64) AS latitude, CAST(location.longitude AS FLOAT64) AS longitude))'
    case 'geography':
      return 'IF(location IS NULL, NULL, STRUCT(ST_Y(location) AS latitude, ST_X(location) AS longitude))'
    case 'absent':
      return 'CAST(NULL AS STRUCT<latitude FLOAT64, longitude FLOAT64>)'
  }
}

function timeExpression(column: string, kind: TimeKind): string {
  switch (kind) {
    case 'timestamp':
      return column
    case 'other':
      return `SAFE_CAST(CAST(${column} AS STRING) AS TIMESTAMP)`
    case 'absent':
      return 'CAST(NULL AS TIMESTAMP)'
  }
}
