import type { Column } from '../src/contracts/columns.ts'
import { answerColumns } from '../src/contracts/answer-schema.ts'
import { CAUSES } from '../src/contracts/causes.ts'
import type { ImagePick, Unit } from '../src/contracts/model-options.ts'
import type { RunTables } from '../src/contracts/names.ts'
import { profile, type Profile } from '../src/contracts/run-spec.ts'
import { ASSET_COLUMNS, attemptColumns, keptColumns } from '../src/contracts/tables.ts'
import {
  costQuery,
  failedUnitsQuery,
  failureKindsQuery,
  failuresQuery,
  finalRowsQuery,
  imagesQuery,
  liveView,
  markerQuery,
  pendingUnitsQuery,
  rawAnswersQuery,
  resultsQuery,
  shardQuery,
  unitsQuery,
} from '../src/run-data/sql/ledger.ts'
import { imageAddressesQuery } from '../src/run-data/image-addresses.ts'
import { stagedImagesQuery } from '../src/run-data/staged-images.ts'
import {
  carriedCountsQuery,
  carryStatement,
  expectedCountsQuery,
  imagesToCompareQuery,
} from '../src/run-data/sql/carry.ts'
import { sampledAttemptsQuery, sampleQuery } from '../src/run-data/sql/sample.ts'
import { totalsQuery } from '../src/run-data/sql/totals.ts'
import { snapshotParameters, snapshotQuery, type SnapshotSource, type TimeKind } from '../src/run-data/sql/snapshot.ts'
import { builtInProfiles } from '../src/profiles/built-in-profiles.ts'
import type { CheckedTable, Parameters } from './check-sql-analyzer.ts'
import { KEPT, keptValues } from './check-sql-kept.ts'
import { resultStatements } from './check-sql-results.ts'
import { sampleOf } from './check-sql-values.ts'

/** A statement that imagery sends, with its parameters. */
export interface Statement {
  name: string
  sql: string
  parameters?: Parameters
  /** Only analyzed: the reference evaluator lacks one of its functions, runs no INSERT, or has another order. */
  isOnlyAnalyzed?: boolean
}

/** A run's statements over one profile, with the tables that they read. */
export interface LedgerStatements {
  profile: string
  tables: readonly CheckedTable[]
  view: { path: string; sql: string }
  statements: readonly Statement[]
}

export const DATASETS = ['check.city', 'check.results']

/** How a source table stores its times, places and IDs. */
interface SourceKind {
  path: string
  time: Column['type'] | 'DATETIME' | 'DATE'
  location: 'struct' | 'geography'
  id: 'STRING' | 'INT64'
}

/** One table of each kind. */
export const SOURCES: readonly SourceKind[] = [
  { path: 'check.city.usual', time: 'TIMESTAMP', location: 'struct', id: 'STRING' },
  { path: 'check.city.text', time: 'STRING', location: 'struct', id: 'STRING' },
  { path: 'check.city.numbered', time: 'STRING', location: 'struct', id: 'INT64' },
  { path: 'check.city.geographic', time: 'TIMESTAMP', location: 'geography', id: 'STRING' },
]

/** The source tables, with rows of every kind that the snapshot distinguishes. */
export function sourceTables(): CheckedTable[] {
  return SOURCES.map(({ path, time, location, id }) => ({
    path,
    columns: [
      { name: 'asset_id', type: id },
      { name: 'observation_id', type: id },
      { name: 'snapshot_id', type: 'STRING' },
      { name: 'gcs_uri', type: 'STRING' },
      location === 'geography'
        ? { name: 'location', type: 'GEOGRAPHY' }
        : {
            name: 'location',
            type: 'STRUCT',
            columns: [
              { name: 'latitude', type: 'FLOAT64' },
              { name: 'longitude', type: 'FLOAT64' },
            ],
          },
      { name: 'detection_time', type: time },
      { name: 'capture_time', type: time },
      ...KEPT,
    ],
    rows: location === 'geography' ? [] : sourceRows(id, time),
  }))
}

