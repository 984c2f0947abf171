/**
 * A condition on rows. Conditions of a filter combine with AND.
 *
 * - `is`: the column has one of these values; null is a row without a value. Numbers and booleans as themselves.
 * - `from` and `to`: `from` ≤ value < `to`; `to` itself is in the range if `closed`. Null has no bound. A `time` column
 *   counts in milliseconds since 1970. A row without a value is not in a range.
 * - `contains`: the text of the column contains this, whatever the case.
 * - `search`: the asset's ID, the unit's ID or a text or enum column of the answer contains this, whatever the case.
 * - `box`: the asset lies in this box, in degrees: [west, south, east, north]. West above east crosses the antimeridian.
 * - `review`: what the reviewer has decided about the unit.
 */
export type Condition =
  | { column: string; is: (string | number | boolean | null)[] }
  | { column: string; from: number | null; to: number | null; closed?: boolean }
  | { column: string; contains: string }
  | { search: string }
  | { box: [west: number, south: number, east: number, north: number] }
  | { review: ReviewState[] }

export type ReviewState = 'right' | 'wrong' | 'unsure' | 'none'

export type Filter = Condition[]
