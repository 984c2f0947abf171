import type { Column } from '../../contracts/columns.ts'
import { BUCKETS } from '../../contracts/messages.ts'
import type { ImagePick, Unit } from '../../contracts/model-options.ts'
import { conditionFault } from '../../contracts/condition.ts'
import { MISSING_ID, SHORTENED_ID } from '../../contracts/doubtful-ids.ts'
import { locationExpressions, type LocationKind } from './locations.ts'
import { quoted, quotedColumn } from './names.ts'
import { isReadAsText, readTime, rewrittenTime, timeExpression, timeParts, type TimeKind } from './times.ts'

export type { LocationKind } from './locations.ts'
export type { TimeKind } from './times.ts'

export interface SnapshotSource {
  /** `project.dataset.table` */
  path: string
  unit: Unit
  images: { max_per_unit: number; pick: ImagePick }
  /** Null when the table has none, which is allowed only for units of one observation. */
  assetColumn: string | null
  imageColumn: string
  /** Whether the asset's ID is of type BYTES, which need not be text. */
  hasBytesAsAsset?: boolean
  /** Columns of the source that the results have too. */
  keep?: readonly Column[]
  /** Prepended to the paths of images, but not to addresses: the location of the staged images of a local file. */
  imagePrefix: string | null
  /** Whether https addresses get the prefix too, because these images are fetched and staged. */
  fetchesImages?: boolean
  hasObservationId: boolean
  hasSnapshotId: boolean
  /** Whether the type of the snapshot's ID has an order: numbers and times. Texts are sorted by the numbers in them. */
  hasOrderedSnapshots?: boolean
  location: LocationKind
  detectionTime: TimeKind
  captureTime: TimeKind
  /** Whether unreadable times and locations are not counted, because that was done when the file was read. */
  isConverted?: boolean
  /** Whether the rows are in files outside BigQuery, which it reads and bills again where a query names them again. */
  isExternal?: boolean
  /** Whether a converted file may need times that it lacks, so that the snapshot counts `order`. */
  mayMissTimes?: boolean
  /** A condition on the source's columns: one expression, checked by `conditionFault`. */
  where: string | null
  /** Only the first N units, by ID. */
  limit: number | null
  /** An even sample of N units; the same seed selects the same units. */
  sample: { size: number; seed: string } | null
}

/**
 * The one query that reads the source: filter, deduplication by observation, grouping by unit, image
 * choice, sampling.
 *
 * An observation that is in several snapshots of the dataset counts once, from the newest, and of equally new rows from
 * one with an image. A row without
 * an image URI still becomes a unit of the run, so that it appears in the results. Rows without an asset
 * ID belong to no asset, but count as units of one observation.
 */
