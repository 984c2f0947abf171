import type { Value } from './columns.ts'
import type { Proportion } from './wilson.ts'

export type Verdict = 'right' | 'wrong' | 'unsure'

/** What a reviewer says about a unit: about the whole answer, about some of its columns, or both. */
export interface Mark {
  unit_id: string
  /** About the whole answer; null if only columns are marked. */
  verdict: Verdict | null
  columns: { [column: string]: ColumnMark }
  note: string
  /** RFC 3339. */
  marked_at: string
}

export interface ColumnMark {
  verdict: Verdict
  /** The right value, if the answer is wrong and the reviewer knows it. */
  right_value?: Value
}

/** How to draw units to review. */
export interface ReviewPlan {
  size: number
  /** Draws evenly from the values of this column; without, from all units. */
  strata: string | null
  seed: string
  /** Leaves out the units that have a mark. */
  unmarked_only: boolean
}

/**
 * How far a review is, and what it says. What is marked `unsure` does not count as right or wrong.
 *
 * A whole answer that is `right` or `unsure` says the same about each of its columns without a mark of its own. A whole
 * answer that is `wrong` says nothing about its columns: any of them can be right. A unit without a verdict about the
 * whole answer, but with a wrong column, is a wrong answer. What is `right` of a unit that has failed since is wrong.
 */
export interface ReviewProgress {
  /** Units with a mark. */
  marked: number
  /** Of whole answers. */
  answers: Accuracy
  /** By column of the answer, in the order of the run's columns. */
  columns: ColumnAccuracy[]
}

export interface ColumnAccuracy extends Accuracy {
  column: string
}

export interface Accuracy {
  right: number
  wrong: number
  unsure: number
  /** right / (right + wrong), with its Wilson interval at 95 %; null without a decision. */
  accuracy: Proportion | null
}
