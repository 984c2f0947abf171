import type { RowMetadata } from '@google-cloud/bigquery'
import { cloudError } from '../transport/errors.ts'
import { tableHandle, type TableName } from './bigquery.ts'

/** Why BigQuery did not store a row. */
export interface RowRefusal {
  message: string
  /** Whether the same row can be stored later: it does fit the table. */
  isTransient: boolean
}

/** Rows that BigQuery did not store, by their position in the request. All others were stored. */
export class RowsRejected extends Error {
  override readonly name = 'RowsRejected'
  readonly rows: ReadonlyMap<number, RowRefusal>

  constructor(table: string, rows: ReadonlyMap<number, RowRefusal>) {
    super(`${table} refused ${rows.size} rows: ${[...rows.values()][0]?.message ?? ''}`)
    this.rows = rows
  }
}

/**
 * The only reasons that are about the row itself. A `stopped` row was not stored because of another one and can be sent
 * again as it is; any further reason is about BigQuery, such as `timeout` and `backendError`
 * (https://cloud.google.com/bigquery/docs/streaming-data-into-bigquery#troubleshooting).
 */
const ABOUT_THE_ROW: ReadonlySet<string | undefined> = new Set([
  'invalid',
  'invalidQuery',
  'badRequest',
  'required',
  undefined,
])

/**
 * Streams rows into a table (https://cloud.google.com/bigquery/docs/streaming-data-into-bigquery).
 * Resolves when they are durable. `insertId` lets BigQuery drop a repeat within about a minute. Rows
 * that fit are stored even when others are refused.
 *
 * @throws RowsRejected for rows that were not stored, CloudError for a request that had no effect
 */
export async function insertRows(
  name: TableName,
  rows: readonly { insertId: string; json: Record<string, unknown> }[],
): Promise<void> {
  const table = await tableHandle(name)
  try {
    await table.insert(rows as RowMetadata[], { raw: true, skipInvalidRows: true, partialRetries: 0 })
  } catch (error) {
    throw rejectedRows(name, rows, error) ?? cloudError(error)
  }
}

function rejectedRows(
  name: TableName,
  rows: readonly { insertId: string; json: Record<string, unknown> }[],
  error: unknown,
): RowsRejected | undefined {
  const { errors, name: kind } = error as {
    name?: string
    errors?: { row?: { insertId?: string }; errors?: { reason?: string; message?: string }[] }[]
  }
  if (kind !== 'PartialFailureError' || !errors) return undefined
  const positions = new Map(rows.map((row, index) => [row.insertId, index]))
  const rejected = new Map<number, RowRefusal>()
  for (const { row, errors: reasons = [] } of errors) {
    const index = positions.get(row?.insertId ?? '')
    if (index === undefined) continue
    rejected.set(index, {
      message: reasons.map(({ message, reason }) => message || reason).join('; '),
      isTransient: !reasons.some(({ reason }) => ABOUT_THE_ROW.has(reason)),
    })
  }
  return new RowsRejected(`${name.projectId}.${name.dataset}.${name.table}`, rejected)
}
