import { createHash } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import { CAUSES, type Cause } from '../../contracts/causes.ts'
import { ImageryError } from '../../contracts/errors.ts'
import { hasFlexTier, pastRetirement } from '../../contracts/gemini-models.ts'
import type { Overrides } from '../../contracts/messages.ts'
import { DEFAULT_GEMINI_MODEL, MODEL_ID, PIXELS, type MediaResolution } from '../../contracts/model-options.ts'
import { pendingText, stateText, type RunReport } from '../../contracts/run-report.ts'
import { modelPrice } from '../../contracts/prices.ts'
import type { GeminiOptions, RunSpec } from '../../contracts/run-spec.ts'
import { pipeline, type Pipeline, type PipelineStep } from '../../contracts/steps.ts'
import { describeTable, queryStream } from '../../google/bigquery/bigquery.ts'
import { insertRows } from '../../google/bigquery/insert-rows.ts'
import { runTable } from '../../run-data/run-tables.ts'
import { failedUnitsQuery } from '../../run-data/sql/ledger.ts'
import { creatingStep } from './creating-step.ts'
import { checkModel } from '../options/model-check.ts'
import { successorPrice } from '../options/price-effect.ts'
import { fileWithPrice, priceOf, pricesFrom, type Prices } from '../options/price-file.ts'
import type { Pending, RecordedContext } from './context.ts'
import { probeRetry, type RetryProbed } from './retry-probe.ts'
import { beginGeneration, currentGeneration } from '../../run-data/rounds.ts'
import {
  deployIfAbsent,
  findServices,
  letGoOn,
  processAssets,
  publishShards,
  stageLocalImages,
  type Finished,
} from './steps.ts'
import { createResources } from './create-resources.ts'
import { takeSnapshot } from './snapshot.ts'
import { counted } from '../../contracts/count-text.ts'

/** The options of a retry, as the flags give them. */
export interface RetryOptions {
  only?: string | undefined
  model?: string | undefined
  mediaResolution?: MediaResolution | undefined
  prices?: string | undefined
}

/** The failures that a retry queues again, and the settings that it overrides. */
export interface RetryChoice {
  causes: readonly Cause[]
  overrides: Overrides | undefined
}

/** @throws ImageryError INVALID_FLAG for an unknown cause */
export function parseCauses(only: string | undefined): readonly Cause[] {
  if (only === undefined) return CAUSES
  const wanted = only.split(',').map((name) => name.trim())
  const unknown = wanted.find((name) => !CAUSES.some((cause) => cause === name))
  if (unknown === undefined) return CAUSES.filter((cause) => wanted.includes(cause))
  throw new ImageryError(
    'INVALID_FLAG',
    `Unknown cause "${unknown}" in --only ${only}. Valid causes: ${CAUSES.join(', ')}`,
    {
      suggestions: ['--only throttled,timeout'],
    },
  )
}

/** @throws ImageryError INVALID_FLAG for options that do not fit this run; NOT_AVAILABLE if Google has retired its model */
export function chooseRetry(spec: RunSpec, options: RetryOptions, flags = ''): RetryChoice {
  const causes = parseCauses(options.only)
  const { model, mediaResolution } = options
  if (!spec.gemini) {
    if (model === undefined && mediaResolution === undefined) return { causes, overrides: undefined }
    throw new ImageryError(
      'INVALID_FLAG',
      `--${model === undefined ? 'media-resolution' : 'model'} works only with Gemini runs; run ${spec.run_id} used the ${PIXELS} model`,
    )
  }
  if (model === PIXELS) {
    throw new ImageryError('INVALID_FLAG', `--model ${model} is not a Gemini model`, {
      suggestions: ['--model gemini-3.5-flash'],
    })
  }
  if (model !== undefined && !MODEL_ID.test(model)) checkModel(model, '--model')
  if (model !== undefined && spec.gemini.tier === 'flex' && !hasFlexTier(model)) {
    throw new ImageryError(
      'INVALID_FLAG',
      `--model ${model} has no flex tier, which run ${spec.run_id} uses; use a Gemini 3 model`,
    )
  }
  const prices = pricesFrom(options.prices)
  if (model === undefined) refuseRetired(spec, options, { prices, flags })
  else if (spec.gemini.endpoint === null) checkModel(model, '--model', prices.list)
  const overrides: Overrides = {
    ...(model === undefined ? ownPrice(spec.gemini, prices) : { model, price: priceOf(model, prices.list) }),
    ...(mediaResolution === undefined ? {} : { media_resolution: mediaResolution }),
  }
  return { causes, overrides: Object.keys(overrides).length === 0 ? undefined : overrides }
}

/** The price that the user's file gives for the model of the run. Without one, the price of the run stays. */
function ownPrice({ model, price }: GeminiOptions, prices: Prices): Pick<Overrides, 'price'> {
  const file = fileWithPrice(prices, model)
  const given = file && modelPrice(file, model)
  return given === undefined || isDeepStrictEqual(given, price) ? {} : { price: given }
}

