import { unsupported } from './failure.ts'
import { tableReference } from './parse-from.ts'
import type { Query } from './syntax.ts'
import type { TokenReader } from './token-reader.ts'

/** `INSERT [INTO] table [(columns)] query` */
export interface Insert {
  path: readonly string[]
  at: number
  /** Undefined for all columns of the table, in its order. */
  columns: readonly { name: string; at: number }[] | undefined
  query: Query
}

/**
 * Parses an INSERT whose rows come from a query
 * (https://cloud.google.com/bigquery/docs/reference/standard-sql/dml-syntax#insert_statement).
 */
export function parseInsert(reader: TokenReader): Insert {
  reader.expectKeyword('INSERT')
  reader.keyword('INTO')
  const at = reader.at
  const path = tableReference(reader)
  const columns = reader.isSymbol('(') && !reader.startsQuery() ? columnList(reader) : undefined
  if (reader.isKeyword('VALUES')) throw unsupported('INSERT with VALUES', reader.at)
  if (!reader.startsQuery() && !reader.isSymbol('(')) throw reader.unexpected()
  return { path, at, columns, query: reader.rules.query(reader) }
}

function columnList(reader: TokenReader): { name: string; at: number }[] {
  reader.expectSymbol('(')
  const columns: { name: string; at: number }[] = []
  do {
    const name = reader.name()
    columns.push({ name: name.text, at: name.at })
  } while (reader.symbol(','))
  reader.expectSymbol(')')
  return columns
}
