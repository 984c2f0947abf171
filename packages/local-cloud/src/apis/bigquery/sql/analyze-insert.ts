import { typed, type Analysis, type CatalogColumn, type QueryColumn } from './analysis.ts'
import { analyzeQuery } from './analyze-query.ts'
import { coerce } from './coercion.ts'
import { SqlFailure } from './failure.ts'
import { constants } from './literals.ts'
import type { Insert } from './parse-insert.ts'
import { duckType, typeName, type SqlType } from './types.ts'

/** What an INSERT writes: a value for each column of its table, in the table's order. */
export interface InsertPlan {
  /** The key of the table. */
  key: string
  sql: string
  columns: (QueryColumn & { name: string })[]
}

/** Translates an INSERT. A column that the statement leaves out becomes NULL. The messages are those of the GoogleSQL analyzer. */
export function analyzeInsert(insert: Insert, analysis: Analysis): InsertPlan {
  const { path, at } = insert
  const table = analysis.catalog.target(path, at)
  const plan = analyzeQuery(insert.query, { analysis })
  const given = insert.columns?.map((column) => columnOf(table.columns, column, path)) ?? table.columns
  const repeated = given.find((column, index) => given.indexOf(column) !== index)
  if (repeated) throw new SqlFailure(`INSERT has columns with duplicate name: ${repeated.name}`, at)
  if (plan.isValue || plan.columns.length !== given.length) {
    const has = plan.isValue ? 1 : plan.columns.length
    throw new SqlFailure(`Inserted row has wrong column count; Has ${has}, expected ${given.length}`, insert.query.at)
  }
  const values = table.columns.map((column, index) => {
    const place = given.indexOf(column)
    const value = place < 0 ? emptyValue(column.type) : converted(plan.columns[place]!, place, column, insert)
    return `${value} AS c${index}`
  })
  return {
    key: table.key,
    sql: `SELECT ${values.join(', ')} FROM (${plan.sql}) AS q`,
    columns: table.columns.map(({ name, type }) => ({ name, type })),
  }
}

function columnOf(
  columns: readonly CatalogColumn[],
  { name, at }: { name: string; at: number },
  path: readonly string[],
): CatalogColumn {
  const column = columns.find((other) => other.name.toLowerCase() === name.toLowerCase())
  if (!column) throw new SqlFailure(`Column ${name} is not present in table ${path.join('.')}`, at)
  return column
}

function emptyValue(type: SqlType): string {
  return type.kind === 'ARRAY' ? `CAST([] AS ${duckType(type)})` : constants.null(type)
}

function converted(
  given: QueryColumn,
  place: number,
  { name, type }: CatalogColumn,
  { query, columns }: Insert,
): string {
  const value = { ...typed(`q.c${place}`, given.type, query.at), ...(given.literal ? { literal: given.literal } : {}) }
  const result = coerce(value, type)
  if (result) return result.sql
  throw new SqlFailure(
    `Query column ${place + 1} has type ${typeName(given.type)} which cannot be inserted into column ${name}, which has type ${typeName(type)}`,
    columns?.[place]?.at ?? query.at,
  )
}
