import type { Proportion } from '@imagery/viewer/contract/wilson'
import type { Value } from '@imagery/viewer/contract/columns'

/** The document of `imagery eval --json`. Shares are from 0 to 1; intervals are Wilson's at 95 %. */
export interface Evaluation {
  run_id: string
  results_table: string
  truth: TruthSummary
  units: {
    total: number
    ok: number
    failed: number
    pending: number
    /** Units with at least one true value. Pending units have none. */
    judged: number
    /** Units that are not pending and that no row of the truth names. */
    without_truth: number
  }
  columns: EvaluatedColumn[]
  /** Columns of the answer that were not judged, and why. */
  not_judged: { column: string; reason: string }[]
  /** Columns below their `--min-accuracy`. The command then ends with exit code 3. */
  below_minimum: { column: string; accuracy: number | null; minimum: number }[]
}

/** What `--truth` has. */
export interface TruthSummary {
  /** As the user named it. */
  source: string
  /** The column that names the units; null for reviews. */
  id_column: string | null
  rows: number
  /** Rows that name a unit of the run. */
  matched: number
  /** Rows whose ID no unit of the run has. */
  unmatched: NamedRows
  /** Rows without an ID. */
  without_id: NamedRows
  /** Further rows with an ID and values that the truth already has. */
  repeated: NamedRows
  /** IDs whose rows contradict each other. They are not used. */
  contradictory: NamedRows
  /** Columns of the truth that no column of the answer uses. */
  unused_columns: string[]
}

/** A number of rows, and the first few of them by ID, or by place if they have none. */
export interface NamedRows {
  count: number
  examples: string[]
}

/** The kinds of columns. Lists, `other`, are judged by reviews only. */
export type JudgedKind = 'enum' | 'boolean' | 'number' | 'text' | 'other'

export interface EvaluatedColumn {
  column: string
  /** The column of the truth; null for reviews. */
  truth_column: string | null
  kind: JudgedKind
  /** Units with a true value. All of them are right or wrong. */
  judged: number
  right: number
  /** Wrong, because the unit failed. */
  failed: number
  /** Wrong, because the answer has no value. */
  without_value: number
  /** right / judged with its interval; null without units. */
  accuracy: Proportion | null
  /** Values of the truth that the column cannot have, such as text in a column of numbers. Not judged. */
  unreadable: NamedRows
  /** For `enum` and `boolean`: one per class, in the profile's order. Null for others. */
  classes: ClassScores[] | null
  macro: Macro | null
  /** For `enum` and `boolean`: all pairs of true value and answer. Null for others. */
  confusion: ConfusionCell[] | null
  /** Wrong pairs, most common first; at most 20. */
  worst: Confusion[]
  /** For `number`: what counts as right, and how far the answers are off. Null for others. */
  number: { tolerance: number; tolerance_is_share: boolean; errors: NumberErrors | null } | null
}

/** The values of one class. */
export interface ClassScores {
  value: string
  /** Units for which this is true. */
  truth: number
  /** Units that got this answer. */
  answered: number
  right: number
  precision: number | null
  recall: number | null
  f1: number | null
}

export interface Macro {
  precision: number
  recall: number
  f1: number
}

export interface ConfusionCell {
  /** Null if only a reviewer knows that the answer is wrong. */
  truth: Value
  /** Null without a value. */
  answer: Value
  /** Whether there is no answer because the unit failed. */
  failed: boolean
  units: number
}

export interface Confusion extends ConfusionCell {
  /** At most 5. */
  examples: { unit_id: string; asset_id: string | null }[]
}

/** Differences between answers and true values: answer - truth. */
export interface NumberErrors {
  units: number
  mean: number
  mean_absolute: number
  root_mean_square: number
  largest: number
}
