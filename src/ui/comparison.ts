import { styleText } from 'node:util'
import type { ComparedColumn, ComparedRun, ComparedTruth, Comparison } from '@imagery/viewer/contract/comparison'
import { plainLine, shortened } from './plain-text.ts'
import { figureText, intervalText, pairLines, percentText, shareText } from './shares.ts'
import { cellText, formatTable } from './table.ts'
import { wrapped } from './wrap.ts'
import { countText, counted } from '../contracts/count-text.ts'

/** Formats two runs side by side, in lines of at most `width`, except for IDs. */
export function formatComparison(comparison: Comparison, width: number): string {
  const { a, b, units, columns, truth } = comparison
  return [
    formatTable(
      ['', 'A', 'B'],
      facts(a).map(([title, value], index) => [title, value, facts(b)[index]![1]]),
      width,
    ),
    '',
    ...wrapped(unitsText(units), width),
    ...(columns.length > 0 ? ['', agreementTable(columns, width)] : []),
    ...columns.flatMap((column) => columnLines(column, width)),
    ...(truth ? truthLines(truth, width) : []),
    ...onlyLines(comparison, width),
  ].join('\n')
}

function facts(run: ComparedRun): [string, string][] {
  const { units, latency_ms: latency } = run
  return [
    ['run', run.run_id],
    ['profile', plainLine(run.profile)],
    ['model', plainLine(run.model)],
    ['assets', countText(units.total)],
    ['failed', failuresText(run)],
    ['pending', countText(units.pending)],
    ['cost', costText(run)],
    ['cost per asset', usd(run.cost_usd_per_unit)],
    ['latency', latency ? `median ${ms(latency.median)}, 95 % ≤ ${ms(latency.p95)}` : '–'],
  ]
}

function failuresText({ units, failures }: ComparedRun): string {
  if (units.failed === 0) return '0'
  return `${countText(units.failed)}: ${failures.map(({ cause, units: of }) => `${plainLine(cause)} ${countText(of)}`).join(', ')}`
}

const usd = (value: number | null): string => (value === null ? '–' : `$${value === 0 ? '0' : value.toPrecision(3)}`)

/** What is known of the cost, and how many answers it leaves out. */
function costText({ cost_usd: cost, answers_without_usage: unknown }: ComparedRun): string {
  return unknown === 0 ? usd(cost) : `${usd(cost)}, ${counted(unknown, 'answer')} unknown`
}

const ms = (value: number): string => `${countText(Math.round(value))} ms`

function unitsText(units: Comparison['units']): string {
  return [
    `${counted(units.in_both, 'asset')} in both`,
    `${countText(units.only_in_a)} only in A`,
    `${countText(units.only_in_b)} only in B`,
    `${countText(units.answered_by_both)} answered by both`,
    ...(units.answered_only_by_a > 0 ? [`${countText(units.answered_only_by_a)} only by A`] : []),
    ...(units.answered_only_by_b > 0 ? [`${countText(units.answered_only_by_b)} only by B`] : []),
  ].join(', ')
}

function agreementTable(columns: readonly ComparedColumn[], width: number): string {
  return formatTable(
    ['column', 'agreement', '95 % interval', 'differ', 'of', 'kappa'],
    columns.map((column) => [
      column.column,
      percentText(column.agreement?.estimate ?? null),
      intervalText(column.agreement),
      countText(column.units - column.agreed),
      countText(column.units),
      column.kappa === null ? '' : figureText(column.kappa),
    ]),
    width,
  )
}

/** A value in a sentence is cut after this many letters. */
const MOST_LETTERS = 60

/** The text output lists this many pairs of a column. */
const SHOWN_PAIRS = 6

function columnLines(column: ComparedColumn, width: number): string[] {
  const { difference, disagreements, further } = column
  if (disagreements.length === 0) return []
  const shown = disagreements.slice(0, SHOWN_PAIRS)
  const pairs = shown.flatMap((pair) => pairLines(pair, `A: ${valueText(pair.a)}, B: ${valueText(pair.b)}`, width - 2))
  const rest = disagreements.slice(SHOWN_PAIRS).reduce((sum, { units }) => sum + units, further.units)
  const off = difference
    ? wrapped(
        `B - A: mean ${cellText(difference.mean)}, mean without sign ${cellText(difference.mean_absolute)}, largest ${cellText(difference.largest)}`,
        width - 2,
      )
    : []
  return [
    '',
    styleText('bold', cellText(column.column)),
    ...[...off, ...pairs].map((line) => `  ${line}`),
    ...(rest > 0 ? [`  … ${countText(rest)} more; --json lists more of them`] : []),
  ]
}

function valueText(value: unknown): string {
  return value === null ? '(no value)' : shortened(cellText(value), MOST_LETTERS)
}

function truthLines({ source, columns }: ComparedTruth, width: number): string[] {
  const table = formatTable(
    ['column', 'A right', 'B right', 'of', 'only A', 'only B', 'p'],
    columns.map((column) => [
      column.column,
      shareText(column.a),
      shareText(column.b),
      countText(column.units),
      countText(column.only_a_right),
      countText(column.only_b_right),
      column.units === 0 ? '–' : probabilityText(column.mcnemar.p_value),
    ]),
    width,
  )
  const note =
    "p is McNemar's test: how probable a difference as large as this one would be by chance if A and B were right equally often. A failed asset counts as wrong"
  return ['', ...wrapped(styleText('bold', plainLine(`Against ${source}`)), width), table, '', ...wrapped(note, width)]
}

function probabilityText(value: number): string {
  return value < 0.0001 ? '< 0.0001' : value.toFixed(4)
}

function onlyLines({ only_columns: only }: Comparison, width: number): string[] {
  const lines = [
    ...(only.a.length > 0 ? [`Columns only in A: ${only.a.join(', ')}`] : []),
    ...(only.b.length > 0 ? [`Columns only in B: ${only.b.join(', ')}`] : []),
  ]
  return lines.length === 0 ? [] : ['', ...lines.flatMap((line) => wrapped(plainLine(line), width))]
}
