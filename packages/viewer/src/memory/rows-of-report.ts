import type { Row, Value, ViewedColumn } from '../contract/columns.ts'
import { rowImages, type PackedColumn, type RowBlock } from '../contract/report.ts'
import type { UnitAttempt } from '../contract/source.ts'
import type { CarriedRow } from './rows.ts'

/** Returns the rows of a block. */
export function rowsOf(
  block: RowBlock,
  columns: readonly ViewedColumn[],
  raw: ReadonlyMap<string, string>,
): CarriedRow[] {
  const packed = Object.entries(block.columns)
  return Array.from({ length: block.rows }, (_, row) => {
    const values = Object.fromEntries(packed.map(([name, column]) => [name, valueAt(column, row)]))
    return carriedRow(values, columns, raw)
  })
}

function valueAt(column: PackedColumn, row: number): Value {
  return (Array.isArray(column) ? column[row] : column.values[column.codes[row]!]) ?? null
}

function carriedRow(values: Row, columns: readonly ViewedColumn[], raw: ReadonlyMap<string, string>): CarriedRow {
  const attempt = currentAttempt(values, columns, raw)
  return {
    // A table of an earlier version has the asset's ID only.
    unit_id: String(values['unit_id'] ?? values['asset_id']),
    asset_id: textOf(values['asset_id']),
    status: textOf(values['status']) ?? 'ok',
    location: locationOf(values['location']),
    values,
    images: rowImages(values),
    attempts: attempt === undefined ? [] : [attempt],
  }
}

function locationOf(value: Value | undefined): CarriedRow['location'] {
  const { longitude, latitude } = (value ?? {}) as { longitude?: Value; latitude?: Value }
  return typeof longitude === 'number' && typeof latitude === 'number' ? { longitude, latitude } : null
}

const textOf = (value: Value | undefined): string | null => (typeof value === 'string' ? value : null)
const numberOf = (value: Value | undefined): number | null => (typeof value === 'number' ? value : null)

/** Names of an attempt's columns in a row that are not shown beside it. */
const NOT_EXTRA: ReadonlySet<string> = new Set([
  'attempt_id',
  'status',
  'cause',
  'error_message',
  'model_version',
  'prompt_tokens',
  'output_tokens',
  'thought_tokens',
  'cost_usd',
  'latency_ms',
  'run_id',
  'unit_id',
  'asset_id',
  'location',
  'detection_time',
  'observation_ids',
  'gcs_uris',
])

/** Returns the attempt that a row shows; undefined for a pending row. */
function currentAttempt(
  values: Row,
  columns: readonly ViewedColumn[],
  raw: ReadonlyMap<string, string>,
): UnitAttempt | undefined {
  const id = textOf(values['attempt_id'])
  const finished = Date.parse(textOf(values['finished_at']) ?? '')
  if (id === null || Number.isNaN(finished)) return undefined
  const named = (isWanted: (column: ViewedColumn) => boolean): Row =>
    Object.fromEntries(columns.filter(isWanted).map(({ name }) => [name, values[name] ?? null]))
  const latency = numberOf(values['latency_ms'])
  return {
    attempt_id: id,
    status: textOf(values['status']) ?? 'ok',
    cause: textOf(values['cause']),
    error_message: textOf(values['error_message']),
    answer: named(({ role }) => role === 'answer'),
    raw_answer: raw.get(id) ?? null,
    model_version: textOf(values['model_version']),
    prompt_tokens: numberOf(values['prompt_tokens']),
    output_tokens: numberOf(values['output_tokens']),
    thought_tokens: numberOf(values['thought_tokens']),
    cost_usd: numberOf(values['cost_usd']),
    latency_ms: latency,
    started_at: new Date(finished - (latency ?? 0)).toISOString(),
    extra: named(({ role, name }) => role === 'record' && !NOT_EXTRA.has(name)),
  }
}
