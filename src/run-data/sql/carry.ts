import type { EarlierLedger } from '../../contracts/carry.ts'
import { tablePath, type RunTables } from '../../contracts/names.ts'
import type { Profile } from '../../contracts/run-spec.ts'
import { attemptColumns, MARKER_STATUS } from '../../contracts/tables.ts'
import { quoted } from './names.ts'

/** What is compared with what. */
export interface Comparison {
  /** The units of the new run: its snapshot in quotes, or a query in parentheses. */
  units: string
  /** The table with the current version of each image, in quotes; null if no image is looked at. */
  versions: string | null
  ledgers: readonly EarlierLedger[]
  profile: Profile
  /** `questionHash` of the new run. */
  questionHash: string
  /** The prefix of staged images of all runs. Their addresses differ from run to run, so only their content counts. */
  stagedPrefix: string
  /** Whether the same gs:// address counts as the same image. */
  trustsAddresses: boolean
}

/**
 * The one statement that carries answers over into a run's new ledger. An answer is carried over if it is about the same
 * unit, the same question and the same images in the same order; of several, the newest. Its row says which run got it
 * and what it cost that run; it costs this run nothing. A unit that has a row already gets no second one.
 *
 * It only inserts, so rows that were just streamed into the ledger do not matter
 * (https://cloud.google.com/bigquery/docs/data-manipulation-language#limitations).
 */
export function carryStatement(tables: RunTables, runId: string, comparison: Comparison): string {
  const columns = attemptColumns(comparison.profile).map(({ name }) => name)
  const values: Record<string, string> = {
    run_id: text(runId),
    asset_id: 'imagery_unit.asset_id',
    bucket: 'imagery_unit.bucket',
    generation: '0',
    // As this run names the images: those of a local file have another address in each run.
    gcs_uris: `ARRAY(
    SELECT image.gcs_uri FROM UNNEST(imagery_answer.observation_ids) AS used WITH OFFSET AS place
    JOIN UNNEST(imagery_unit.observations) AS image ON image.observation_id = used ORDER BY place
  )`,
    input_images: `ARRAY(
    SELECT STRUCT(image.observation_id AS observation_id, image.gcs_uri AS gcs_uri, image.capture_time AS capture_time, seen.version AS version)
    FROM UNNEST(imagery_unit.observations) AS image WITH OFFSET AS place
    JOIN UNNEST(imagery_answer.input_images) AS seen WITH OFFSET AS seen_place ON seen_place = place ORDER BY place
  )`,
    cost_usd: '0.0',
    carried_from: 'IFNULL(imagery_answer.carried_from, imagery_answer.run_id)',
    carried_cost_usd:
      'IF(imagery_answer.carried_from IS NULL, imagery_answer.cost_usd, imagery_answer.carried_cost_usd)',
  }
  const list = columns.map((name) => values[name] ?? `imagery_answer.${quoted(name)}`)
  // A profile can have a column with any other short name, which a statement would confuse with the name of a table.
  return `INSERT INTO ${quoted(tablePath(tables, tables.attempts))} (${columns.map(quoted).join(', ')})
WITH ${matching(comparison)}
SELECT
  ${list.join(',\n  ')}
FROM unit AS imagery_unit
JOIN matched AS imagery_answer ON imagery_answer.unit_id = imagery_unit.unit_id
LEFT JOIN (
  SELECT unit_id FROM ${quoted(tablePath(tables, tables.attempts))} WHERE status != '${MARKER_STATUS}' GROUP BY unit_id
) AS imagery_own ON imagery_own.unit_id = imagery_unit.unit_id
WHERE imagery_own.unit_id IS NULL`
}

/** How the units of a run compare with earlier runs, by the rows that it has carried over. */
export function carriedCountsQuery(tables: RunTables, comparison: Comparison): string {
  return countsQuery(
    comparison,
    `SELECT unit_id, MAX(carried_cost_usd) AS carried_cost_usd FROM ${quoted(tablePath(tables, tables.attempts))}
  WHERE carried_from IS NOT NULL GROUP BY unit_id`,
    `unit AS (SELECT * FROM ${comparison.units})`,
  )
}

