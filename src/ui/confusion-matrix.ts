import type { ConfusionCell } from '../contracts/evaluation.ts'
import { cellText, formatTable } from './table.ts'
import { wrapped } from './wrap.ts'
import { countText } from '../contracts/count-text.ts'

/**
 * Formats how many assets have each pair of true value, by row, and answer, by column. Columns are numbered as the rows are,
 * so that many values fit; values that are only answered are named below. Says so if they do not fit even then.
 */
export function confusionMatrix(values: readonly string[], cells: readonly ConfusionCell[], width: number): string {
  const counts = new Map<string, number>()
  for (const { truth, answer, failed, units } of cells) {
    if (truth === null) continue
    const key = JSON.stringify([String(truth), failed ? FAILED : answer === null ? NO_VALUE : String(answer)])
    counts.set(key, (counts.get(key) ?? 0) + units)
  }
  const others = [
    ...(cells.some(({ failed }) => failed) ? [[FAILED, 'failed'] as const] : []),
    ...(cells.some(({ answer, failed }) => answer === null && !failed) ? [[NO_VALUE, 'none'] as const] : []),
  ]
  const answers = [...values.map((value, index) => [value, String(index + 1)] as const), ...others]
  const isTrue = new Set(cells.map(({ truth }) => String(truth)))
  const numbered = values.map((value, index) => ({ value, number: index + 1 }))
  // A value that is never true has no row; as an answer, it is a column.
  const rows = numbered
    .filter(({ value }) => isTrue.has(value))
    .map(({ value, number }) => [
      `${number} ${cellText(value)}`,
      ...answers.map(([answer]) => {
        const count = counts.get(JSON.stringify([value, answer]))
        return count === undefined ? '.' : countText(count)
      }),
    ])
  const header = ['true \\ answer', ...answers.map(([, title]) => title)]
  const narrowest = header
    .slice(1)
    .map((title, column) => Math.max(title.length, ...rows.map((row) => row[column + 1]!.length)) + 2)
  const needed = narrowest.reduce((sum, each) => sum + each, 0)
  if (needed + LEAST_LABEL > width)
    return `The confusion matrix has ${countText(values.length)} values and does not fit ${width} columns; --json has it`
  const only = numbered
    .filter(({ value }) => !isTrue.has(value))
    .map(({ value, number }) => `${number} ${cellText(value)}`)
  const table = formatTable(header, rows, width, header.slice(1))
  return only.length === 0 ? table : [table, ...wrapped(`Never true: ${only.join(', ')}`, width)].join('\n')
}

/** Marks that no value of an answer can be. */
const FAILED = '\u0000failed'
const NO_VALUE = '\u0000none'

/** The label of a row is readable with this many letters. */
const LEAST_LABEL = 16
