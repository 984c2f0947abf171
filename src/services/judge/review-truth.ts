import type { Mark } from '@imagery/viewer/contract/review'
import type { Row } from '../results/read-rows.ts'
import { valueIn, type AnswerColumn } from './columns.ts'
import { Named, type TrueCell, type TrueCells, type Truth } from './truth.ts'
import { isSame, readValue, twinForms } from './values.ts'

/**
 * Turns the marks of a review into what is known about each unit. A whole answer that is right says so of each of its columns
 * without a mark of its own; a whole answer that is wrong says nothing about its columns. What is unsure does not count. A wrong
 * answer stays wrong if the right value differs from it in its form only, or not at all.
 */
export function reviewTruth(source: string, marks: readonly Mark[], answer: readonly AnswerColumn[]): Truth {
  const judged = answer.map((column) => ({ column, twins: twinForms(column) }))
  const entries = new Map(marks.map((mark) => [mark.unit_id, { mark, isMatched: false }]))
  return {
    columns: answer.map((column) => ({ column, truthColumn: null })),
    of(unit) {
      const entry = entries.get(unit.unitId)
      if (!entry) return undefined
      entry.isMatched = true
      return cellsOf(entry.mark, judged, unit.row)
    },
    summary() {
      const unmatched = new Named()
      for (const [unitId, { isMatched }] of entries) if (!isMatched) unmatched.add(unitId)
      const none = { count: 0, examples: [] }
      return {
        source,
        id_column: null,
        rows: marks.length,
        matched: marks.length - unmatched.rows.count,
        unmatched: unmatched.rows,
        without_id: none,
        repeated: none,
        contradictory: none,
        unused_columns: [],
      }
    },
  }
}

interface Judged {
  column: AnswerColumn
  twins: ReadonlySet<string>
}

function cellsOf({ verdict, columns }: Mark, judged: readonly Judged[], answers: Row): TrueCells {
  const cells = new Map<string, TrueCell>()
  for (const { column, twins } of judged) {
    // Reviewers mark a struct as a whole.
    const [first = '', ...below] = column.path
    const own = columns[column.name] ?? columns[first]
    const said = own?.verdict ?? (verdict === 'wrong' ? null : verdict)
    if (said === 'right') cells.set(column.name, { is: 'right' })
    if (said !== 'wrong') continue
    const isWhole = columns[column.name] === undefined && below.length > 0
    const given = isWhole ? valueIn((own?.right_value ?? {}) as Row, below) : own?.right_value
    const value = readValue(column, given) ?? null
    const found = readValue(column, valueIn(answers, column.path)) ?? null
    const isOther = isWhole || value === null || found === null || !isSame(found, value, twins)
    if (value !== null && isOther) cells.set(column.name, { is: 'value', value })
    // Which member of a struct is wrong is not known.
    else if (!isWhole) cells.set(column.name, { is: 'wrong' })
  }
  return cells
}
