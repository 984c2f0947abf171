import type { ColumnKind, Value } from './columns.ts'
import type { Proportion } from './wilson.ts'

/**
 * Two runs side by side, A and B: the document of `imagery compare --json`. Rows of the two are joined by the unit's ID.
 * Shares are from 0 to 1.
 */
export interface Comparison {
  a: ComparedRun
  b: ComparedRun
  /** What makes the comparison unequal, a sentence each: other profiles, other assets, runs in progress. */
  warnings: string[]
  units: ComparedUnits
  /** The columns that both answers have, in the order of A. */
  columns: ComparedColumn[]
  /** Columns of only one answer, which are not compared. */
  only_columns: { a: string[]; b: string[] }
  /** What the truth says about both; null without `--truth`. */
  truth: ComparedTruth | null
}

export interface ComparedRun {
  run_id: string
  profile: string
  /** The model, or `pixels`. */
  model: string
  /** Whether the run is over, so that its rows do not change. */
  is_complete: boolean
  units: { total: number; ok: number; failed: number; pending: number }
  /** Most common first. */
  failures: { cause: string; units: number }[]
  /** Of the current answers, without other attempts; null if no answer has a cost. */
  cost_usd: number | null
  /** Of the answers whose cost is known. */
  cost_usd_per_unit: number | null
  /** Answers whose usage the model did not report: their cost is unknown, and no part of the sum. */
  answers_without_usage: number
  /** Of the answers that this run got itself; null without one. */
  latency_ms: { mean: number; median: number; p95: number } | null
}

export interface ComparedUnits {
  in_both: number
  only_in_a: number
  only_in_b: number
  /** Units that both runs answered: what agreement is measured on. */
  answered_by_both: number
  /** Answered by A, failed or pending in B. */
  answered_only_by_a: number
  answered_only_by_b: number
  /** The first few unit IDs of each. */
  examples: { only_in_a: string[]; only_in_b: string[] }
}

export interface ComparedColumn {
  column: string
  kind: ColumnKind
  /** The units that both runs answered. */
  units: number
  /** Units with the same value in both, or with no value in both. */
  agreed: number
  /** agreed / units with its Wilson interval at 95 %; null without units. */
  agreement: Proportion | null
  /**
   * Cohen's kappa: agreement beyond chance, from -1 to 1. For `enum` and `boolean`; null for others, and where it is not
   * defined because both runs have one and the same value everywhere.
   */
  kappa: number | null
  /** For `number`, over units with a number in both; null for others, or without such units. */
  difference: { units: number; mean: number; mean_absolute: number; largest: number } | null
  /** Pairs of different values, most common first; at most 20. */
  disagreements: Disagreement[]
  /** Kinds of pairs that `disagreements` does not list, and their units. */
  further: { pairs: number; units: number }
}

/** Units for which A and B have this pair of values. */
export interface Disagreement {
  a: Value
  b: Value
  units: number
  /** At most 5. */
  examples: { unit_id: string; asset_id: string | null }[]
}

export interface ComparedTruth {
  /** What `--truth` named. */
  source: string
  columns: ComparedTruthColumn[]
}

/** A column against the truth, over the units that are in both runs and have a true value. A failure counts as wrong. */
export interface ComparedTruthColumn {
  column: string
  units: number
  both_right: number
  only_a_right: number
  only_b_right: number
  both_wrong: number
  /** Null without units. */
  a: Proportion | null
  b: Proportion | null
  mcnemar: Mcnemar
}

/** McNemar's test of whether A and B are right equally often: it looks at the units that only one of them got right. */
export interface Mcnemar {
  /** `exact`: the two-sided binomial test, for up to 1,000 such units; `chi_squared` with a continuity correction above. */
  method: 'exact' | 'chi_squared'
  /** For `chi_squared`, with 1 degree of freedom. */
  statistic: number | null
  /** 1 without such units. */
  p_value: number
}
