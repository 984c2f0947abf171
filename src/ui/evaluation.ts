import { styleText } from 'node:util'
import type { Confusion, EvaluatedColumn, Evaluation } from '../contracts/evaluation.ts'
import { confusionMatrix } from './confusion-matrix.ts'
import { plainLine, shortened } from './plain-text.ts'
import { figureText, intervalText, pairLines, percentText } from './shares.ts'
import { cellText, formatTable } from './table.ts'
import { wrapped } from './wrap.ts'
import { countText, counted } from '../contracts/count-text.ts'

/** Formats how a run's answers compare with the truth, in lines of at most `width`, except for IDs. */
export function formatEvaluation(evaluation: Evaluation, width: number): string {
  const { columns } = evaluation
  return [
    ...headLines(evaluation, width),
    '',
    formatTable(
      ['column', 'accuracy', '95 % interval', 'right', 'of', 'failed', 'macro F1'],
      columns.map((column) => [
        column.column,
        percentText(column.accuracy?.estimate ?? null),
        intervalText(column.accuracy),
        countText(column.right),
        countText(column.judged),
        countText(column.failed),
        column.classes === null ? '' : figureText(column.macro?.f1 ?? null),
      ]),
      width,
    ),
    ...columns.flatMap((column) => columnLines(column, width)),
    ...notJudgedLines(evaluation, width),
    ...belowLines(evaluation),
  ].join('\n')
}

function headLines({ run_id: run, truth, units }: Evaluation, width: number): string[] {
  const left = [
    ...(units.failed > 0
      ? [`${countText(units.failed)} failed, which counts as wrong where there is a true value`]
      : []),
    ...(units.without_truth > 0
      ? [
          `${countText(units.without_truth)} ${units.without_truth === 1 ? 'has' : 'have'} no ${truth.id_column === null ? 'mark' : 'row in the truth'}`,
        ]
      : []),
  ]
  const text = `Run ${run} against ${truth.source}: ${countText(units.judged)} of ${counted(units.total, 'asset')} judged`
  return wrapped(plainLine([text, ...left].join('; ')), width)
}

/** What is behind the figures of a column, unless all of it is right. */
function columnLines(column: EvaluatedColumn, width: number): string[] {
  if (column.judged === 0) return []
  return [
    '',
    styleText('bold', cellText(column.column)),
    ...numberLines(column, width),
    ...classLines(column, width),
    ...worstLines(column, width),
  ]
}

function numberLines({ number }: EvaluatedColumn, width: number): string[] {
  if (!number) return []
  const { tolerance, tolerance_is_share: isShare, errors } = number
  const allowed = isShare ? `${cellText(100 * tolerance)} % of the true value` : cellText(tolerance)
  const rule = tolerance === 0 ? 'Right means the same number' : `Right means at most ${allowed} off`
  if (!errors) return [`  ${rule}`]
  const off = `mean error ${cellText(errors.mean)}, mean absolute error ${cellText(errors.mean_absolute)}, root mean square ${cellText(errors.root_mean_square)}, largest ${cellText(errors.largest)}`
  return wrapped(`${rule}; ${off}`, width - 2).map((line) => `  ${line}`)
}

function classLines({ classes, confusion }: EvaluatedColumn, width: number): string[] {
  const seen = (classes ?? []).filter(({ truth, answered }) => truth + answered > 0)
  if (seen.length === 0 || !confusion) return []
  const table = formatTable(
    ['value', 'true', 'answered', 'right', 'precision', 'recall', 'F1'],
    seen.map((each) => [
      each.value,
      countText(each.truth),
      countText(each.answered),
      countText(each.right),
      figureText(each.precision),
      figureText(each.recall),
      figureText(each.f1),
    ]),
    width - 2,
  )
  return [
    ...indented(table),
    '',
    ...indented(
      confusionMatrix(
        seen.map(({ value }) => value),
        confusion,
        width - 2,
      ),
    ),
  ]
}

/** A value in a sentence is cut after this many letters. */
const MOST_LETTERS = 60

/** The text output lists this many wrong pairs of a column. */
const SHOWN_PAIRS = 8

function worstLines({ worst, judged, right }: EvaluatedColumn, width: number): string[] {
  if (worst.length === 0) return []
  const shown = worst.slice(0, SHOWN_PAIRS)
  const rest = judged - right - shown.reduce((sum, { units }) => sum + units, 0)
  const lines = shown.flatMap((pair) =>
    pairLines(pair, `${valueText(pair.truth, 'not known')} answered as ${answerText(pair)}`, width - 2),
  )
  return [
    '',
    '  Wrong',
    ...lines.map((line) => `  ${line}`),
    ...(rest > 0 ? [`    … ${countText(rest)} more; --json lists more of them`] : []),
  ]
}

function answerText({ answer, failed }: Confusion): string {
  return failed ? '(failed)' : valueText(answer, '(no value)')
}

function valueText(value: unknown, none: string): string {
  return value === null ? none : shortened(cellText(value), MOST_LETTERS)
}

function notJudgedLines({ not_judged: columns, truth }: Evaluation, width: number): string[] {
  const reasons = [...new Set(columns.map(({ reason }) => reason))]
  const lines = [
    ...reasons.map((reason) => {
      const names = columns.filter((each) => each.reason === reason).map(({ column }) => column)
      return `Not judged, because ${reason}: ${names.join(', ')}`
    }),
    ...(truth.unused_columns.length > 0 ? [`Unused columns of the truth: ${truth.unused_columns.join(', ')}`] : []),
  ]
  return lines.length === 0 ? [] : ['', ...lines.flatMap((line) => wrapped(plainLine(line), width))]
}

function belowLines({ below_minimum: below }: Evaluation): string[] {
  return below.length === 0 ? [] : ['', ...below.map(belowText)]
}

/** Names the column that is below its minimum, and both figures. */
export function belowText({ column, accuracy, minimum }: Evaluation['below_minimum'][number]): string {
  // Rounded down, so that 89.98 % is not shown as 90.0 %, below 0.9.
  const down = accuracy === null ? null : Math.floor(accuracy * 1_000 + 1e-9) / 1_000
  const found = down === null ? 'has no true value to judge' : `has an accuracy of ${percentText(down)}`
  return `${plainLine(column)} ${found}, below --min-accuracy ${plainLine(column)}=${minimum}`
}

function indented(text: string): string[] {
  return text.split('\n').map((line) => (line === '' ? '' : `  ${line}`))
}
