import { checkResolvedLength } from './bounds.ts'
import { SqlFailure } from './failure.ts'
import type { Call, Expression, LiteralValue, Query } from './syntax.ts'
import type { SqlType } from './types.ts'

/** An expression after analysis: DuckDB's text for it, and GoogleSQL's type. */
export interface Typed {
  sql: string
  type: SqlType
  at: number
  /** Set for literals and parameters, which convert to other types more freely than other expressions. */
  literal?: LiteralValue
  /** The fields of a STRUCT written out: each may still be converted. */
  parts?: Typed[]
  /** A `[]` without a type takes the type its surroundings ask for. */
  untypedArray?: boolean
  /** Two evaluations differ: RAND, GENERATE_UUID. Such an expression is never written out twice. */
  volatile?: boolean
}

export interface Column {
  name: string | null
  sql: string
  type: SqlType
  /** Called when a statement reads the column: the bytes it scans are billed by column. */
  onUse?: () => void
  /** The scan whose table is partitioned by this column and requires a filter on it. */
  partitions?: Scan
}

/** Values of a partitioning column, both ends included. */
export interface ValueRange {
  from: bigint
  to: bigint
}

/** One use of a table in a statement, and the values of its partitioning column that it needs: all if undefined. */
export interface Scan {
  /** The partitioning column in DuckDB's text; undefined for a table without one. */
  column: string | undefined
  ranges: readonly ValueRange[] | undefined
  /** Set for a table that requires a filter on its partitions, until a condition has one. */
  requires?: RequiredFilter | undefined
}

/** What a table that requires a filter is called in BigQuery's refusal, and the columns that the filter can use. */
export interface RequiredFilter {
  table: string
  columns: readonly string[]
}

/** One item of a FROM clause. */
export interface Source {
  alias: string | null
  columns: Column[]
  /** Columns that can be named, but that a star does not mean. */
  pseudocolumns?: Column[]
  /** Set for UNNEST: the element itself, which the alias then names. */
  element?: Column
  /** Set for a stored table. */
  scan?: Scan
}

/** How names resolve after GROUP BY: only keys and aggregates remain. */
export interface Grouping {
  keys: { sql: string; result: Typed }[]
  aggregates: { sql: string; name: string; type: SqlType }[]
  /** The alias of the grouped subquery. */
  relation: string
}

export interface Scope {
  parent?: Scope
  sources: Source[]
  /** Columns merged by USING, by lower-case name. */
  merged: Map<string, Column>
  grouping?: Grouping
  /** SELECT list aliases, for GROUP BY, HAVING, QUALIFY and ORDER BY. */
  aliases?: Map<string, Typed>
}

/** The place of an expression, which decides what it can contain. */
export interface Place {
  scope: Scope
  analysis: Analysis
  clause: string
  /** Inside an aggregate's arguments: no further aggregate may follow. */
  insideAggregate?: boolean
  allowsWindows?: boolean
  /** The SELECT item being analyzed: as a whole it may be a grouping key. */
  wholeItem?: Expression
}

export interface CatalogColumn {
  name: string
  type: SqlType
}

export type CatalogTable =
  /**
   * `partitionedBy` is the column that an integer-range partitioned table is partitioned by. `required` says which filter
   * the table requires, and by which column, if not by a pseudocolumn. `parts` are the tables that a wildcard stands for,
   * with the places of the columns in each.
   */
  | {
      kind: 'table'
      key: string
      relation: string
      columns: CatalogColumn[]
      partitionedBy?: number
      pseudocolumns?: readonly (CatalogColumn & { sql: (alias: string) => string })[]
      parts?: readonly { key: string; places: readonly (number | undefined)[] }[]
      required?: RequiredFilter & { column: number | undefined }
    }
  | { kind: 'view'; key: string; query: string }

/** The stored tables, as the translator sees them. */
export interface Catalog {
  /** Throws SqlFailure (notFound) when there is no such table; column `n` of `relation` is physically `cn`. */
  table(path: readonly string[], at: number): CatalogTable
  /** A table that a statement writes, which does not count as read. */
  target(path: readonly string[], at: number): CatalogTable & { kind: 'table' }
}

export interface QueryColumn {
  name: string | null
  type: SqlType
  /** As in `Column`: a filter around a subquery or view reaches the table in it. */
  partitions?: Scan
  /** Set when the column is a literal, which a set operation may convert. */
  literal?: LiteralValue
}

/** A translated query: its output columns are `c0`, `c1`, …; its order keys, when kept, `o0`, `o1`, …. */
export interface Relation {
  sql: string
  columns: QueryColumn[]
  /** SELECT AS STRUCT or AS VALUE: the one column is the row. */
  isValue: boolean
  /** Directions of the kept order keys, e.g. `o0 DESC NULLS LAST`. */
  order: string[]
}

export interface NamedQuery {
  relation: string
  plan: Relation
}

/** The state of one statement's analysis. */
export interface Analysis {
  catalog: Catalog
  /** By lower-case name, or by position. */
  namedParameters: ReadonlyMap<string, Typed>
  positionalParameters: readonly Typed[]
  /** CURRENT_TIMESTAMP: one value for the whole statement, in microseconds. */
  nowMicros: bigint
  fresh(prefix: string): string
  /** Columns read, by table key. */
  columnsRead: Map<string, Set<number>>
  /** Each use of a table, by its key. */
  scans: Map<string, Scan[]>
  /** Keys of the views met. */
  views: Set<string>
  viewDepth: number
  named: Map<string, NamedQuery>
  rules: {
    expression(node: Expression, place: Place): Typed
    query(query: Query, place: QueryPlace): Relation
    aggregate(call: Call, at: number, place: Place): Typed
  }
}

export interface QueryPlace {
  analysis: Analysis
  parent?: Scope
  /** Keep the order keys as columns, because the caller must sort again (ARRAY(subquery)). */
  keepOrder?: boolean
}

export function typed(sql: string, type: SqlType, at: number, inputs: readonly Typed[] = []): Typed {
  checkResolvedLength(sql, at)
  return { sql, type, at, ...(inputs.some((input) => input.volatile) ? { volatile: true } : {}) }
}

/** A string as DuckDB text. DuckDB's literals know no escapes but the doubled quote. */
export function quote(text: string): string {
  const quoted = `'${text.replaceAll("'", "''")}'`
  return text.includes('\0') ? `(${quoted.replaceAll('\0', "' || chr(0) || '")})` : quoted
}

/** BigQuery's error when no overload matches. */
export function noSignature(
  name: string,
  args: readonly Typed[],
  typeName: (type: SqlType) => string,
  at: number,
): SqlFailure {
  const types = args.map((arg) => (arg.literal?.type === 'NULL' ? 'NULL' : typeName(arg.type))).join(', ')
  return new SqlFailure(`No matching signature for ${name} for argument types: ${types}`, at)
}

/** A translated aggregate, with or without OVER. */
export interface BuiltAggregate {
  type: SqlType
  volatile: boolean
  /** DuckDB's text, with `over` after every aggregate in it. */
  sql(over: string): string
}
