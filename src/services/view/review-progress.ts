import type { ReviewState } from '@imagery/viewer/contract/filter'
import type { Accuracy, Mark, ReviewProgress, Verdict } from '@imagery/viewer/contract/review'
import { wilson } from '@imagery/viewer/contract/wilson'

/**
 * Returns what the marks say of whole answers and of each column, as `ReviewProgress` defines it.
 *
 * @param failed the units without an answer
 */
export function reviewProgress(
  marks: Iterable<Mark>,
  columns: readonly string[],
  failed: ReadonlySet<string> = new Set(),
): ReviewProgress {
  const all = [...marks]
    .map((mark) => ({ ...mark, isFailed: failed.has(mark.unit_id) }))
    .filter((mark) => reviewState(mark, mark.isFailed) !== 'none')
  return {
    marked: all.length,
    answers: accuracyOf(all.map(answerVerdict)),
    columns: columns.map((column) => ({ column, ...accuracyOf(all.map((mark) => columnVerdict(mark, column))) })),
  }
}

/** Returns what a filter by review says of a unit. */
export function reviewState({ verdict, columns }: Mark, isFailed: boolean): ReviewState {
  if (verdict) return counted(verdict, isFailed)
  const verdicts = new Set(Object.values(columns).map((column) => counted(column.verdict, isFailed)))
  return (['wrong', 'unsure', 'right'] as const).find((each) => verdicts.has(each)) ?? 'none'
}

type Counted = Mark & { isFailed: boolean }

/** Without a verdict about the whole, a wrong column makes a wrong answer; columns that are right say nothing of the rest. */
function answerVerdict({ verdict, columns, isFailed }: Counted): Verdict | undefined {
  if (verdict) return counted(verdict, isFailed)
  return Object.values(columns).some((column) => counted(column.verdict, isFailed) === 'wrong') ? 'wrong' : undefined
}

/** A wrong answer as a whole says nothing about its columns. */
function columnVerdict({ verdict, columns, isFailed }: Counted, column: string): Verdict | undefined {
  const own = Object.hasOwn(columns, column) ? columns[column]?.verdict : undefined
  const said = own ?? (verdict === 'wrong' ? null : verdict)
  return said === null ? undefined : counted(said, isFailed)
}

/** A unit can fail after its answer was marked. It then has no answer that is right, as in `imagery eval --truth reviews`. */
function counted(verdict: Verdict, isFailed: boolean): Verdict {
  return isFailed && verdict === 'right' ? 'wrong' : verdict
}

function accuracyOf(verdicts: readonly (Verdict | undefined)[]): Accuracy {
  const count = (wanted: Verdict): number => verdicts.filter((verdict) => verdict === wanted).length
  const [right, wrong, unsure] = [count('right'), count('wrong'), count('unsure')]
  return { right, wrong, unsure, accuracy: wilson(right, right + wrong) }
}
