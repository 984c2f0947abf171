import type { SqlType } from './types.ts'

/** An aggregate ready to be written, plain or with OVER. */
export interface BuiltAggregate {
  type: SqlType
  volatile: boolean
  /** DuckDB's text; `over` is put behind every aggregate in it. */
  sql(over: string): string
}
