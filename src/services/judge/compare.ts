import type { Comparison, ComparedTruth } from '@imagery/viewer/contract/comparison'
import { MOST_EXAMPLES } from './column-judge.ts'
import { ColumnAgreement } from './column-agreement.ts'
import type { AnswerColumn } from './columns.ts'
import { comparisonWarnings } from './comparison-warnings.ts'
import { tolerancesOf } from './flags.ts'
import { pairs } from './pair-rows.ts'
import { RunFigures } from './run-figures.ts'
import { unitRows, type JudgedRun, type UnitRow } from './run-rows.ts'
import { TruthComparison } from './truth-comparison.ts'
import type { Truth } from './truth.ts'

/** True values for both runs, or the reviews of one of them. */
export interface ComparingTruth {
  truth: Truth
  /** The run that a reviewer's marks are about. */
  reviewed: 'a' | 'b'
}

export interface ComparedRuns {
  a: JudgedRun
  b: JudgedRun
}

/**
 * Compares two runs unit by unit: where they agree, what they took, and, with a truth, which one is right more often.
 *
 * @throws ImageryError INVALID_FLAG, COLUMN_NOT_FOUND for the flags
 */
export async function compareRuns(
  { a, b }: ComparedRuns,
  options: { truth?: ComparingTruth | undefined; tolerance?: readonly string[] | undefined; signal?: AbortSignal },
): Promise<Comparison> {
  const { truth, signal } = options
  const both = commonColumns(a.columns, b.columns)
  const tolerances = tolerancesOf(
    options.tolerance ?? [],
    both.map((each) => each.a),
  )
  const agreements = both.map((each) => new ColumnAgreement(each.a, each.b, tolerances.get(each.a.name)))
  const judged = truth
    ? both.filter((each) => truth.truth.columns.some(({ column }) => column.name === each.a.name))
    : []
  const judges = judged.map((each) => ({
    column: each,
    judge: new TruthComparison(each.a, each.b, tolerances.get(each.a.name)),
  }))
  const figures = { a: new RunFigures(), b: new RunFigures() }
  const models = { a: new Set<string>(), b: new Set<string>() }
  const units: Comparison['units'] = {
    in_both: 0,
    only_in_a: 0,
    only_in_b: 0,
    answered_by_both: 0,
    answered_only_by_a: 0,
    answered_only_by_b: 0,
    examples: { only_in_a: [], only_in_b: [] },
  }
  for await (const pair of pairs(unitRows(a), unitRows(b))) {
    signal?.throwIfAborted()
    for (const side of ['a', 'b'] as const) {
      const unit = pair[side]
      if (!unit) continue
      figures[side].add(unit)
      if (unit.model !== null) models[side].add(unit.model)
    }
    if (pair.a === undefined || pair.b === undefined) {
      const [unit, side] = pair.a === undefined ? ([pair.b, 'only_in_b'] as const) : ([pair.a, 'only_in_a'] as const)
      units[side] += 1
      if (units.examples[side].length < MOST_EXAMPLES) units.examples[side].push(unit.unitId)
      continue
    }
    units.in_both += 1
    countAnswers(units, pair.a, pair.b)
    if (pair.a.status === 'ok' && pair.b.status === 'ok')
      for (const agreement of agreements) agreement.add(pair.a, pair.b)
    if (!truth || pair.a.status === 'pending' || pair.b.status === 'pending') continue
    const cells = truth.truth.of(truth.reviewed === 'a' ? pair.a : pair.b)
    for (const { column, judge } of cells ? judges : []) {
      const cell = cells!.get(column.a.name)
      if (cell) judge.add(pair.a, pair.b, cell, truth.reviewed)
    }
  }
  const runs = {
    a: figures.a.of({ ...a, model: modelText(models.a) }),
    b: figures.b.of({ ...b, model: modelText(models.b) }),
  }
  const compared: ComparedTruth | null = truth
    ? { source: truth.truth.summary().source, columns: judges.map(({ judge }) => judge.result) }
    : null
  return {
    ...runs,
    warnings: comparisonWarnings(
      { a, b },
      {
        ...runs,
        units,
        truth: truth?.truth.summary(),
        judged: judges.map(({ column, judge }) => ({
          column,
          unreadable: judge.unreadable,
          truths: judge.truths,
        })),
      },
    ),
    units,
    columns: agreements.map(({ result }) => result),
    only_columns: { a: onlyIn(a.columns, b.columns), b: onlyIn(b.columns, a.columns) },
    truth: compared,
  }
}

function countAnswers(units: Comparison['units'], a: UnitRow, b: UnitRow): void {
  if (a.status === 'ok' && b.status === 'ok') units.answered_by_both += 1
  else if (a.status === 'ok') units.answered_only_by_a += 1
  else if (b.status === 'ok') units.answered_only_by_b += 1
}

/** A retry can ask another model than the run. */
function modelText(models: ReadonlySet<string>): string | null {
  return models.size === 0 ? null : [...models].toSorted().join(', ')
}

function commonColumns(
  ofA: readonly AnswerColumn[],
  ofB: readonly AnswerColumn[],
): { a: AnswerColumn; b: AnswerColumn }[] {
  return ofA.flatMap((a) => {
    const b = ofB.find(({ name }) => name.toLowerCase() === a.name.toLowerCase())
    return b ? [{ a, b }] : []
  })
}

function onlyIn(own: readonly AnswerColumn[], others: readonly AnswerColumn[]): string[] {
  const names = new Set(others.map(({ name }) => name.toLowerCase()))
  return own.filter(({ name }) => !names.has(name.toLowerCase())).map(({ name }) => name)
}
