import type { ViewedColumn } from '@imagery/viewer/contract/columns'
import type { Mark } from '@imagery/viewer/contract/review'
import type { ExportFormat, PageRow } from '@imagery/viewer/contract/source'
import { csvLine } from '../results/csv.ts'

/**
 * Yields rows as a file, in pieces.
 *
 * @param columns the columns to write, in this order
 */
export async function* exportedRows(
  format: ExportFormat,
  columns: readonly ViewedColumn[],
  pages: AsyncIterable<PageRow[]>,
): AsyncGenerator<string> {
  const isNumeric = (index: number): boolean => columns[index]?.kind === 'number'
  const names = columns.map(({ name }) => name)
  if (format === 'csv') yield csvLine(names)
  for await (const rows of pages) {
    const lines = rows.map(({ values }) => {
      const chosen = names.map((name) => values[name] ?? null)
      if (format === 'csv') return csvLine(chosen, { isNumeric })
      return `${JSON.stringify(Object.fromEntries(names.map((name, index) => [name, chosen[index]])))}\n`
    })
    yield lines.join('')
  }
}

/** The columns of a table of marks: those of the mark, then two for each column of the answer. */
export function markColumns(answers: readonly string[]): string[] {
  return [
    'unit_id',
    'verdict',
    'note',
    'marked_at',
    ...answers.flatMap((name) => [`${name}_verdict`, `${name}_right_value`]),
  ]
}

/** Returns a mark as the values of `markColumns`. */
export function markValues(
  { unit_id, verdict, note, marked_at, columns }: Mark,
  answers: readonly string[],
): unknown[] {
  return [
    unit_id,
    verdict,
    note,
    marked_at,
    ...answers.flatMap((name) => {
      const column = Object.hasOwn(columns, name) ? columns[name] : undefined
      return [column?.verdict ?? null, column?.right_value ?? null]
    }),
  ]
}

/** Returns marks as a file. */
export function exportedMarks(format: ExportFormat, marks: Iterable<Mark>, answers: readonly string[]): string {
  const all = [...marks]
  if (format === 'jsonl') return all.map((mark) => `${JSON.stringify(mark)}\n`).join('')
  return [csvLine(markColumns(answers)), ...all.map((mark) => csvLine(markValues(mark, answers)))].join('')
}
