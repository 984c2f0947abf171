import type { ViewedColumn } from './columns.ts'

/** Columns of imagery's own record that have a chart. The others are IDs, hashes, or the same in every row. */
const CHARTED_RECORDS: ReadonlySet<string> = new Set([
  'status',
  'cause',
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
  'detection_time',
  'finished_at',
])

/** Whether a column can have a chart. */
export function isCharted({ name, kind, role }: ViewedColumn): boolean {
  return kind !== 'other' && (role !== 'record' || CHARTED_RECORDS.has(name))
}

/** With fewer different values, a chart of text is always of use. */
const FEW_VALUES = 1_000

/**
 * Whether a text column has no chart because most rows of the run have a value of their own, such as a reason in the
 * model's words: the most common of them say nothing.
 *
 * @param values different values over all rows of the run
 * @param rows rows of the run with a value
 */
export function isTooVaried(values: number, rows: number): boolean {
  return values > FEW_VALUES && values > rows / 2
}
