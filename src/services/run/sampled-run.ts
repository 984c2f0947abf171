import { ImageryError } from '../../contracts/errors.ts'
import { exactUsd, usdText } from '../../contracts/prices.ts'
import { defaultMaxFailures, failuresAllowed } from '../../contracts/run-controls.ts'
import type { RunReport } from '../../contracts/run-report.ts'
import type { RunSpec } from '../../contracts/run-spec.ts'
import { describeTable } from '../../google/bigquery/bigquery.ts'
import { usesLocalGemini } from '../../run-data/gemini-backend.ts'
import { changeRunControls, runControlsOf, runStopOf } from '../../run-data/run-stop.ts'
import { parseOutput } from '../options/run-options.ts'
import { loadRunSpec } from '../runs/find.ts'
import type { LimitChoice } from '../runs/limits.ts'
import { sampledRunId, type Asked } from '../runs/sample-record.ts'
import { fileHash } from '../source/file-hash.ts'
import { keepsSameColumns } from '../source/kept-columns.ts'
import type { RunContext } from './context.ts'
import type { SpendQuestion } from './spend-question.ts'
import { billedBy, mustAsk, roomyCap, type Consent } from './spending.ts'
import { counted } from '../../contracts/count-text.ts'

/**
 * Returns the run that a sample has begun with the same options, if its source is the same as then: a table or file that
 * has not changed. What a view, an external table or a folder shows can change unseen, so a run over one is a new run.
 */
export async function sampleToContinue(context: RunContext): Promise<RunSpec | undefined> {
  const { options, profile, choice, target } = context
  const { unit, images, gemini } = choice
  if (gemini === null) return undefined
  const asked: Asked = {
    table: options.table,
    profile: { ...profile, model: gemini.model },
    unit,
    images,
    gemini,
    where: options.where ?? profile.where ?? null,
    limit: options.limit ?? null,
    sample: options.sample ?? null,
  }
  const runId = await sampledRunId(target.place, asked)
  const spec = runId === undefined ? undefined : await loadRunSpec(target, runId)
  if (!spec || (await runStopOf(spec))?.reason !== 'sample') return undefined
  if (usesLocalGemini(spec) && spec.gemini_backend !== context.gemini) return undefined
  return isSameRun(context, spec) && (await isSameSource(context, spec)) ? spec : undefined
}

/** Whether the flags that a run has besides those of an estimate ask for the same. */
function isSameRun({ options, imageRoots }: RunContext, { source, tables, limits, run_id }: RunSpec): boolean {
  const { dataset = tables.dataset, table = tables.results } = parseOutput(options.output)
  const same = (option: unknown, recorded: unknown): boolean => option === undefined || option === recorded
  return (
    dataset === tables.dataset &&
    table === tables.results &&
    // Another sample's output is not this run's.
    (options.output !== undefined || tables.results.endsWith(run_id.replaceAll('-', '_'))) &&
    same(options.assetColumn, source.asset_column) &&
    same(options.imageColumn, source.image_column) &&
    keepsSameColumns(options.keep, source.keep) &&
    same(options.concurrency, limits.max_calls) &&
    same(options.maxAttempts, limits.max_attempts) &&
    Boolean(options.fetchImages) === Boolean(source.fetch_images) &&
    JSON.stringify(imageRoots) === JSON.stringify(source.image_roots ?? [])
  )
}

async function isSameSource({ source }: RunContext, spec: RunSpec): Promise<boolean> {
  const { file_hash: hash, modified_ms: modified } = spec.source
  if (source.kind === 'file') return hash !== null && (await fileHash(source.file)) === hash
  if (source.kind === 'folder' || modified === null) return false
  const table = await describeTable(source.table)
  return table?.type === 'TABLE' && !table.isStreaming && table.modifiedMs === modified
}

/**
 * Returns what to ask before a sample becomes a whole run; undefined for any other run, whose user has agreed to its cost.
 *
 * @throws ImageryError COST_LIMIT if the whole run would cost more than `--max-cost`
 * @param options.answering what answers in a local cloud
 * @param options.hasCap whether the command has `--max-cost`
 */
export function continuationQuestion(
  { spec, target, report }: { spec: RunSpec; target: RunContext['target']; report: RunReport },
  { consent, answering, hasCap }: { consent: Consent; answering: string | undefined; hasCap: boolean },
): SpendQuestion | undefined {
  const by = billedBy({ gemini: spec.gemini, target, answering })
  const asked = report.units.ok + report.units.failed
  if (report.stopped?.reason !== 'sample' || asked === 0) return undefined
  const { pending } = report.units
  const usd = exactUsd((report.cost_usd / asked) * pending)
  const assets = counted(pending, 'asset')
  const whole = report.cost_usd + usd
  if (consent.maxCost !== undefined && whole > consent.maxCost) {
    throw new ImageryError(
      'COST_LIMIT',
      `Run ${spec.run_id} would cost about ${usdText(whole)} with the ${assets} that its sample has left, more than --max-cost ${consent.maxCost}. No model was called`,
      { suggestions: [`Run the same command with --max-cost ${roomyCap(whole)}`] },
    )
  }
  if (by === undefined || !mustAsk(consent, { usd })) return undefined
  return {
    question: `The rest of run ${spec.run_id} will cost about ${usdText(usd)} for ${assets}, by the answers of its sample, billed by ${by}.`,
    suggestions: [
      ...(hasCap ? [`Run the same command with --max-cost ${roomyCap(whole)}`] : []),
      'Run the same command with --yes',
    ],
  }
}

/** A run has its own limits: `--max-cost` of the sample was for the sample. */
export async function recordOwnLimits(
  spec: RunSpec,
  { maxCost, maxFailures }: LimitChoice,
  units: number,
): Promise<void> {
  const before = await runControlsOf(spec)
  const max_failures = maxFailures === undefined ? defaultMaxFailures(units) : failuresAllowed(maxFailures, units)
  await changeRunControls(spec, { ...before, max_cost_usd: maxCost ?? null, max_failures })
}
