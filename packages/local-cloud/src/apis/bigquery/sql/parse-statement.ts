import { checkStatementLength } from './bounds.ts'
import { SqlFailure, unsupported } from './failure.ts'
import { parseExpression } from './parse-expression.ts'
import { parseQuery, parseQueryAfter } from './parse-query.ts'
import type { Query } from './syntax.ts'
import { TokenReader } from './token-reader.ts'

/** Statements that BigQuery knows and the local cloud does not run. */
const OTHER_STATEMENTS = new Set(
  `INSERT UPDATE DELETE MERGE TRUNCATE CREATE ALTER DROP GRANT REVOKE ASSERT EXPORT LOAD CALL DECLARE SET BEGIN COMMIT
  ROLLBACK EXECUTE IF LOOP WHILE REPEAT FOR EXPLAIN DESCRIBE SHOW`.split(/\s+/),
)

/** Parses one statement, which must be a query. */
export function parseStatement(source: string): Query {
  checkStatementLength(source)
  const reader = new TokenReader(source, {
    expression: parseExpression,
    query: parseQuery,
    queryAfter: parseQueryAfter,
  })
  const first = reader.peek()
  if (first.kind === 'end') throw new SqlFailure('Syntax error: Unexpected end of script', first.at)
  if (!reader.startsQuery() && !reader.isSymbol('(')) {
    const word = first.text.toUpperCase()
    if (first.kind === 'name' && OTHER_STATEMENTS.has(word)) throw unsupported(`the ${word} statement`, first.at)
    if (reader.isKeyword('FROM')) throw unsupported('pipe syntax', first.at)
    throw reader.unexpected()
  }
  const query = parseQuery(reader)
  if (reader.isSymbol('|>')) throw unsupported('pipe syntax', reader.at)
  if (reader.symbol(';') && reader.peek().kind !== 'end') throw unsupported('a script of several statements', reader.at)
  if (reader.peek().kind !== 'end') throw reader.unexpected('end of input')
  return query
}