function sourceRows(id: SourceKind['id'], time: SourceKind['time']): Record<string, unknown>[] {
  const image = (asset: number | null, observation: number | null, changes: object = {}): Record<string, unknown> => ({
    asset_id: asset === null ? null : id === 'INT64' ? asset : `asset-${asset}`,
    observation_id: observation === null ? null : id === 'INT64' ? observation : `o${observation}`,
    snapshot_id: 's1',
    gcs_uri: `gs://images/${observation ?? 'nameless'}.jpg`,
    location: { latitude: 50 + (asset ?? 0) / 8, longitude: 1 - (observation ?? 0) / 16 },
    detection_time: `2026-01-${String(10 + ((observation ?? 0) % 9))}T00:00:00Z`,
    capture_time: `20${String(10 + ((observation ?? 0) % 15))}-05-06T07:08:09.123Z`,
    ...keptValues(observation ?? 0),
    asset_type: (asset ?? 0) % 2 === 0 ? 'ASSET_CLASS_ROAD_SIGN' : 'ASSET_CLASS_UTILITY_POLE',
    ...changes,
  })
  return [
    ...[1, 2, 3, 4, 5, 6, 7].map((observation) => image(1, observation)),
    image(1, 7, { snapshot_id: 's2', gcs_uri: 'gs://images/newer.jpg' }),
    image(2, 8, { location: null }),
    image(2, 9, { gcs_uri: 'relative/9.jpg' }),
    image(3, 10, { gcs_uri: null }),
    image(4, null),
    image(5, 11, { capture_time: null, detection_time: null }),
    image(5, 12, time === 'STRING' ? { capture_time: 'yesterday' } : {}),
    image(6, 1),
    image(null, 13),
    image(null, null, { gcs_uri: null }),
  ]
}

/** All combinations of the branches in the snapshot's query, except filters and choices, which alternate. */
export function snapshotStatements(): Statement[] {
  const statements: Statement[] = []
  for (const source of SOURCES)
    for (const unit of ['asset', 'observation'] as Unit[])
      for (const pick of ['latest', 'spread'] as ImagePick[])
        for (const bits of Array.from({ length: 64 }, (_, index) => index)) {
          const has = (bit: number): boolean => (bits & (1 << bit)) !== 0
          if (unit === 'asset' && has(0)) continue
          const given = snapshotSource(source, unit, pick, has, statements.length)
          statements.push({
            name: `snapshot ${statements.length + 1}`,
            sql: snapshotQuery(given),
            parameters: snapshotParameters(given),
            isOnlyAnalyzed: source.location === 'geography',
          })
        }
  return statements
}

/** What a run reads of a source, with the parts of the snapshot's query that `has` chooses. */
export function snapshotSource(
  { path, time, location }: SourceKind,
  unit: Unit,
  pick: ImagePick,
  has: (bit: number) => boolean,
  turn: number,
): SnapshotSource {
  const timeKind: TimeKind = time === 'TIMESTAMP' ? 'timestamp' : 'text'
  const filter = "asset_type LIKE '%ROAD_SIGN' OR gcs_uri IS NULL OR REGEXP_CONTAINS(gcs_uri, r'[1-4]\\.jpg$')"
  return {
    path,
    unit,
    images: { max_per_unit: 1 + (turn % 4), pick },
    assetColumn: has(0) ? null : 'asset_id',
    imageColumn: 'gcs_uri',
    ...(turn % 7 === 0 ? { keep: KEPT } : {}),
    hasObservationId: has(1),
    hasSnapshotId: has(2),
    location: has(3) ? location : 'absent',
    detectionTime: has(4) ? timeKind : 'absent',
    captureTime: has(5) ? timeKind : 'absent',
    imagePrefix: turn % 2 === 0 ? null : 'gs://bucket/runs/261123-9f3c1a7b/images/',
    where: turn % 5 === 0 ? filter : null,
    limit: turn % 3 === 1 ? 3 : null,
    sample: turn % 3 === 2 ? { size: 4, seed: '261123-9f3c1a7b' } : null,
  }
}

/** An answer with every type that a profile can have. */
const EVERY_TYPE = profile.parse({
  name: 'every-type',
  description: 'Every type.',
  prompt: 'What?',
  output: {
    type: 'object',
    properties: {
      note: { type: 'string' },
      count: { type: 'integer' },
      ratio: { type: 'number' },
      seen: { type: 'boolean' },
      words: { type: 'array', items: { type: 'string' } },
      box: { type: 'object', properties: { left: { type: 'number' }, label: { type: 'string' } } },
      parts: { type: 'array', items: { type: 'object', properties: { name: { type: 'string' } } } },
    },
  },
})

