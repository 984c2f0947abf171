import type { SqlType } from './types.ts'

/** The syntax tree of a query. Every node knows the offset (`at`) that an error about it names. */
export type Expression =
  | { kind: 'literal'; at: number; value: LiteralValue }
  | {
      kind: 'typed'
      at: number
      type: 'DATE' | 'DATETIME' | 'TIME' | 'TIMESTAMP' | 'NUMERIC' | 'BIGNUMERIC' | 'JSON'
      text: string
    }
  | { kind: 'parameter'; at: number; name: string; position: number }
  | { kind: 'name'; at: number; name: string }
  | { kind: 'dot'; at: number; base: Expression; field: string; fieldAt: number }
  | { kind: 'subscript'; at: number; base: Expression; index: Expression; mode: SubscriptMode }
  | { kind: 'unary'; at: number; operator: '-' | '+' | '~' | 'NOT'; operand: Expression }
  | { kind: 'binary'; at: number; operator: string; left: Expression; right: Expression }
  | { kind: 'between'; at: number; operand: Expression; low: Expression; high: Expression; negated: boolean }
  | { kind: 'in'; at: number; operand: Expression; list: InList; negated: boolean }
  | { kind: 'is'; at: number; operand: Expression; what: 'NULL' | 'TRUE' | 'FALSE'; negated: boolean }
  | { kind: 'like'; at: number; operand: Expression; pattern: Expression; negated: boolean }
  | {
      kind: 'case'
      at: number
      operand?: Expression
      branches: { when: Expression; then: Expression }[]
      otherwise?: Expression
    }
  | { kind: 'cast'; at: number; operand: Expression; type: SqlType; safe: boolean }
  | { kind: 'extract'; at: number; part: string; operand: Expression; zone?: Expression }
  | { kind: 'interval'; at: number; amount: Expression; part: string }
  | { kind: 'array'; at: number; element?: SqlType; items: Expression[] }
  | { kind: 'struct'; at: number; fields?: { name: string | null; type: SqlType }[]; items: SelectItem[] }
  | { kind: 'call'; at: number; call: Call }
  | { kind: 'subquery'; at: number; query: Query; as: 'scalar' | 'array' | 'exists' }

export type LiteralValue =
  | { type: 'NULL' }
  | { type: 'BOOL'; value: boolean }
  | { type: 'INT64'; value: bigint }
  /** `text` is the source text: NUMERIC uses its digits, not those of the FLOAT64. */
  | { type: 'FLOAT64'; value: number; text: string }
  | { type: 'STRING'; value: string }
  | { type: 'BYTES'; value: Buffer }

export type SubscriptMode = 'KEY' | 'OFFSET' | 'ORDINAL' | 'SAFE_OFFSET' | 'SAFE_ORDINAL'

export type InList =
  | { kind: 'items'; items: Expression[] }
  | { kind: 'unnest'; array: Expression }
  | { kind: 'query'; query: Query }

export interface Call {
  /** Upper case, with its namespace: `ARRAY_AGG`, `SAFE.SUBSTR`, `NET.HOST`. */
  name: string
  args: Argument[]
  star: boolean
  distinct: boolean
  nulls?: 'IGNORE' | 'RESPECT'
  having?: { extreme: 'MAX' | 'MIN'; by: Expression }
  orderBy: Ordering[]
  limit?: Expression
  over?: Window
}

/** An argument; `part` is set for a bare keyword that may name a date part (`DAY`, `WEEK(MONDAY)`). */
export interface Argument {
  value: Expression
  part?: string
}

export interface Window {
  partitionBy: Expression[]
  orderBy: Ordering[]
  frame?: { unit: 'ROWS' | 'RANGE'; from: FrameBound; to: FrameBound }
}

export type FrameBound =
  | { kind: 'unboundedPreceding' }
  | { kind: 'unboundedFollowing' }
  | { kind: 'currentRow' }
  | { kind: 'preceding' | 'following'; amount: Expression }

export interface Ordering {
  at: number
  value: Expression
  descending: boolean
  nulls?: 'FIRST' | 'LAST'
}

export interface SelectItem {
  value: Expression
  alias: string | null
  at: number
}

export type SelectColumn =
  | ({ kind: 'item' } & SelectItem)
  | { kind: 'star'; at: number; of?: Expression; except: string[]; replace: SelectItem[] }

export interface Query {
  at: number
  with: { name: string; query: Query; at: number }[]
  body: QueryBody
  orderBy: Ordering[]
  limit?: Expression
  offset?: Expression
}

export type QueryBody =
  | { kind: 'select'; select: Select }
  | { kind: 'parenthesized'; query: Query }
  | { kind: 'set'; at: number; operator: 'UNION' | 'INTERSECT' | 'EXCEPT'; distinct: boolean; inputs: QueryBody[] }

export interface Select {
  at: number
  distinct: boolean
  as?: 'STRUCT' | 'VALUE'
  columns: SelectColumn[]
  from?: FromItem
  where?: Expression
  groupBy: Expression[]
  having?: Expression
  qualify?: Expression
  windows: Record<string, Window>
}

export type FromItem =
  | { kind: 'table'; at: number; path: string[]; alias: string | null }
  | { kind: 'query'; at: number; query: Query; alias: string | null }
  | { kind: 'unnest'; at: number; array: Expression; alias: string | null; offset: string | null }
  | {
      kind: 'join'
      at: number
      type: JoinType
      left: FromItem
      right: FromItem
      on?: Expression
      using?: { name: string; at: number }[]
    }

export type JoinType = 'INNER' | 'LEFT' | 'RIGHT' | 'FULL' | 'CROSS' | 'COMMA'
