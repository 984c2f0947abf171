import type { ReviewState } from '@imagery/viewer/contract/filter'
import type { Accuracy, Mark, ReviewProgress, Verdict } from '@imagery/viewer/contract/review'
import { wilson } from '@imagery/viewer/contract/wilson'

/** Returns what the marks say of whole answers and of each column, as `ReviewProgress` defines it. */
export function reviewProgress(marks: Iterable<Mark>, columns: readonly string[]): ReviewProgress {
  const all = [...marks].filter((mark) => reviewState(mark) !== 'none')
  return {
    marked: all.length,
    answers: accuracyOf(all.map(answerVerdict)),
    columns: columns.map((column) => ({ column, ...accuracyOf(all.map((mark) => columnVerdict(mark, column))) })),
  }
}

/** Returns what a filter by review says of a unit. */
export function reviewState(mark: Mark | undefined): ReviewState {
  if (!mark) return 'none'
  if (mark.verdict) return mark.verdict
  const verdicts = new Set(Object.values(mark.columns).map(({ verdict }) => verdict))
  return (['wrong', 'unsure', 'right'] as const).find((verdict) => verdicts.has(verdict)) ?? 'none'
}

/** Without a verdict about the whole, a wrong column makes a wrong answer; columns that are right say nothing of the rest. */
function answerVerdict({ verdict, columns }: Mark): Verdict | undefined {
  if (verdict) return verdict
  return Object.values(columns).some((column) => column.verdict === 'wrong') ? 'wrong' : undefined
}

/** A wrong answer as a whole says nothing about its columns. */
function columnVerdict({ verdict, columns }: Mark, column: string): Verdict | undefined {
  if (Object.hasOwn(columns, column)) return columns[column]?.verdict
  return verdict === null || verdict === 'wrong' ? undefined : verdict
}

function accuracyOf(verdicts: readonly (Verdict | undefined)[]): Accuracy {
  const count = (wanted: Verdict): number => verdicts.filter((verdict) => verdict === wanted).length
  const [right, wrong, unsure] = [count('right'), count('wrong'), count('unsure')]
  return { right, wrong, unsure, accuracy: wilson(right, right + wrong) }
}