/** The queries of a run's ledger, for every built-in profile and one with every type. */
export function ledgerStatements(): LedgerStatements[] {
  return [...builtInProfiles(), EVERY_TYPE].map((asked, index) => {
    const tables: RunTables = {
      projectId: 'check',
      dataset: 'results',
      assets: `run${index}_assets`,
      attempts: `run${index}_attempts`,
      live: `run${index}_live`,
      source: `run${index}_source`,
      results: `run${index}`,
    }
    const path = (table: string): string => `check.results.${table}`
    // Every second run keeps a column of its source.
    const kept = index % 2 === 0 ? KEPT : []
    const columns = [...ASSET_COLUMNS, ...keptColumns(kept)]
    return {
      profile: asked.name,
      tables: [
        { path: path(tables.assets), columns, rows: assetRows(kept) },
        { path: path(tables.attempts), columns: attemptColumns(asked), rows: attemptRows(asked) },
        { path: path(nextTables(tables).attempts), columns: attemptColumns(asked), rows: [] },
      ],
      view: { path: path(tables.live), sql: liveView(tables, asked, kept) },
      statements: runStatements(tables, asked, kept),
    }
  })
}

function runStatements(tables: RunTables, asked: Profile, kept: readonly Column[]): Statement[] {
  const shard = { from: 0, to: 3 }
  const causes = [...CAUSES.map((cause) => [cause]), [...CAUSES]]
  return [
    { name: 'live view', sql: liveView(tables, asked, kept) },
    { name: 'results', sql: resultsQuery(tables, asked, kept) },
    { name: 'totals', sql: totalsQuery(tables) },
    { name: 'cost', sql: costQuery(tables) },
    { name: 'failures', sql: failuresQuery(tables, 2) },
    { name: 'kinds of failures', sql: failureKindsQuery(tables, 2) },
    { name: 'raw answers', sql: rawAnswersQuery(tables) },
    ...causes.map((some) => ({ name: `failed units by ${some.join(', ')}`, sql: failedUnitsQuery(tables, some) })),
    { name: 'first failed units', sql: failedUnitsQuery(tables, [...CAUSES], 1) },
    { name: 'images', sql: imagesQuery(tables) },
    { name: 'addresses of images', sql: imageAddressesQuery(tables) },
    { name: 'images in a folder', sql: stagedImagesQuery(tables), parameters: { folder: 'gs://bucket/a' } },
    { name: 'marker', sql: markerQuery(tables) },
    {
      name: 'units by their IDs',
      sql: unitsQuery(tables, [1, 2, 6]),
      parameters: { units: ['failed', 'retried', 'late'] },
    },
    ...resultStatements(tables, asked),
    {
      name: 'final rows',
      sql: finalRowsQuery(tables, [0, 2, 3, 5, 6]),
      parameters: { units: ['answered', 'late', 'retried', 'untouched'] },
    },
    ...carryStatements(tables, asked),
    {
      name: 'sample',
      sql: sampleQuery(tables, 3),
      parameters: { seed: 'imagery sample' },
    },
    {
      name: 'sample by kinds of assets',
      sql: sampleQuery(
        tables,
        3,
        snapshotSource(SOURCES[0]!, 'asset', 'latest', (bit) => bit !== 0, 0),
      ),
      parameters: { seed: 'imagery sample' },
    },
    {
      name: 'attempts of a sample',
      sql: sampledAttemptsQuery(
        tables,
        [0, 2, 5],
        answerColumns(asked.output).map(({ name }) => name),
      ),
      parameters: { units: ['answered', 'retried', 'late'] },
    },
    { name: 'shard', sql: shardQuery(tables, shard) },
    { name: 'pending units of a shard', sql: pendingUnitsQuery(tables, shard) },
  ]
}

const QUESTION = 'the question'

