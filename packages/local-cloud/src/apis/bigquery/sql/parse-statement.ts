import { checkStatementLength } from './bounds.ts'
import { SqlFailure, unsupported } from './failure.ts'
import { parseExpression } from './parse-expression.ts'
import { parseInsert, type Insert } from './parse-insert.ts'
import { parseQuery, parseQueryAfter } from './parse-query.ts'
import type { Query } from './syntax.ts'
import { TokenReader } from './token-reader.ts'

/** Statements that BigQuery knows and the local cloud does not run. */
const OTHER_STATEMENTS = new Set(
  `UPDATE DELETE MERGE TRUNCATE CREATE ALTER DROP GRANT REVOKE ASSERT EXPORT LOAD CALL DECLARE SET BEGIN COMMIT
  ROLLBACK EXECUTE IF LOOP WHILE REPEAT FOR EXPLAIN DESCRIBE SHOW`.split(/\s+/),
)

export type Statement = { query: Query } | { insert: Insert }

/** Parses one statement, which must be a query or an INSERT. */
export function parseStatement(source: string): Statement {
  checkStatementLength(source)
  const reader = new TokenReader(source, {
    expression: parseExpression,
    query: parseQuery,
    queryAfter: parseQueryAfter,
  })
  const first = reader.peek()
  if (first.kind === 'end') throw new SqlFailure('Syntax error: Unexpected end of script', first.at)
  if (reader.isKeyword('INSERT')) {
    const insert = parseInsert(reader)
    expectEnd(reader)
    return { insert }
  }
  if (!reader.startsQuery() && !reader.isSymbol('(')) {
    const word = first.text.toUpperCase()
    if (first.kind === 'name' && OTHER_STATEMENTS.has(word)) throw unsupported(`the ${word} statement`, first.at)
    if (reader.isKeyword('FROM')) throw unsupported('pipe syntax', first.at)
    throw reader.unexpected()
  }
  const query = parseQuery(reader)
  expectEnd(reader)
  return { query }
}

/** Parses the query of a view. */
export function parseOnlyQuery(source: string): Query {
  const statement = parseStatement(source)
  if ('insert' in statement) throw new SqlFailure('A view must be defined by a query', statement.insert.at)
  return statement.query
}

function expectEnd(reader: TokenReader): void {
  if (reader.isSymbol('|>')) throw unsupported('pipe syntax', reader.at)
  if (reader.symbol(';') && reader.peek().kind !== 'end') throw unsupported('a script of several statements', reader.at)
  if (reader.peek().kind !== 'end') throw reader.unexpected('end of input')
}