export function snapshotQuery(source: SnapshotSource): string {
  const { asset, observation, image } = snapshotColumns(source)
  const isUnit = source.unit === 'asset' ? `${asset} IS NOT NULL` : 'TRUE'
  const place = locationExpressions(source.location)
  const counted = countedColumns(source)
  return `WITH source AS (
  SELECT
    ${asset} AS asset_id,
    ${observation} AS observation_id,
    ${imageExpression(image, source.imagePrefix, source.fetchesImages)} AS gcs_uri,
    ${snapshotExpression(source)} AS snapshot_id,${keptStruct(source)}
    ${place.location} AS location,
    ${counted.includes('location') ? `${place.unread} AS location_unread,\n    ` : ''}${timeColumn('detection', source.detectionTime)},
    ${timeColumn('capture', source.captureTime)}
  FROM ${quoted(source.path)}
  WHERE ${isUnit}${source.where === null ? '' : ` AND (\n${source.where}\n)`}
), ${timeQueries(source)}newest AS (
  SELECT *, ${distinctUnitExpression(source.unit)} AS unit_id${counted.includes('observation_id') ? SHARED : ''} FROM ${timeQueries(source) === '' ? 'source' : 'timed'}
  WHERE ${unitExpression(source.unit)} IS NOT NULL
  QUALIFY ROW_NUMBER() OVER (PARTITION BY asset_id, observation_id ORDER BY snapshot_id DESC, capture_time DESC, IF(gcs_uri IS NULL, 1, 0), gcs_uri${keptOrder(source)}) = 1
)${source.images.pick === 'spread' ? spreadImages(source.images.max_per_unit) : ''}
SELECT
  unit_id,
  MIN(asset_id) AS asset_id,
  ARRAY_AGG(location IGNORE NULLS ORDER BY snapshot_id DESC, capture_time DESC, observation_id LIMIT 1)[SAFE_OFFSET(0)] AS location,
  MAX(detection_time) AS detection_time,
  ARRAY_AGG(
    IF(gcs_uri IS NULL, NULL, STRUCT(observation_id AS observation_id, gcs_uri AS gcs_uri, capture_time AS capture_time))
    IGNORE NULLS ORDER BY capture_time DESC, observation_id LIMIT ${source.images.max_per_unit}
  ) AS observations,${keptRow(source)}${counted.length === 0 ? '' : `\n  ${countsOf(counted, source)} AS source_values,`}
  ABS(MOD(FARM_FINGERPRINT(unit_id), ${BUCKETS})) AS bucket
FROM ${source.images.pick === 'spread' ? 'chosen' : 'newest'}
GROUP BY unit_id${choice(source)}`
}

/** The kept columns of a row. */
function keptStruct({ keep = [] }: SnapshotSource): string {
  if (keep.length === 0) return ''
  return `\n    STRUCT(${keep.map(({ name }) => `${quoted(name)} AS ${quoted(name)}`).join(', ')}) AS kept,`
}

/** Types whose values have no order in BigQuery, or in the local one (https://cloud.google.com/bigquery/docs/reference/standard-sql/data-types#orderable_data_types). */
const UNORDERED: ReadonlySet<Column['type']> = new Set(['STRUCT', 'JSON', 'GEOGRAPHY', 'BIGNUMERIC'])

/** Of rows that differ only in kept columns, the same one is taken each time. */
function keptOrder({ keep = [] }: SnapshotSource): string {
  const ordered = keep.filter(({ type, mode }) => !UNORDERED.has(type) && mode !== 'REPEATED')
  return ordered.map(({ name }) => `, kept.${quoted(name)}`).join('')
}

/** All kept columns come from one row: that of the first image of the unit, or of the newest row if it has no image. */
function keptRow({ keep = [] }: SnapshotSource): string {
  if (keep.length === 0) return ''
  const order = 'IF(gcs_uri IS NULL, 1, 0), capture_time DESC, observation_id'
  return `\n  ARRAY_AGG(kept ORDER BY ${order} LIMIT 1)[SAFE_OFFSET(0)] AS kept,`
}

const TIMES = [
  ['detection', 'detectionTime'],
  ['capture', 'captureTime'],
] as const

/** A time that is read as text gets its TIMESTAMP in `timeQueries`. */
function timeColumn(name: 'detection' | 'capture', kind: TimeKind): string {
  return `${timeExpression(`${name}_time`, kind)} AS ${name}_${isReadAsText(kind) ? 'text' : 'time'}`
}

/** The queries that read times from text: they bring them into the plain form, then take that apart, then read it. */
function timeQueries(source: SnapshotSource): string {
  const names = TIMES.flatMap(([name, key]) => (isReadAsText(source[key]) ? [name] : []))
  if (names.length === 0) return ''
  const query = (from: string, column: (name: string) => string): string =>
    `(\n  SELECT *,\n    ${names.map(column).join(',\n    ')}\n  FROM ${from}\n), `
  return `plain AS ${query('source', (name) => `${rewrittenTime(`${name}_text`)} AS ${name}_plain`)}parts AS ${query(
    'plain',
    (name) => `${timeParts(`${name}_plain`)} AS ${name}_parts`,
  )}timed AS ${query('parts', (name) => `${readTime(`${name}_plain`, `${name}_parts`)} AS ${name}_time`)}`
}

