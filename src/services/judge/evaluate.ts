import { ImageryError } from '../../contracts/errors.ts'
import type { EvaluatedColumn, Evaluation, TruthSummary } from '../../contracts/evaluation.ts'
import { ColumnJudge } from './column-judge.ts'
import { minimumsOf, tolerancesOf, type JudgeFlags } from './flags.ts'
import { isFailed, unitRows, type JudgedRun } from './run-rows.ts'
import type { Truth } from './truth.ts'
import { listed, notAllowedText, unreadableText } from './truth-text.ts'
import { countText } from '../../contracts/count-text.ts'

/**
 * Compares the answers of a run with the truth. A failed unit with a true value counts as wrong.
 *
 * @throws ImageryError INVALID_FLAG, COLUMN_NOT_FOUND for the flags
 */
export async function evaluate(
  run: JudgedRun,
  truth: Truth,
  flags: JudgeFlags,
  signal?: AbortSignal,
): Promise<Evaluation> {
  const tolerances = tolerancesOf(flags.tolerance ?? [], run.columns)
  const minimums = minimumsOf(
    flags.minAccuracy ?? [],
    run.columns,
    truth.columns.map(({ column }) => column),
  )
  const judges = truth.columns.map(
    (judged) => [judged.column.name, new ColumnJudge(judged, tolerances.get(judged.column.name))] as const,
  )
  const units = { total: 0, ok: 0, failed: 0, pending: 0, judged: 0, without_truth: 0 }
  for await (const unit of unitRows(run)) {
    signal?.throwIfAborted()
    const isPending = unit.status === 'pending'
    units.total += 1
    units[isPending ? 'pending' : isFailed(unit) ? 'failed' : 'ok'] += 1
    const cells = truth.of(unit)
    if (isPending) continue
    if (!cells) {
      units.without_truth += 1
      continue
    }
    let isJudged = false
    for (const [name, judge] of judges) {
      const cell = cells.get(name)
      if (!cell) continue
      judge.add(unit, cell)
      isJudged ||= cell.is !== 'unreadable'
    }
    if (isJudged) units.judged += 1
  }
  const columns = judges.map(([, judge]) => judge.result)
  const summary = truth.summary()
  if (summary.matched === 0 && units.total > units.pending) throw noMatch(run, summary)
  return {
    run_id: run.rows.runId,
    results_table: run.rows.table,
    truth: summary,
    units,
    columns,
    not_judged: notJudged(run, columns),
    below_minimum: [...minimums].flatMap(([column, minimum]) => {
      const accuracy = columns.find((each) => each.column === column)?.accuracy?.estimate ?? null
      return accuracy === null || accuracy < minimum ? [{ column, accuracy, minimum }] : []
    }),
  }
}

/** Not one ID in common is a mistake in the ID, and no figure. */
function noMatch(
  { rows: { runId } }: JudgedRun,
  { source, id_column: id, rows: count, unmatched }: TruthSummary,
): ImageryError {
  const column = id === null ? '' : ` in column ${id}`
  return new ImageryError(
    'ASSET_NOT_FOUND',
    count === 0
      ? `${source} has no rows`
      : unmatched.count === 0
        ? `No row of ${source} has an ID${column}`
        : `None of the IDs${column} of ${source} names an asset of run ${runId}, such as ${unmatched.examples.join(', ')}`,
    {
      suggestions:
        count === 0
          ? []
          : [
              `imagery results ${runId} --columns unit_id   (shows the IDs of the run)`,
              '--id COLUMN   (names the column of the truth with these IDs)',
            ],
    },
  )
}

function notJudged(run: JudgedRun, columns: readonly EvaluatedColumn[]): Evaluation['not_judged'] {
  return run.columns
    .filter(({ name }) => !columns.some(({ column }) => column === name))
    .map(({ name, kind }) => ({
      column: name,
      reason: kind === 'other' ? 'lists are judged by reviews only' : 'the truth has no column with that name',
    }))
}

/** A number of rows and what they do, in the singular or the plural. */
const rows = (count: number, of: string, [one, many]: readonly [string, string]): string =>
  count === 1 ? `1 row of ${of} ${one}` : `${countText(count)} rows of ${of} ${many}`

/** Returns what a reader of the figures must know about the truth and the run, a sentence each. */
export function evaluationWarnings(run: JudgedRun, { truth, units, columns }: Evaluation): string[] {
  const { source, unmatched, without_id: withoutId, repeated, contradictory } = truth
  return [
    ...(run.rows.warning === undefined ? [] : [run.rows.warning]),
    ...(units.pending > 0 ? [`Pending assets, which the figures leave out: ${countText(units.pending)}`] : []),
    ...(unmatched.count > 0
      ? [`${rows(unmatched.count, source, ['names', 'name'])} no asset of the run: ${listed(unmatched)}`]
      : []),
    ...(withoutId.count > 0 ? [`${rows(withoutId.count, source, ['has', 'have'])} no ID: ${listed(withoutId)}`] : []),
    ...(repeated.count > 0
      ? [
          `${rows(repeated.count, source, ['repeats', 'repeat'])} an ID with the same values, which counts once: ${listed(repeated)}`,
        ]
      : []),
    ...(contradictory.count > 0
      ? [
          `The rows of ${source} for these assets contradict each other, so none of them counts: ${listed(contradictory)}`,
        ]
      : []),
    ...columns.flatMap(({ column, truth_column: header, unreadable, kind }) =>
      unreadable.count > 0 ? [unreadableText({ source, header: header ?? column, kind, unreadable })] : [],
    ),
    ...columns.flatMap((column) => unknownClasses(column, run)),
  ]
}

/** Values of the truth that the profile does not allow can never be right. */
function unknownClasses({ column, classes }: EvaluatedColumn, run: JudgedRun): string[] {
  const allowed = run.columns.find(({ name }) => name === column)?.allowed ?? null
  const seen = (classes ?? []).filter(({ truth }) => truth > 0)
  return notAllowedText(
    { name: column, allowed },
    seen.map(({ value, truth }) => [value, truth] as const),
  )
}
