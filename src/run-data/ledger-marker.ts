import type { RunSpec } from '../contracts/run-spec.ts'
import { MARKER_STATUS } from '../contracts/tables.ts'
import { queryRows } from '../google/bigquery/bigquery.ts'
import { insertRows, RowsRejected } from '../google/bigquery/insert-rows.ts'
import { CloudError } from '../google/transport/errors.ts'
import { runTable } from './run-tables.ts'
import { MARKER_BUCKET, markerQuery } from './sql/ledger.ts'

type Ledger = Pick<RunSpec, 'run_id' | 'tables' | 'source'>

/** Not every server of BigQuery learns of a new table at once. One that does not know it yet refuses its request. */
const REQUESTS = 3

/**
 * Whether rows that are streamed into a run's ledger arrive: streams the ledger's marker row and looks for it. A table
 * answers 404 for some minutes after its creation, and a table that was deleted and created again can lose rows that
 * were accepted (https://cloud.google.com/bigquery/docs/streaming-data-into-bigquery#troubleshooting,
 * googleapis/google-cloud-go#975, googleapis/python-bigquery#1331). Without this check, a model would be paid first.
 *
 * @throws CloudError for a refusal that does not pass by itself
 */
export async function isLedgerReady(ledger: Ledger, nowMs: number): Promise<boolean> {
  if (await hasMarker(ledger)) return true
  try {
    // BigQuery stores one row: the requests have the same insert ID.
    for (let request = 0; request < REQUESTS; request++) {
      await insertRows(runTable(ledger.tables, 'attempts'), [markerRow(ledger, nowMs)])
    }
  } catch (error) {
    if (isPassing(error)) return false
    throw error
  }
  return hasMarker(ledger)
}

async function hasMarker({ tables, source }: Ledger): Promise<boolean> {
  const rows = await queryRows(markerQuery(tables), { projectId: tables.projectId, location: source.location })
  return rows.length > 0
}

/** A row that belongs to no unit, so that it is no attempt, costs nothing and is in no result. */
function markerRow({ run_id: runId }: Ledger, nowMs: number) {
  const at = new Date(nowMs).toISOString()
  return {
    insertId: `setup-${runId}-${Math.floor(nowMs / RESEND_MS)}`,
    json: {
      run_id: runId,
      unit_id: '',
      bucket: MARKER_BUCKET,
      attempt_id: `setup-${runId}`,
      status: MARKER_STATUS,
      error_message: 'Not an attempt: imagery wrote this row to check that BigQuery stores rows of this table.',
      started_at: at,
      finished_at: at,
    },
  }
}

/** A row that was accepted and lost is sent again under another insert ID. */
const RESEND_MS = 10_000

function isPassing(error: unknown): boolean {
  if (error instanceof RowsRejected) return [...error.rows.values()].every(({ isTransient }) => isTransient)
  return error instanceof CloudError && (error.retryable || error.status === 'NOT_FOUND')
}
