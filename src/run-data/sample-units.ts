import { answerColumns } from '../contracts/answer-schema.ts'
import type { AttemptStatus, Cause } from '../contracts/causes.ts'
import type { SampledUnit } from '../contracts/messages.ts'
import type { RunSpec } from '../contracts/run-spec.ts'
import { describeTable, queryRows } from '../google/bigquery/bigquery.ts'
import { plainValue } from '../google/bigquery/plain-value.ts'
import { KIND_COLUMN, sampledAttemptsQuery, sampleQuery } from './sql/sample.ts'
import type { SnapshotSource } from './sql/snapshot.ts'

/** The same units of an unchanged table are chosen again, so that a repeated sample is not another one. */
const SEED = 'imagery sample'

/** A unit that is asked about before the run. */
export interface ChosenUnit extends SampledUnit {
  images: number
}

/**
 * Chooses units of a run's snapshot, spread over the kinds of assets, if the source has the column `asset_type`, and over the
 * numbers of images. Reads that column of the source and its asset IDs once more.
 */
export async function chooseUnits(spec: RunSpec, size: number, source: SnapshotSource): Promise<ChosenUnit[]> {
  const { tables, place } = spec
  const { projectId, dataset, table } = spec.source
  const described = source.assetColumn === null ? undefined : await describeTable({ projectId, dataset, table })
  const hasKinds = described?.fields.some(({ name, type }) => name === KIND_COLUMN && type === 'STRING') ?? false
  const rows = await queryRows<ChosenUnit>(sampleQuery(tables, size, hasKinds ? source : undefined), {
    projectId: place.projectId,
    location: spec.source.location,
    parameters: { seed: SEED },
  })
  return rows.map(({ unit_id, bucket, images }) => ({ unit_id, bucket: Number(bucket), images: Number(images) }))
}

/** What the ledger has of a unit: its last row, and the sums over its attempts. */
export interface SampledAnswer {
  unitId: string
  status: AttemptStatus
  cause: Cause | null
  errorMessage: string | null
  /** By column; null for a unit without an answer. */
  answer: Record<string, unknown> | null
  promptTokens: number
  outputTokens: number
  thoughtTokens: number
  costUsd: number
  /** Of the last attempt. */
  latencyMs: number
}

type Row = Record<'unit_id' | 'status', string> &
  Partial<Record<'cause' | 'error_message', string | null>> &
  Partial<Record<'cost_usd' | 'prompt_tokens' | 'output_tokens' | 'thought_tokens' | 'latency_ms', number | null>> & {
    answer?: Record<string, unknown>
  }

/** Returns what the ledger has of units so far, in their order. A row that was just written can still be missing. */
export async function sampledAnswers(spec: RunSpec, units: readonly SampledUnit[]): Promise<SampledAnswer[]> {
  if (units.length === 0) return []
  const buckets = [...new Set(units.map(({ bucket }) => bucket))]
  const columns = answerColumns(spec.profile.output).map(({ name }) => name)
  const rows = await queryRows<Row>(sampledAttemptsQuery(spec.tables, buckets, columns), {
    projectId: spec.place.projectId,
    location: spec.source.location,
    parameters: { units: units.map(({ unit_id }) => unit_id) },
  })
  return units.flatMap(
    ({ unit_id: unitId }) =>
      answerOf(
        unitId,
        rows.filter((row) => row.unit_id === unitId),
      ) ?? [],
  )
}

function answerOf(unitId: string, rows: readonly Row[]): SampledAnswer | undefined {
  const last = rows.find(({ status }) => status === 'ok') ?? rows.find(({ status }) => status !== 'retrying')
  if (last === undefined) return undefined
  const sum = (name: 'cost_usd' | 'prompt_tokens' | 'output_tokens' | 'thought_tokens'): number =>
    rows.reduce((total, row) => total + Number(row[name] ?? 0), 0)
  return {
    unitId,
    status: last.status as AttemptStatus,
    cause: (last.cause ?? null) as Cause | null,
    errorMessage: last.error_message ?? null,
    answer: last.status === 'ok' ? (plainValue(last.answer ?? {}) as Record<string, unknown>) : null,
    promptTokens: sum('prompt_tokens'),
    outputTokens: sum('output_tokens'),
    thoughtTokens: sum('thought_tokens'),
    costUsd: sum('cost_usd'),
    latencyMs: Number(last.latency_ms ?? 0),
  }
}
