import { styleText } from 'node:util'
import { shortText } from '@imagery/viewer/contract/short-text'
import { plainLine, shortened } from './plain-text.ts'
import { cellText, fittingColumns, formatTable, wantedWidth } from './table.ts'
import { linesOf, wrapped } from './wrap.ts'
import { counted, countText } from '../contracts/count-text.ts'

type Row = Record<string, unknown>

export interface ResultsTable {
  /** All columns that could be shown, in order. */
  columns: readonly string[]
  rows: readonly Row[]
  /** Whether the user chose the columns. */
  isChosen: boolean
  /** Whether only failed rows are shown. */
  onlyFailed: boolean
  /** How many rows are not shown; `some` if their number is unknown. */
  more: number | 'some'
  failures: readonly { cause: string; units: number; unit_id: string; error_message: string | null }[]
}

/** Formats the first rows of a run with the columns that fit, and says what is not shown. */
export function formatResults(table: ResultsTable, width: number): string {
  const { rows, shortIds } = withRoomForAnswers(candidates(table), table.rows, width)
  const columns = fittingColumns(candidates(table), rows, width)
  const shown = formatTable(
    columns,
    rows.map((row) => columns.map((column) => row[column])),
    width,
    columns.slice(0, 1),
  )
  const hidden = table.columns.filter((column) => !columns.includes(column))
  return [
    ...(table.rows.length === 0 ? ['No rows'] : [shown]),
    ...moreLine(table.more),
    ...failureLines(table.failures, width),
    ...hiddenLines(table.rows.length === 0 ? [] : hidden, width),
    ...(shortIds === undefined
      ? []
      : ['', ...wrapped(`Each ${shortIds} is shortened. --columns ${shortIds} shows it whole`, width)]),
  ].join('\n')
}

const IDS: ReadonlySet<string> = new Set(['asset_id', 'unit_id'])

/** An ID is not shortened below this length. */
const SHORTEST_ID = 20

/**
 * Shortens long IDs in their middle until the two columns after them fit too: an ID of Street View Insights with its image has
 * 90 letters, which leaves nothing of a line for the answer. An ID that is the only column stays whole.
 */
function withRoomForAnswers(
  [id = '', ...others]: readonly string[],
  rows: readonly Row[],
  width: number,
): { rows: readonly Row[]; shortIds: string | undefined } {
  const whole = { rows, shortIds: undefined }
  if (!IDS.has(id) || others.length === 0) return whole
  const wanted = others.slice(0, 2).reduce((sum, column) => sum + wantedWidth(column, rows) + 2, 0)
  const most = Math.max(SHORTEST_ID, width - 2 - wanted)
  const texts = rows.map((row) => cellText(row[id]))
  if (texts.every((text) => text.length <= most)) return whole
  return { rows: rows.map((row, index) => ({ ...row, [id]: shortText(texts[index]!, most) })), shortIds: id }
}

/** Columns that answer nothing, besides the one that identifies the row. */
const BESIDES: ReadonlySet<string> = new Set([
  'asset_id',
  'unit_id',
  'location',
  'detection_time',
  'run_id',
  'attempt_id',
  'prompt_hash',
  'input_hash',
  'finished_at',
])

/** Returns the column that tells rows apart: a run with one row per observation repeats its assets. */
function identifyingColumn(rows: readonly Row[]): 'asset_id' | 'unit_id' {
  const hasOwnId = ({ asset_id: asset, unit_id: unit }: Row): boolean =>
    unit !== null && unit !== undefined && unit !== asset
  return rows.some(hasOwnId) ? 'unit_id' : 'asset_id'
}

/** The row's ID, its status, and the answer's single values; of a failure its reason; what the user chose as it is. */
function candidates({ columns, rows, isChosen, onlyFailed }: ResultsTable): string[] {
  if (isChosen) return [...columns]
  const identifying = identifyingColumn(rows)
  const first = onlyFailed ? [identifying, 'cause', 'error_message'] : [identifying, 'status']
  const isShown = (column: string): boolean =>
    !BESIDES.has(column) &&
    !first.includes(column) &&
    rows.some((row) => row[column] !== null && row[column] !== undefined) &&
    !rows.some((row) => typeof row[column] === 'object' && row[column] !== null)
  return [...first.filter((column) => columns.includes(column)), ...columns.filter(isShown)]
}

function moreLine(more: number | 'some'): string[] {
  if (more === 0) return []
  const count = more === 'some' ? 'More rows follow' : `… ${counted(more, 'more row')}`
  return [`${count}. --limit N shows more, --format csv or jsonl has them all`]
}

/** Failures with the same reason are one entry. */
function failureLines(failures: ResultsTable['failures'], width: number): string[] {
  if (failures.length === 0) return []
  const lines = failures.flatMap(({ cause, units, unit_id: unit, error_message: message }) => {
    const id = shortened(cellText(unit), Math.max(20, width - 30))
    const which = units === 1 ? id : `${countText(units)} rows, such as ${id}`
    return [`  ${plainLine(cause)}: ${which}`, ...reasonLines(message ?? '', width - 4).map((line) => `    ${line}`)]
  })
  return ['', styleText('bold', 'Failed'), ...lines]
}

/** A reason longer than this many lines is cut. */
const REASON_LINES = 3

function reasonLines(message: string, width: number): string[] {
  const words = cellText(message)
    .split(/\s+/)
    .flatMap((long) => long.match(new RegExp(`.{1,${Math.max(8, width)}}`, 'gu')) ?? [])
  const lines = linesOf(words, width)
  if (lines.length <= REASON_LINES) return lines
  return [...lines.slice(0, REASON_LINES - 1), shortened(`${lines[REASON_LINES - 1]!.slice(0, width - 1)}……`, width)]
}

function hiddenLines(hidden: readonly string[], width: number): string[] {
  if (hidden.length === 0) return []
  const names = hidden.map(cellText).join(', ')
  return ['', ...wrapped(`Columns not shown: ${names}. --columns NAME,… chooses columns, --format csv has all`, width)]
}
