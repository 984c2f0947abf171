import { profile, type Profile } from '../../src/contracts/run-spec.ts'
import { resultColumns } from '../../src/contracts/tables.ts'
import { describeTable, tableField } from '../../src/google/bigquery/bigquery.ts'
import type { EvaluatedColumn, Evaluation } from '../../src/contracts/evaluation.ts'
import { evaluate } from '../../src/services/judge/evaluate.ts'
import type { JudgeFlags } from '../../src/services/judge/flags.ts'
import { openTruth, type TruthChoice } from '../../src/services/judge/open-truth.ts'
import { judgedRun, type JudgedRun } from '../../src/services/judge/run-rows.ts'
import type { LocalTables } from './local-table.ts'

/** A profile with a column of every kind. */
export const SIGNS = profile.parse({
  name: 'signs',
  description: 'Signs.',
  prompt: 'Which sign?',
  output: {
    type: 'object',
    properties: {
      category: { type: 'string', enum: ['Stop', 'Yield', 'Speed Limit', 'Other'] },
      lit: { type: 'boolean' },
      lamps: { type: 'integer' },
      height: { type: 'number' },
      words: { type: 'string' },
      pole: { type: 'object', properties: { material: { type: 'string', enum: ['wood', 'steel'] } } },
      tags: { type: 'array', items: { type: 'string' } },
    },
  },
})

/** A row of results: `ok` with an answer, unless it says something else. */
export const row = (id: string, values: object): Record<string, unknown> => ({
  unit_id: id,
  asset_id: id,
  status: 'ok',
  observation_ids: [`${id}-a`, `${id}-b`],
  gcs_uris: [`gs://b/${id}-a.jpg`, `gs://b/${id}-b.jpg`],
  cost_usd: 0.001,
  latency_ms: 1_000,
  ...values,
})

export const failed = (id: string, cause = 'timeout'): Record<string, unknown> =>
  row(id, { status: 'failed', cause, error_message: 'no answer', cost_usd: 0, latency_ms: null })

/** Writes a results table to the local BigQuery, and opens it as a run. */
export async function runOf(
  tables: LocalTables,
  rows: readonly object[],
  options: { runId?: string; profile?: Profile | undefined; unit?: 'asset' | 'observation'; hasSpec?: boolean } = {},
): Promise<JudgedRun> {
  const { runId = '261130-00000001', profile: asked = SIGNS, unit = 'asset', hasSpec = true } = options
  const path = await tables.table(resultColumns(asked).map(tableField), rows)
  const [projectId = '', dataset = '', table = ''] = path.split('.')
  const { fields } = (await describeTable({ projectId, dataset, table }))!
  const source = {
    runId,
    table: path,
    from: path,
    fields,
    count: rows.length,
    key: ['unit_id'],
    projectId,
    location: 'US',
  }
  const tableNames = { projectId, dataset, results: table }
  const spec = { profile: asked, unit, tables: tableNames, hashes: null, source: { where: null, sample: null } }
  return judgedRun(source, hasSpec ? (spec as never) : undefined)
}

/** What `imagery eval` is told besides the truth. */
export type Judging = Partial<TruthChoice> & JudgeFlags & { of?: JudgedRun }

/** Judges a run as `imagery eval` does, with the marks of `folder`. */
export async function judgedBy(
  truth: string,
  { of, folder, tolerance, minAccuracy, ...choice }: Judging & { of: JudgedRun; folder: string },
): Promise<Evaluation> {
  const opened = await openTruth(truth, of, { configurationFolder: folder, ...choice })
  return evaluate(of, opened, { tolerance, minAccuracy })
}

export const columnOf = ({ columns }: Evaluation, name: string): EvaluatedColumn =>
  columns.find(({ column }) => column === name)!