/** The rows of an observation that are equally new: no snapshot says which one to use. BigQuery has no partitions by floating-point numbers. */
const EQUALLY_NEW = 'PARTITION BY asset_id, observation_id, CAST(snapshot_id AS STRING)'

/** Whether equally new rows of an observation have different images. */
const SHARED = `,
    MIN(gcs_uri) OVER (${EQUALLY_NEW}) < MAX(gcs_uri) OVER (${EQUALLY_NEW}) AS is_shared`

/** The name under which rows without an asset are counted. */
export const NO_ASSET = 'no_asset'

/**
 * What is counted of a table's values: those that cannot be read, identifiers that merge what is not the same, and, as
 * `order`, images whose time decides whether they are used, and is missing.
 */
export function countedColumns(source: SnapshotSource): readonly string[] {
  const isOfAssets = source.unit === 'asset'
  const order = isOfAssets && source.images.pick === 'latest' ? ['order'] : []
  if (source.isConverted) return source.mayMissTimes ? order : []
  return [
    ...(isOfAssets && !source.isExternal ? [NO_ASSET] : []),
    ...(isOfAssets ? ['missing_id', 'shortened_id'] : []),
    ...order,
    ...(source.hasObservationId ? ['observation_id'] : []),
    ...(source.location === 'absent' ? [] : ['location']),
    ...TIMES.flatMap(([name, key]) => (isReadAsText(source[key]) ? [`${name}_time`] : [])),
  ]
}

/**
 * Rows that the condition selects, and that belong to no asset. In the same query, so that it counts what it leaves out.
 * No page of Google says that BigQuery bills a column once, however often a query names its table; a report of two counts of one
 * table (https://boonepeter.github.io/posts/unnecessary_bigquery_optimization) suggests it. The dry run before the snapshot counts
 * this query's bytes either way.
 */
function rowsWithoutAsset(source: SnapshotSource): string {
  const { asset } = snapshotColumns(source)
  const condition = source.where === null ? '' : ` AND (\n${source.where}\n)`
  return `SELECT COUNT(*) FROM ${quoted(source.path)} WHERE ${asset} IS NULL${condition}`
}

/** An example in a message has at most this many letters, and one more that says that it was cut. */
const EXAMPLE_LETTERS = 61

/**
 * For each unit: how many images it has, how many have a value, and how many of those cannot be read or are shared. Of
 * rows without an asset, which are in no unit, each unit has the number.
 */
function countsOf(columns: readonly string[], source: SnapshotSource): string {
  const { captureTime } = source
  const counts = columns.map((column) => {
    if (column === NO_ASSET)
      return `STRUCT('${NO_ASSET}' AS name, 0 AS given, (${rowsWithoutAsset(source)}) AS unread, CAST(NULL AS STRING) AS example)`
    const [given, unread] = givenAndUnread(column, captureTime)
    const example = `SUBSTR(MIN(${unread}), 1, ${EXAMPLE_LETTERS})`
    return `STRUCT('${column}' AS name, COUNTIF(${given}) AS given, COUNT(${unread}) AS unread, ${example} AS example)`
  })
  return `STRUCT(COUNT(gcs_uri) AS images, [\n    ${counts.join(',\n    ')}\n  ] AS columns)`
}

const assetIf = (condition: string): string => `IF(${condition}, asset_id, NULL)`

