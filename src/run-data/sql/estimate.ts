import { GS_ADDRESS, snapshotColumns, snapshotQuery, type SnapshotSource } from './snapshot.ts'
import { MAX_IMAGES_PER_REQUEST } from '../../contracts/model-options.ts'

/** How many sample units a group of the query has. */
const SAMPLES = 3

/**
 * The units that a run would have, in groups by their number of images, with some units of each group. Reads the source
 * like the run's snapshot, and writes nothing. Its images are all that a unit has, not only those that the run would use.
 */
export function unitGroupsQuery(source: SnapshotSource): string {
  const all = {
    ...source,
    images: { max_per_unit: MAX_IMAGES_PER_REQUEST, pick: 'latest' as const },
    isConverted: true,
    mayMissTimes: false,
  }
  return `SELECT
  images,
  COUNT(*) AS units,
  SUM(foreign_images) AS foreign_images,
  ARRAY_AGG(
    STRUCT(unit_id AS unit_id, asset_id AS asset_id, observations AS observations) ORDER BY unit_id LIMIT ${SAMPLES}
  ) AS samples
FROM (
  SELECT
    unit_id, asset_id, observations,
    IFNULL(ARRAY_LENGTH(observations), 0) AS images,
    (SELECT COUNTIF(NOT REGEXP_CONTAINS(image.gcs_uri, r'${GS_ADDRESS}')) FROM UNNEST(observations) AS image) AS foreign_images
  FROM (
${snapshotQuery(all)}
  )
)
GROUP BY images`
}

/** The rows of the source that match the condition, and why some of them are no image of the run. */
export function sourceRowsQuery(source: SnapshotSource): string {
  const { asset, observation, image, from } = snapshotColumns(source)
  const key = `CONCAT(IFNULL(${asset}, ''), '\\n', IFNULL(${observation}, ''))`
  const isUnit = source.unit === 'asset' ? `${asset} IS NOT NULL` : 'TRUE'
  // A row with neither an asset nor an image is no unit, and repeats none.
  const hasKey = source.unit === 'asset' ? isUnit : `(${asset} IS NOT NULL OR ${observation} IS NOT NULL)`
  return `SELECT
  COUNT(*) AS source_rows,
  COUNTIF(NOT (${isUnit})) AS without_asset,
  COUNTIF(${isUnit} AND ${image} IS NULL) AS without_image,
  COUNTIF(${hasKey}) - COUNT(DISTINCT IF(${hasKey}, ${key}, NULL)) AS repeated
FROM ${from}`
}
