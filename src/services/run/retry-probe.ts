import type { Cause } from '../../contracts/causes.ts'
import { ImageryError } from '../../contracts/errors.ts'
import { MOST_PROBED, type Overrides, type ProbedRetry } from '../../contracts/messages.ts'
import type { RunSpec } from '../../contracts/run-spec.ts'
import type { PipelineStep } from '../../contracts/steps.ts'
import { queryRows } from '../../google/bigquery/bigquery.ts'
import { failedUnitsQuery } from '../../run-data/sql/ledger.ts'
import type { Deployed, RecordedContext } from './context.ts'
import { creatingStep } from './creating-step.ts'
import { lastProbe, said } from './probe.ts'
import { beginGeneration, currentGeneration } from '../../run-data/rounds.ts'

/** What a retry's probe adds. */
export interface RetryProbed {
  /** The generation that the retry uses. */
  generation: number
  /** Units that have their row from the probe. */
  probed: readonly string[]
}

/** Failures that say nothing about another model. Their units are probed only if there are no others. */
const OF_THE_UNIT: readonly Cause[] = ['unreadable_image', 'blocked']

/**
 * Asks the model of a retry about one failed unit before any unit is queued again, as a run does with its first one: a
 * model that is not there, or refuses the request, would fail every unit again. The answer is the unit's row.
 */
export function probeRetry(
  causes: readonly Cause[],
  overrides: Overrides | undefined,
): PipelineStep<RecordedContext & Deployed, RetryProbed> {
  return creatingStep<RecordedContext & Deployed, RetryProbed>({
    title: 'Ask the model about one failed asset',
    async run(context, reporter) {
      const { spec } = context
      const generation = ((await currentGeneration(spec))?.generation ?? 0) + 1
      const units = await someFailed(spec, causes)
      if (spec.gemini === null || units.length === 0)
        return { skipped: 'no failed units', adds: { generation, probed: [] } }
      const retried = { generation, units, ...(overrides ? { overrides } : {}) }
      const gemini = { ...spec.gemini, model: overrides?.model ?? spec.gemini.model }
      // The probe's rows belong to this generation, even if it is refused, so no later retry may use it again.
      await beginGeneration(spec, { generation, overrides })
      const result = await lastProbe({ ...context, retried }, gemini, reporter)
      if (result instanceof ImageryError) throw result
      return { done: said(result), adds: { generation, probed: result.recorded } }
    },
  })
}

async function someFailed(spec: RunSpec, causes: readonly Cause[]): Promise<ProbedRetry['units']> {
  const telling = causes.filter((cause) => !OF_THE_UNIT.includes(cause))
  for (const some of [telling, causes]) {
    if (some.length === 0) continue
    const rows = await queryRows<{ unit_id: string; bucket: number }>(
      failedUnitsQuery(spec.tables, some, MOST_PROBED),
      { projectId: spec.place.projectId, location: spec.source.location },
    )
    if (rows.length > 0) return rows.map(({ unit_id, bucket }) => ({ unit_id, bucket: Number(bucket) }))
  }
  return []
}
