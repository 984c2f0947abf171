import type { Analysis, Catalog, QueryColumn, Scan, Typed } from './analysis.ts'
import { aggregateCall } from './analyze-aggregate.ts'
import { analyzeExpression } from './analyze-expression.ts'
import { analyzeInsert } from './analyze-insert.ts'
import { analyzeQuery } from './analyze-query.ts'
import { tooDeep } from './bounds.ts'
import { SqlFailure } from './failure.ts'
import { parseStatement } from './parse-statement.ts'

export interface TranslationOptions {
  catalog: Catalog
  /** Values by lower-case name. */
  namedParameters?: ReadonlyMap<string, Typed>
  positionalParameters?: readonly Typed[]
  nowMicros: bigint
}

export interface Translation {
  /** DuckDB's query; its columns are `c0`, `c1`, …. */
  sql: string
  /** The result's columns; those without a name are called `f0_`, `f1_`, … as on BigQuery. */
  columns: (QueryColumn & { name: string })[]
  /** Indexes of the columns read, by table key. */
  columnsRead: ReadonlyMap<string, ReadonlySet<number>>
  /** Each use of a table, by its key. */
  scans: ReadonlyMap<string, readonly Scan[]>
  views: readonly string[]
  /** The key of the table that an INSERT writes; undefined for a query. */
  inserts: string | undefined
}

/** Translates one GoogleSQL query, or the rows of an INSERT, to DuckDB's SQL, or throws SqlFailure: never an approximation. */
export function translate(statement: string, options: TranslationOptions): Translation {
  try {
    return translated(statement, options)
  } catch (error) {
    // Parts within their bounds can still add up: the stack overflows, or the text is too long.
    if (error instanceof RangeError) throw tooDeep()
    throw error
  }
}

function translated(statement: string, options: TranslationOptions): Translation {
  const parsed = parseStatement(statement)
  let counter = 0
  const analysis: Analysis = {
    catalog: options.catalog,
    namedParameters: options.namedParameters ?? new Map(),
    positionalParameters: options.positionalParameters ?? [],
    nowMicros: options.nowMicros,
    fresh: (prefix) => `${prefix}${++counter}`,
    columnsRead: new Map(),
    scans: new Map(),
    views: new Set(),
    viewDepth: 0,
    named: new Map(),
    rules: { expression: analyzeExpression, query: analyzeQuery, aggregate: aggregateCall },
  }
  const used = (): Pick<Translation, 'columnsRead' | 'scans' | 'views'> => ({
    columnsRead: analysis.columnsRead,
    scans: analysis.scans,
    views: [...analysis.views],
  })
  if ('insert' in parsed) {
    const { key, sql, columns } = analyzeInsert(parsed.insert, analysis)
    return { sql, columns, ...used(), inserts: key }
  }
  const plan = analyzeQuery(parsed.query, { analysis })
  const row = plan.isValue ? plan.columns[0]!.type : undefined
  const isStruct = row?.kind === 'STRUCT'
  const sql = isStruct
    ? `SELECT ${row.fields.map((_, index) => `struct_extract(v.c0, 'f${index}') AS c${index}`).join(', ')} FROM (${plan.sql}) AS v`
    : plan.sql
  const columns = named(isStruct ? row.fields : plan.columns)
  return { sql, columns, ...used(), inserts: undefined }
}

function named(columns: readonly QueryColumn[]): (QueryColumn & { name: string })[] {
  let anonymous = 0
  const result = columns.map(({ name, type }) => ({ name: name ?? `f${anonymous++}_`, type }))
  const seen = new Set<string>()
  const repeated = result.find(({ name }) => seen.size === seen.add(name.toLowerCase()).size)
  if (repeated) {
    throw new SqlFailure(
      `Duplicate column names in the result are not supported when a destination table is present. Found duplicate(s): ${repeated.name}`,
    )
  }
  return result
}