/** Every unit would fail again if the run's own model has been retired since. */
function refuseRetired(
  { run_id: runId, gemini }: RunSpec,
  { only }: RetryOptions,
  { prices, flags }: { prices: Prices; flags: string },
): void {
  const retirement = gemini?.endpoint === null ? pastRetirement(gemini.model) : undefined
  if (!gemini || retirement === undefined) return
  const instead = retirement.instead ?? DEFAULT_GEMINI_MODEL
  const causes = only === undefined ? '' : ` --only ${only.replaceAll(' ', '')}`
  throw new ImageryError(
    'NOT_AVAILABLE',
    `${gemini.model}, the model of run ${runId}, was retired by Google on ${retirement.day}; its successor is ${instead}, ${successorPrice(gemini.model, instead, prices.list)}`,
    { suggestions: [`imagery retry ${runId}${causes} --model ${instead}${flags}`] },
  )
}

/**
 * Returns the number of failed units to retry.
 *
 * @throws ImageryError RUN_NOT_COMPLETE while units are pending, because they can still fail
 */
export function failedUnits(report: RunReport, causes: readonly Cause[], flags: string): number {
  if (report.units.pending > 0 || report.state === 'starting') {
    throw new ImageryError(
      'RUN_NOT_COMPLETE',
      `Run ${report.run_id} is ${stateText(report)}: ${pendingText(report.units)}`,
      {
        suggestions: [
          `${report.stopped?.next ?? `imagery resume ${report.run_id}`}${flags}`,
          `imagery status ${report.run_id} --watch${flags}`,
        ],
      },
    )
  }
  return causes.reduce((sum, cause) => sum + (report.causes[cause] ?? 0), 0)
}

/**
 * Checks that a finished run still has its snapshot. Taking another one would read the source as it is now: units could be
 * missing from the results, and new ones would be paid.
 *
 * @throws ImageryError NOT_AVAILABLE
 */
export async function requireSnapshot({ tables, run_id: runId }: RunSpec, flags: string): Promise<void> {
  if (await describeTable(runTable(tables, 'assets'))) return
  throw new ImageryError(
    'NOT_AVAILABLE',
    `The snapshot of run ${runId} has expired, 7 days after the run was last active, so its failed units cannot be retried. Its results are kept`,
    { suggestions: [`imagery results ${runId}${flags}`, `imagery run${flags} --table TABLE --profile PROFILE`] },
  )
}

/**
 * Returns the steps of a retry: like those of a resume, with the failed units made pending in a new
 * generation. If a retry is killed at any point, `imagery resume` continues it.
 */
export function retrySteps(
  context: RecordedContext,
  choice: RetryChoice,
  options: { wait: boolean },
): Pipeline<Finished> {
  return pipeline(context)
    .step(letGoOn(context.target.kind === 'local' ? deployIfAbsent : findServices))
    .step(takeSnapshot)
    .stepIf(context.spec.source.loaded, stageLocalImages)
    .step(createResources)
    .stepIf(choice.overrides !== undefined, probeRetry(choice.causes, choice.overrides))
    .step(requeueFailed(choice))
    .step(publishShards)
    .stepIf(options.wait, processAssets({ isResume: false }))
}

/** BigQuery recommends at most 500 rows per request (https://cloud.google.com/bigquery/quotas#streaming_inserts). */
const ROWS_AT_ONCE = 500

/**
 * Starts the generation before its first row. A retry that dies in between has queued nothing, and
 * the next one starts another generation. Rows have the unit's own insert ID, so a repeat adds none.
 */
function requeueFailed({
  causes,
  overrides,
}: RetryChoice): PipelineStep<RecordedContext & Partial<RetryProbed>, Pending> {
  return creatingStep({
    title: 'Queue the failed units again',
    async run({ spec, signal, probed = [], ...before }, reporter) {
      const { tables, source, place } = spec
      const generation = before.generation ?? ((await currentGeneration(spec))?.generation ?? 0) + 1
      await beginGeneration(spec, { generation, overrides })
      const units = queryStream<Unit>(failedUnitsQuery(tables, causes), {
        projectId: place.projectId,
        location: source.location,
      })
      const attempts = runTable(tables, 'attempts')
      let count = 0
      let rows: Row[] = []
      const write = async (): Promise<void> => {
        signal.throwIfAborted()
        if (rows.length > 0) await insertRows(attempts, rows)
        count += rows.length
        rows = []
        reporter.detail(counted(count, 'unit'))
      }
      for await (const unit of units) {
        if (probed.includes(unit.unit_id)) continue
        rows.push(requeuedRow(spec, unit, generation))
        if (rows.length === ROWS_AT_ONCE) await write()
      }
      await write()
      return { done: `${counted(count, 'unit')}, generation ${generation}`, adds: { pending: count } }
    },
  })
}

interface Unit {
  unit_id: string
  asset_id: string | null
  bucket: number
}

interface Row {
  insertId: string
  json: Record<string, unknown>
}

/** Returns a row that makes a failed unit pending. It is not an attempt and costs nothing. */
function requeuedRow({ run_id }: RunSpec, { unit_id, asset_id, bucket }: Unit, generation: number): Row {
  const now = new Date().toISOString()
  const id = `retry-${createHash('sha256').update(`${unit_id}\n${generation}`).digest('hex').slice(0, 32)}`
  const json = {
    run_id,
    unit_id,
    ...(asset_id === null ? {} : { asset_id }),
    bucket,
    attempt_id: id,
    generation,
    status: 'retrying',
    error_message: 'queued again by imagery retry',
    cost_usd: 0,
    started_at: now,
    finished_at: now,
  }
  return { insertId: id, json }
}
