import type { ViewedColumn } from '../contract/columns.ts'
import type { ReviewProgress } from '../contract/review.ts'

/** The progress of a review without a mark. */
export function accuracyWithoutMarks(columns: readonly ViewedColumn[]): ReviewProgress {
  const none = { right: 0, wrong: 0, unsure: 0, accuracy: null }
  const answers = columns.filter(({ role }) => role === 'answer')
  return {
    marked: 0,
    answers: none,
    columns: answers.map(({ name }) => ({ column: name, ...none })),
  }
}
