import { ImageryError } from '../../contracts/errors.ts'
import { shellWord } from '@imagery/local-cloud/contract/shell-word'
import { queryRows } from '../../google/bigquery/bigquery.ts'
import { nearestName } from '../../profiles/nearest-name.ts'
import { assetAttemptsQuery, assetRowsQuery, similarIdsQuery } from '../../run-data/sql/one-asset.ts'
import type { ShownAttempt, ShownUnit } from '../../contracts/shown-asset.ts'
import { RESERVED_COLUMNS } from '../../contracts/tables.ts'
import type { Ledger, RunRows } from '../runs/results.ts'
import { allRows, type Row } from './read-rows.ts'

/** The names of a unit's own columns that are no answer, in the results or in the view of current rows. */
const BESIDE_ATTEMPT: ReadonlySet<string> = new Set(['location', 'detection_time', 'observations', 'bucket'])

/**
 * Returns everything about an asset: its current answer, its images and all attempts, of each of its units.
 *
 * @param given the ID of an asset or of a unit
 * @throws ImageryError ASSET_NOT_FOUND, which names a similar ID
 */
export async function showAsset(rows: RunRows, ledger: Ledger, given: string): Promise<ShownUnit[]> {
  const query = { projectId: rows.projectId, location: rows.location, parameters: { id: given } }
  const [current, attempts] = await Promise.all([
    allRows(assetRowsQuery(rows.from), query),
    allRows(assetAttemptsQuery(ledger), query),
  ])
  if (current.length === 0) throw await notFound(rows, given)
  const own = rows.fields.map(({ name }) => name ?? '').filter((name) => !isRecord(name))
  const answers = own.filter((name) => ledger.columns.includes(name))
  const kept = own.filter((name) => !ledger.columns.includes(name))
  return current.map((row) => {
    const tries = attempts.filter(({ unit_id: id }) => id === row['unit_id'])
    return {
      unit_id: row['unit_id'] as string,
      asset_id: row['asset_id'] as string | null,
      status: row['status'] as string,
      location: row['location'],
      detection_time: row['detection_time'],
      kept: picked(row, kept),
      answer: picked(row, answers),
      images: imagesOf(row, tries.at(-1)),
      attempts: tries.map((attempt) => shownAttempt(attempt, answers)),
    }
  })
}

/** Whether a column is one of imagery's own. The others that the ledger has are the answer's; the rest are kept from the source. */
function isRecord(name: string): boolean {
  return BESIDE_ATTEMPT.has(name) || RESERVED_COLUMNS.has(name)
}

function picked(row: Row, names: readonly string[]): Row {
  return Object.fromEntries(names.map((name) => [name, row[name] ?? null]))
}

/** The images of the attempt that the row shows, or else of the last one. */
function imagesOf(row: Row, last: Row | undefined): ShownUnit['images'] {
  const used = ((row['gcs_uris'] as string[] | null) ?? []).length > 0 ? row : (last ?? row)
  const ids = (used['observation_ids'] as (string | null)[] | null) ?? []
  const uris = (used['gcs_uris'] as string[] | null) ?? []
  return uris.map((uri, index) => ({ observation_id: ids[index] ?? null, gcs_uri: uri }))
}

/** The columns of an attempt that are shown as they are. */
const SHOWN = [
  'attempt_id',
  'status',
  'cause',
  'error_message',
  'raw_answer',
  'repaired',
  'model',
  'model_version',
  'tier',
  'prompt_tokens',
  'output_tokens',
  'thought_tokens',
  'cost_usd',
  'latency_ms',
  'finish_reason',
  'started_at',
  'finished_at',
  'generation',
] as const satisfies readonly (keyof ShownAttempt)[]

function shownAttempt(attempt: Row, answers: readonly string[]): ShownAttempt {
  const shown = Object.fromEntries(SHOWN.map((name) => [name, attempt[name] ?? null]))
  return { ...(shown as unknown as Omit<ShownAttempt, 'answer'>), answer: picked(attempt, answers) }
}

/** IDs among which a similar one is looked for. */
const CANDIDATES = 2_000

async function notFound(rows: RunRows, given: string): Promise<ImageryError> {
  const { projectId, location, from, runId } = rows
  // Most mistakes are at the end of a long ID, or a part of it is missing.
  const start = given.slice(0, Math.ceil(given.length / 2))
  const similar = (parameters: Record<string, string>): Promise<{ id: string }[]> =>
    queryRows<{ id: string }>(similarIdsQuery(from, CANDIDATES), { projectId, location, parameters })
  const near = await similar({ id: given, start })
  const found = near.length > 0 ? near : await similar({ id: '', start: '' })
  const meant = nearestName(
    given,
    found.map(({ id }) => id),
  )
  return new ImageryError('ASSET_NOT_FOUND', `Run ${runId} has no asset ${given}`, {
    suggestions: [
      ...(meant === undefined ? [] : [`imagery show ${runId} ${shellWord(meant)}`]),
      `imagery results ${runId} --columns unit_id`,
    ],
  })
}
