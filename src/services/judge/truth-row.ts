/** A row of a table of true values. */
export interface TruthRow {
  /** `line 3`, or `row 3`. */
  place: string
  values: readonly unknown[]
}
