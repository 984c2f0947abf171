import { BUCKETS } from '../../contracts/messages.ts'
import type { ImagePick, Unit } from '../../contracts/model-options.ts'
import { conditionFault } from '../../contracts/condition.ts'

/** How to convert a source column to the snapshot's. */
export type TimeKind = 'timestamp' | 'other' | 'absent'
export type LocationKind = 'struct' | 'geography' | 'absent'

export interface SnapshotSource {
  /** `project.dataset.table` */
  path: string
  unit: Unit
  images: { max_per_unit: number; pick: ImagePick }
  /** Null when the table has none, which is allowed only for units of one observation. */
  assetColumn: string | null
  imageColumn: string
  /** Prepended to the paths of images, but not to addresses: the location of the staged images of a local file. */
  imagePrefix: string | null
  /** Whether https addresses get the prefix too, because these images are fetched and staged. */
  fetchesImages?: boolean
  hasObservationId: boolean
  hasSnapshotId: boolean
  location: LocationKind
  detectionTime: TimeKind
  captureTime: TimeKind
  /** A condition on the source's columns: one expression, checked by `conditionFault`. */
  where: string | null
  /** Only the first N units, by ID. */
  limit: number | null
  /** An even sample of N units; the same seed selects the same units. */
  sample: { size: number; seed: string } | null
}