/** A run that compares with itself, and so with every kind of row. */
function carryStatements(tables: RunTables, asked: Profile): Statement[] {
  const { projectId, dataset } = tables
  const path = (table: string): string => `\`${projectId}.${dataset}.${table}\``
  const ledger = { run_id: '261123-9f3c1a7b', projectId, dataset, table: tables.attempts }
  const comparison = (has_answers: boolean, trustsAddresses: boolean) => ({
    units: path(tables.assets),
    versions: `(SELECT image.gcs_uri AS gcs_uri, 'md5:x' AS version FROM ${path(tables.assets)}, UNNEST(observations) AS image)`,
    ledgers: [
      { ...ledger, has_answers },
      { ...ledger, has_answers },
    ],
    profile: asked,
    questionHash: QUESTION,
    stagedPrefix: 'gs://bucket/runs/',
    trustsAddresses,
  })
  const carried = carryStatement(nextTables(tables), '261130-00000000', comparison(true, false))
  const nothing = carryStatement(nextTables(tables), '261130-00000000', comparison(false, true))
  return [
    { name: 'rows of answers carried over', sql: insertedRows(carried) },
    { name: 'rows of no answers carried over', sql: insertedRows(nothing) },
    { name: 'answers carried over', sql: carried, isOnlyAnalyzed: true },
    { name: 'no answers carried over', sql: nothing, isOnlyAnalyzed: true },
    { name: 'expected counts', sql: expectedCountsQuery(comparison(true, true)) },
    { name: 'counts', sql: carriedCountsQuery(tables, comparison(true, false)) },
    { name: 'images to compare', sql: imagesToCompareQuery(comparison(true, false)) },
  ]
}

/** The tables of the run that takes answers over: its ledger is empty. */
function nextTables(tables: RunTables): RunTables {
  return { ...tables, attempts: `${tables.attempts}_next` }
}

/** The query of an INSERT, because the evaluator runs only queries. */
function insertedRows(insert: string): string {
  return insert.slice(insert.indexOf('\nWITH ') + 1)
}

const UNITS = ['answered', 'failed', 'retried', 'retried-ok', 'throttled', 'late', 'untouched']

function assetRows(kept: readonly Column[]): Record<string, unknown>[] {
  return UNITS.map((unit, index) => ({
    unit_id: unit,
    asset_id: index % 3 === 0 ? null : unit,
    location: index % 2 === 0 ? null : { latitude: 1.5, longitude: -0.25 },
    detection_time: index % 2 === 0 ? '2026-01-01T00:00:00.500Z' : null,
    observations: index === 5 ? [] : [{ observation_id: 'o', gcs_uri: 'gs://b/o.jpg', capture_time: null }],
    bucket: index,
    ...(kept.length > 0 ? { kept: keptValues(index) } : {}),
  }))
}

function attemptRows(asked: Profile): Record<string, unknown>[] {
  const attempts: [unit: string, generation: number, status: string, cause?: string][] = [
    ['answered', 0, 'ok'],
    ['answered', 0, 'failed', 'timeout'],
    ['failed', 0, 'retrying', 'model_error'],
    ['failed', 0, 'failed', 'model_error'],
    ['retried', 0, 'failed', 'schema'],
    ['retried', 1, 'retrying'],
    ['retried-ok', 0, 'failed', 'schema'],
    ['retried-ok', 1, 'ok'],
    ['throttled', 0, 'throttled', 'throttled'],
    ['late', 0, 'failed', 'blocked'],
    ['late', 0, 'retrying', 'model_error'],
  ]
  return attempts.map(([unit, generation, status, cause], index) => {
    const time = new Date(Date.UTC(2026, 0, 1, 0, 0, index, 250)).toISOString()
    const known: Record<string, unknown> = {
      run_id: '261123-9f3c1a7b',
      unit_id: unit,
      asset_id: unit,
      bucket: UNITS.indexOf(unit),
      attempt_id: `a${index}`,
      generation,
      status,
      cause: cause ?? null,
      cost_usd: index % 4 === 0 ? null : index / 64,
      started_at: time,
      finished_at: time,
      ...(status === 'ok'
        ? {
            question_hash: QUESTION,
            input_images: [{ observation_id: 'o', gcs_uri: 'gs://b/o.jpg', capture_time: null, version: 'md5:x' }],
          }
        : {}),
    }
    return Object.fromEntries(
      attemptColumns(asked).map((column) => [
        column.name,
        column.name in known ? known[column.name] : sampleOf(column, index),
      ]),
    )
  })
}
