/** A value of a row, as JSON. An integer beyond 2^53 is text, so that it keeps every digit; a time is RFC 3339. */
export type Value = string | number | boolean | null | Value[] | { [name: string]: Value }

/** One row of the results by column. `unit_id` is always there. */
export type Row = Record<string, Value>

/**
 * What a column holds, which decides its chart: bars for `enum` and `boolean`, a histogram for `number` and `time`, the
 * most common values for `text`, none for `other` (lists, structs).
 */
export type ColumnKind = 'enum' | 'boolean' | 'number' | 'time' | 'text' | 'other'

/** Where a column comes from: the model's answer, the user's table (`run --keep`), or imagery's own record. */
export type ColumnRole = 'answer' | 'kept' | 'record'

export interface ViewedColumn {
  name: string
  kind: ColumnKind
  role: ColumnRole
  /** Whether the numbers of a `number` column are whole. */
  is_integer: boolean
  description: string | null
  /** The values that the profile allows, in its order. Null if the profile has no list. */
  allowed: string[] | null
}
