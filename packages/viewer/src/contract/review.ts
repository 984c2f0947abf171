import type { Value } from './columns.ts'

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

/** How far a review is, and what it says. Units marked `unsure` do not count as right or wrong. */
export interface ReviewProgress {
  marked: number
  /** By column of the answer. */
  columns: ColumnAccuracy[]
}

export interface ColumnAccuracy {
  column: string
  right: number
  wrong: number
  unsure: number
  /** right / (right + wrong), with its Wilson interval at 95 %; null without a decision. */
  accuracy: { estimate: number; low: number; high: number } | null
}
