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

/** A bar's text is in the address of the page when it filters, and in each answer with the chart. */
const LONGEST_TEXT = 1_000

/** The values of a text column over all rows of a run. */
export interface TextValues {
  /** Different values. */
  values: number
  /** Rows with a value. */
  rows: number
  /** Characters (code points) of the longest value. */
  longest: number
}

/**
 * Whether a text column has bars. It has none if most rows have a value of their own, such as a reason in the model's words,
 * because the most common of them say nothing; or if a value is a document rather than a word.
 */
export function hasBars({ values, rows, longest }: TextValues): boolean {
  return longest <= LONGEST_TEXT && (values <= FEW_VALUES || values <= rows / 2)
}