function givenAndUnread(column: string, captureTime: TimeKind): [given: string, unread: string] {
  if (column === 'missing_id') return ['TRUE', assetIf(`REGEXP_CONTAINS(asset_id, r'(?i)${MISSING_ID}')`)]
  if (column === 'shortened_id') return ['TRUE', assetIf(`REGEXP_CONTAINS(asset_id, r'${SHORTENED_ID}')`)]
  // A time that cannot be read is counted as such.
  if (column === 'order')
    return [
      'gcs_uri IS NOT NULL',
      assetIf(`gcs_uri IS NOT NULL AND capture_${isReadAsText(captureTime) ? 'text' : 'time'} IS NULL`),
    ]
  if (column === 'observation_id') return ['TRUE', 'IF(is_shared, observation_id, NULL)']
  if (column === 'location') return ['location IS NOT NULL OR location_unread IS NOT NULL', 'location_unread']
  const text = column.replace(/_time$/, '_text')
  return [`${text} IS NOT NULL`, `IF(${column} IS NULL, ${text}, NULL)`]
}

/**
 * The expressions of the columns that decide which units there are, and the rows that the condition selects.
 *
 * @throws RangeError for a condition that `conditionFault` refuses
 */
export function snapshotColumns(source: SnapshotSource): Record<'asset' | 'observation' | 'image' | 'from', string> {
  const { where } = source
  if (where !== null && conditionFault(where)) throw new RangeError(`not a condition: ${where}`)
  const image = textExpression(quotedColumn(source.imageColumn))
  const asset = source.assetColumn === null ? undefined : quotedColumn(source.assetColumn)
  return {
    asset:
      asset === undefined
        ? 'CAST(NULL AS STRING)'
        : source.hasBytesAsAsset
          ? bytesExpression(asset)
          : textExpression(asset),
    observation: source.hasObservationId ? `IFNULL(${textExpression('observation_id')}, ${image})` : image,
    image,
    from: `${quoted(source.path)}${where === null ? '' : `\nWHERE (\n${where}\n)`}`,
  }
}

/** Addresses that imagery reads: in Cloud Storage, as gs:// or as one of its URLs. */
export const GS_ADDRESS = String.raw`^\s*(?:[Gg][Ss]:|[Hh][Tt][Tt][Pp][Ss]?://([A-Za-z0-9._-]+\.)?(storage|www)\.(googleapis|cloud\.google)\.com/)`

/** A value as text. Empty text is no value, as in a CSV file; nor are bytes that are no text, which would end the query. */
function textExpression(column: string): string {
  return `NULLIF(SAFE_CAST(${column} AS STRING), '')`
}

/** Bytes as text if they are text, else in hexadecimal digits: an ID such as a UUID in 16 bytes. */
function bytesExpression(column: string): string {
  return `IFNULL(${textExpression(column)}, IF(BYTE_LENGTH(${column}) > 0, CONCAT('0x', TO_HEX(${column})), NULL))`
}

/**
 * A snapshot's ID as what sorts by age. Of a text, its numbers sort by their values, so that `v9` comes before `v10`. Google
 * promises no order of these IDs (https://developers.google.com/maps/documentation/street-view-insights/reference), and
 * its own are dates: `s1:2026-09-18`.
 */
function snapshotExpression({ hasSnapshotId, hasOrderedSnapshots }: SnapshotSource): string {
  if (!hasSnapshotId) return "''"
  if (hasOrderedSnapshots) return 'snapshot_id'
  const padded = `REGEXP_REPLACE(SAFE_CAST(snapshot_id AS STRING), r'([0-9]+)', r'${'0'.repeat(NUMBER_DIGITS)}\\1')`
  return `REGEXP_REPLACE(${padded}, r'0*([0-9]{${NUMBER_DIGITS},})', r'\\1')`
}

/** More digits than any number of BigQuery has before the point. */
const NUMBER_DIGITS = 40

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
const ADDRESS = String.raw`^\s*(?:[A-Za-z][A-Za-z0-9+.-]+://|(?:[Ff][Ii][Ll][Ee]|[Dd][Bb][Ff][Ss]):/|[Dd][Aa][Tt][Aa]:)`

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