/** Table and column names are checked earlier; this prevents a backtick from ending the quotation. */
export function quoted(name: string): string {
  if (/[`\\\n]/.test(name)) throw new RangeError(`not a name: ${JSON.stringify(name)}`)
  return `\`${name}\``
}

/**
 * The one query that reads the source: filter, deduplication by observation, grouping by unit, image
 * choice, sampling.
 *
 * An observation that is in several snapshots of the dataset counts once, from the newest. A row without
 * an image URI still becomes a unit of the run, so that it appears in the results. Rows without an asset
 * ID belong to no asset, but count as units of one observation.
 */
export function snapshotQuery(source: SnapshotSource): string {
  const image = textExpression(quoted(source.imageColumn))
  const asset = source.assetColumn === null ? 'CAST(NULL AS STRING)' : textExpression(quoted(source.assetColumn))
  const isUnit = source.unit === 'asset' ? `${asset} IS NOT NULL` : 'TRUE'
  if (source.where !== null && conditionFault(source.where)) throw new RangeError(`not a condition: ${source.where}`)
  return `WITH source AS (
  SELECT
    ${asset} AS asset_id,
    ${source.hasObservationId ? `IFNULL(${textExpression('observation_id')}, ${image})` : image} AS observation_id,
    ${imageExpression(image, source.imagePrefix, source.fetchesImages)} AS gcs_uri,
    ${source.hasSnapshotId ? 'CAST(snapshot_id AS STRING)' : "''"} AS snapshot_id,
    ${locationExpression(source.location)} AS location,
    ${timeExpression('detection_time', source.detectionTime)} AS detection_time,
    ${timeExpression('capture_time', source.captureTime)} AS capture_time
  FROM ${quoted(source.path)}
  WHERE ${isUnit}${source.where === null ? '' : ` AND (\n${source.where}\n)`}
), newest AS (
  SELECT *, ${distinctUnitExpression(source.unit)} AS unit_id FROM source
  WHERE ${unitExpression(source.unit)} IS NOT NULL
  QUALIFY ROW_NUMBER() OVER (PARTITION BY asset_id, observation_id ORDER BY snapshot_id DESC, capture_time DESC, gcs_uri) = 1
)${source.images.pick === 'spread' ? spreadImages(source.images.max_per_unit) : ''}
SELECT
  unit_id,
  MIN(asset_id) AS asset_id,
  ARRAY_AGG(location IGNORE NULLS ORDER BY snapshot_id DESC, capture_time DESC, observation_id LIMIT 1)[SAFE_OFFSET(0)] AS location,
  MAX(detection_time) AS detection_time,
  ARRAY_AGG(
    IF(gcs_uri IS NULL, NULL, STRUCT(observation_id AS observation_id, gcs_uri AS gcs_uri, capture_time AS capture_time))
    IGNORE NULLS ORDER BY capture_time DESC, observation_id LIMIT ${source.images.max_per_unit}
  ) AS observations,
  ABS(MOD(FARM_FINGERPRINT(unit_id), ${BUCKETS})) AS bucket
FROM ${source.images.pick === 'spread' ? 'chosen' : 'newest'}
GROUP BY unit_id${choice(source)}`
}

/** A value as text. Empty text is no value, as in a CSV file. */
function textExpression(column: string): string {
  return `NULLIF(CAST(${column} AS STRING), '')`
}

/** The asset's ID; for an observation, prefixed by its asset's, because two assets can share an image. */
function unitExpression(unit: Unit): string {
  if (unit === 'asset') return 'asset_id'
  return "IF(asset_id IS NULL, observation_id, CONCAT(asset_id, '/', IFNULL(observation_id, '')))"
}

/**
 * A unit's ID. Observation `b/c` of asset `a` and observation `c` of asset `a/b` would have the same one, so all but the
 * first of such assets add a hash of their ID.
 */
function distinctUnitExpression(unit: Unit): string {
  if (unit === 'asset') return 'asset_id'
  const id = unitExpression(unit)
  return `IF(
    DENSE_RANK() OVER (PARTITION BY ${id} ORDER BY asset_id) = 1, ${id},
    CONCAT(${id}, ' of asset ', CAST(FARM_FINGERPRINT(asset_id) AS STRING))
  )`
}

/**
 * Keeps N of a unit's images, evenly spread in time order, including the latest and the oldest: image
 * `place` of `images` is kept when the step from the previous image passes a whole number of `(wanted -
 * 1) / (images - 1)`.
 */
function spreadImages(wanted: number): string {
  const step = (place: string): string => `DIV(${place} * ${wanted - 1}, GREATEST(images - 1, 1))`
  return `, placed AS (
  SELECT
    *,
    ROW_NUMBER() OVER (PARTITION BY unit_id ORDER BY IF(gcs_uri IS NULL, 1, 0), capture_time DESC, observation_id) - 1 AS place,
    COUNTIF(gcs_uri IS NOT NULL) OVER (PARTITION BY unit_id) AS images
  FROM newest
), chosen AS (
  SELECT * FROM placed
  WHERE place = 0 OR images <= ${wanted} OR ${step('place')} > ${step('(place - 1)')}
)`
}

/** The parameters that `snapshotQuery` names. */
export function snapshotParameters(source: SnapshotSource): Record<string, string> {
  return source.sample ? { seed: source.sample.seed } : {}
}

/** An address rather than the path of a file, as `addressScheme` finds it. */
const ADDRESS = String.raw`^\s*(?:[A-Za-z][A-Za-z0-9+.-]+://|[Dd][Aa][Tt][Aa]:)`

/** Returns the address of an image: as the table names it, or below the prefix if that is a path, or is fetched. */
export function imageExpression(image: string, prefix: string | null, fetches = false): string {
  if (prefix === null) return image
  if (/['\\\n]/.test(prefix)) throw new RangeError(`not a prefix: ${JSON.stringify(prefix)}`)
  const staged = ['file:', ...(fetches ? ['https://'] : [])]
  const kept = staged.map((start) => ` AND NOT STARTS_WITH(LOWER(LTRIM(${image})), '${start}')`).join('')
  return `IF(REGEXP_CONTAINS(${image}, r'${ADDRESS}')${kept}, ${image}, CONCAT('${prefix}', ${image}))`
}

function choice({ limit, sample }: SnapshotSource): string {
  if (sample) return `\nORDER BY FARM_FINGERPRINT(CONCAT(@seed, unit_id)), unit_id\nLIMIT ${sample.size}`
  return limit === null ? '' : `\nORDER BY unit_id\nLIMIT ${limit}`
}

function locationExpression(kind: LocationKind): string {
  switch (kind) {
    case 'struct':
      return pointExpression('SAFE_CAST(location.latitude AS FLOAT64)', 'SAFE_CAST(location.longitude AS FLOAT64)')
    case 'geography':
      return pointExpression('ST_Y(location)', 'ST_X(location)')
    case 'absent':
      return 'CAST(NULL AS STRUCT<latitude FLOAT64, longitude FLOAT64>)'
  }
}

/** A place on Earth, or NULL. A value that is no number costs the row its location, not its answer. */
function pointExpression(latitude: string, longitude: string): string {
  const isPoint = `${latitude} BETWEEN -90 AND 90 AND ${longitude} BETWEEN -180 AND 180`
  return `IF(${isPoint}, STRUCT(${latitude} AS latitude, ${longitude} AS longitude), NULL)`
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