/** The same before a run exists, by the rows that it would carry over. */
export function expectedCountsQuery(comparison: Comparison): string {
  return countsQuery(
    comparison,
    'SELECT unit_id, IF(carried_from IS NULL, cost_usd, carried_cost_usd) AS carried_cost_usd FROM matched',
    matching(comparison),
  )
}

/** A row of `carriedCountsQuery`. */
export interface CarriedCounts {
  new_units: number
  changed: number
  unchanged: number
  failed_before: number
  gone: number
  carried_cost_usd: number
  /** Images of the units that are not carried over. */
  images_to_ask: number
}

function countsQuery({ ledgers }: Comparison, carriedRows: string, definitions: string): string {
  const before = ledgers.map(
    ({ projectId, dataset, table }) =>
      `SELECT unit_id, status FROM ${quoted(`${projectId}.${dataset}.${table}`)} WHERE status != '${MARKER_STATUS}'`,
  )
  const none = "SELECT '' AS unit_id, '' AS status FROM UNNEST(ARRAY<INT64>[])"
  return `WITH ${definitions}, carried AS (
  ${carriedRows}
), earlier AS (
  SELECT unit_id, LOGICAL_OR(status = 'ok') AS is_answered FROM (
  ${before.join('\n  UNION ALL\n  ') || none}
  )
  GROUP BY unit_id
)
SELECT
  COUNTIF(unit.unit_id IS NOT NULL AND carried.unit_id IS NULL AND earlier.unit_id IS NULL) AS new_units,
  COUNTIF(unit.unit_id IS NOT NULL AND carried.unit_id IS NULL AND earlier.is_answered) AS changed,
  COUNTIF(carried.unit_id IS NOT NULL) AS unchanged,
  COUNTIF(unit.unit_id IS NOT NULL AND carried.unit_id IS NULL AND NOT earlier.is_answered) AS failed_before,
  COUNTIF(unit.unit_id IS NULL) AS gone,
  IFNULL(SUM(carried.carried_cost_usd), 0.0) AS carried_cost_usd,
  IFNULL(SUM(IF(carried.unit_id IS NULL, ARRAY_LENGTH(unit.observations), 0)), 0) AS images_to_ask
FROM unit
FULL JOIN earlier ON earlier.unit_id = unit.unit_id
LEFT JOIN carried ON carried.unit_id = unit.unit_id`
}

/** The images whose current version decides whether an answer is carried over, each once. */
export function imagesToCompareQuery(comparison: Comparison): string {
  const { units, stagedPrefix, trustsAddresses } = comparison
  const known = answersOf(comparison, ['unit_id'])
  const staged = trustsAddresses ? `WHERE STARTS_WITH(image.gcs_uri, ${text(stagedPrefix)})\n` : ''
  return `SELECT image.gcs_uri AS gcs_uri
FROM ${units} AS unit
JOIN (SELECT unit_id FROM (${known}) GROUP BY unit_id) AS known ON known.unit_id = unit.unit_id,
UNNEST(unit.observations) AS image
${staged}GROUP BY gcs_uri`
}

