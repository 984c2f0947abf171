import type { Row, Value, ViewedColumn } from '../contract/columns.ts'
import { rowImages, type PackedColumn, type RowBlock } from '../contract/report.ts'
import type { UnitAttempt } from '../contract/source.ts'
import type { CarriedRow } from './rows.ts'

/** The rows of a report by column. */
export class ReportRows {
  readonly #columns: readonly ViewedColumn[]
  readonly #values: Map<string, Value[]>
  #count = 0

  constructor(columns: readonly ViewedColumn[]) {
    this.#columns = columns
    this.#values = new Map(columns.map(({ name }) => [name, []]))
  }

  add({ rows, columns }: RowBlock): void {
    for (const [name, values] of this.#values) {
      const column = columns[name]
      for (let row = 0; row < rows; row += 1) values.push(column === undefined ? null : valueAt(column, row))
    }
    this.#count += rows
  }

  /** Returns the values of a column, one per row. */
  valuesOf(name: string): readonly Value[] {
    return this.#values.get(name) ?? []
  }

  /** @param raw raw answers by attempt ID */
  all(raw: ReadonlyMap<string, string>): CarriedRow[] {
    return Array.from({ length: this.#count }, (_, row) => this.#row(row, raw))
  }

  #row(row: number, raw: ReadonlyMap<string, string>): CarriedRow {
    const columns = this.#columns
    const value = (name: string): Value => this.valuesOf(name)[row] ?? null
    // A table of an earlier version has the asset's ID only.
    const id = String(value('unit_id') ?? value('asset_id'))
    // Most rows are never looked at closely, and all of them are in memory.
    const values = (): Row => ({ unit_id: id, ...Object.fromEntries(columns.map(({ name }) => [name, value(name)])) })
    return {
      unit_id: id,
      asset_id: textOf(value('asset_id')),
      status: textOf(value('status')) ?? 'ok',
      location: locationOf(value('location')),
      get values() {
        return values()
      },
      get images() {
        return rowImages({ gcs_uris: value('gcs_uris'), observation_ids: value('observation_ids') })
      },
      get attempts() {
        const attempt = currentAttempt(values(), columns, raw)
        return attempt === undefined ? [] : [attempt]
      },
    }
  }
}

function valueAt(column: PackedColumn, row: number): Value {
  return (Array.isArray(column) ? column[row] : column.values[column.codes[row]!]) ?? null
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