/** `unit`, the units of the run, and `matched`, the answer that each one takes over. */
function matching(comparison: Comparison): string {
  const { units, versions, profile } = comparison
  const columns = attemptColumns(profile).map(({ name }) => name)
  const looked = versions === null ? '' : `\n  LEFT JOIN seen ON seen.gcs_uri = image.gcs_uri`
  const seen =
    versions === null
      ? ''
      : `seen AS (
  SELECT gcs_uri, MIN(version) AS version FROM ${versions} GROUP BY gcs_uri
), `
  const now = imageText(comparison, versions === null ? 'CAST(NULL AS STRING)' : 'seen.version', 'unit.observations')
  const then = imageText(comparison, 'image.version', 'imagery_answer.input_images')
  return `unit AS (
  SELECT * FROM ${units}
), ${seen}unit_images AS (
  SELECT unit.unit_id AS unit_id, ${joined(now)} AS images
  FROM unit, UNNEST(unit.observations) AS image WITH OFFSET AS place${looked}
  GROUP BY unit_id
), answers AS (
  SELECT imagery_answer, (SELECT ${joined(then)} FROM UNNEST(imagery_answer.input_images) AS image WITH OFFSET AS place) AS images
  FROM (${answersOf(comparison, columns)}) AS imagery_answer
), matched AS (
  SELECT answers.imagery_answer.*
  FROM answers
  JOIN unit_images ON unit_images.unit_id = answers.imagery_answer.unit_id AND unit_images.images = answers.images
  WHERE answers.images IS NOT NULL
  QUALIFY ROW_NUMBER() OVER (
    PARTITION BY answers.imagery_answer.unit_id ORDER BY answers.imagery_answer.finished_at DESC, answers.imagery_answer.attempt_id DESC
  ) = 1
)`
}

/** The answers of the earlier ledgers to the run's question. */
function answersOf({ ledgers, questionHash, profile }: Comparison, columns: readonly string[]): string {
  const selects = ledgers
    .filter(({ has_answers }) => has_answers)
    .map(
      ({ projectId, dataset, table }) => `SELECT ${columns.map(quoted).join(', ')}
  FROM ${quoted(`${projectId}.${dataset}.${table}`)}
  WHERE status = 'ok' AND question_hash = ${text(questionHash)}`,
    )
  return selects.join('\n  UNION ALL\n  ') || noAnswers(profile, columns)
}

/** A query of these columns of a ledger without rows. */
function noAnswers(profile: Profile, columns: readonly string[]): string {
  const types = new Map(attemptColumns(profile).map((column) => [column.name, column]))
  const typeOf = ({ type, mode, columns: members }: NonNullable<ReturnType<typeof types.get>>): string => {
    const single = members
      ? `STRUCT<${members.map((member) => `${quoted(member.name)} ${typeOf(member)}`).join(', ')}>`
      : type
    return mode === 'REPEATED' ? `ARRAY<${single}>` : single
  }
  const list = columns.map((name) => {
    const column = types.get(name)
    if (!column) throw new Error(`no ledger column ${name}`)
    return `CAST(NULL AS ${typeOf(column)}) AS ${quoted(name)}`
  })
  return `SELECT ${list.join(', ')} FROM UNNEST(ARRAY<INT64>[])`
}

/**
 * All images of a unit in one text, or NULL if the version of one of them is not known. A text of no images is NULL too.
 *
 * @param image the text of one image; `place` is its position
 */
function joined(image: string): string {
  return `IF(COUNTIF(${image} IS NULL) = 0, STRING_AGG(${image}, '\\n' ORDER BY place), NULL)`
}

/**
 * One image in the comparison: its observation, its content and, if the model is told, its day. A length before the ID
 * keeps two different lists of images from having the same text.
 */
function imageText({ stagedPrefix, trustsAddresses }: Comparison, version: string, all: string): string {
  const content = trustsAddresses
    ? `IF(STARTS_WITH(image.gcs_uri, ${text(stagedPrefix)}), ${version}, CONCAT('address:', image.gcs_uri))`
    : version
  // The request names the days only if the unit has several images.
  const day = `IF(ARRAY_LENGTH(${all}) > 1, IFNULL(FORMAT_TIMESTAMP('%F', image.capture_time), '-'), '')`
  return `CONCAT(CAST(LENGTH(image.observation_id) AS STRING), ':', image.observation_id, ' ', ${content}, ' ', ${day})`
}

function text(value: string): string {
  if (/['\\\n]/.test(value)) throw new RangeError(`not a text without quotes: ${JSON.stringify(value)}`)
  return `'${value}'`
}
