import { SqlFailure, unsupported } from './failure.ts'
import { parseOrderings } from './parse-call.ts'
import { parseExpression } from './parse-expression.ts'
import { parseFrom } from './parse-from.ts'
import type { Expression, Query, QueryBody, Select, SelectColumn, SelectItem } from './syntax.ts'
import type { TokenReader } from './token-reader.ts'

export function parseQuery(reader: TokenReader): Query {
  return reader.nested(() => query(reader))
}

/** What follows a query in parentheses as part of a larger one: set operations, ORDER BY, LIMIT. */
export function parseQueryAfter(reader: TokenReader, first: Query): Query {
  const parsed: Query = { at: first.at, with: [], body: { kind: 'parenthesized', query: first }, orderBy: [] }
  parsed.body = setOperation(reader, parsed.body)
  return ending(reader, parsed)
}

function query(reader: TokenReader): Query {
  const at = reader.at
  const parsed: Query = { at, with: [], body: undefined as unknown as QueryBody, orderBy: [] }
  if (reader.keyword('WITH')) {
    if (reader.isKeyword('RECURSIVE')) throw unsupported('WITH RECURSIVE', reader.at)
    do {
      const name = reader.name()
      reader.expectKeyword('AS')
      reader.expectSymbol('(')
      parsed.with.push({ name: name.text, query: parseQuery(reader), at: name.at })
      reader.expectSymbol(')')
    } while (reader.symbol(','))
  }
  parsed.body = setOperation(reader, operand(reader))
  return ending(reader, parsed)
}

function ending(reader: TokenReader, parsed: Query): Query {
  if (reader.keyword('ORDER', 'BY')) parsed.orderBy = parseOrderings(reader)
  if (reader.keyword('LIMIT')) {
    parsed.limit = parseExpression(reader)
    if (reader.keyword('OFFSET')) parsed.offset = parseExpression(reader)
  }
  return parsed
}

function setOperation(reader: TokenReader, first: QueryBody): QueryBody {
  let result: QueryBody = first
  for (;;) {
    const at = reader.at
    const operator = (['UNION', 'INTERSECT', 'EXCEPT'] as const).find((word) => reader.isKeyword(word))
    if (!operator) return result
    reader.take()
    const all = reader.keyword('ALL')
    if (!all) reader.expectKeyword('DISTINCT')
    if (all && operator !== 'UNION') throw unsupported(`${operator} ALL`, at)
    if (reader.isKeyword('BY') || reader.isKeyword('CORRESPONDING')) throw unsupported('set operations by name', at)
    const right = operand(reader)
    if (result.kind === 'set') {
      if (result.operator !== operator || result.distinct === all) {
        throw new SqlFailure(
          'Syntax error: Different set operations cannot be used in the same query without using parentheses for grouping',
          at,
        )
      }
      result.inputs.push(right)
    } else result = { kind: 'set', at, operator, distinct: !all, inputs: [result, right] }
  }
}

function operand(reader: TokenReader): QueryBody {
  if (!reader.symbol('(')) return { kind: 'select', select: parseSelect(reader) }
  const query = parseQuery(reader)
  reader.expectSymbol(')')
  return { kind: 'parenthesized', query }
}

function parseSelect(reader: TokenReader): Select {
  const at = reader.at
  reader.expectKeyword('SELECT')
  const select: Select = { at, distinct: false, columns: [], groupBy: [], windows: {} }
  if (reader.keyword('DISTINCT')) select.distinct = true
  else reader.keyword('ALL')
  if (reader.isKeyword('AS')) {
    if (reader.keyword('AS', 'STRUCT')) select.as = 'STRUCT'
    else if (reader.keyword('AS', 'VALUE')) select.as = 'VALUE'
    else throw reader.unexpected()
  }
  if (reader.isKeyword('FROM')) throw new SqlFailure('Syntax error: SELECT list must not be empty', reader.at)
  do {
    if (select.columns.length > 0 && (reader.isKeyword('FROM') || reader.peek().kind === 'end')) break
    select.columns.push(selectColumn(reader))
  } while (reader.symbol(','))
  if (reader.keyword('FROM')) select.from = parseFrom(reader)
  if (reader.keyword('WHERE')) select.where = parseExpression(reader)
  if (reader.keyword('GROUP', 'BY')) groupBy(reader, select)
  if (reader.keyword('HAVING')) select.having = parseExpression(reader)
  if (reader.keyword('QUALIFY')) select.qualify = parseExpression(reader)
  if (reader.isKeyword('WINDOW')) throw unsupported('the WINDOW clause', reader.at)
  return select
}

function groupBy(reader: TokenReader, select: Select): void {
  for (const word of ['ROLLUP', 'CUBE', 'GROUPING', 'ALL']) {
    if (reader.isKeyword(word)) throw unsupported(`GROUP BY ${word}`, reader.at)
  }
  if (reader.isSymbol('(') && reader.isSymbol(')', 1)) throw unsupported('GROUP BY ()', reader.at)
  do select.groupBy.push(parseExpression(reader))
  while (reader.symbol(','))
}

function selectColumn(reader: TokenReader): SelectColumn {
  const at = reader.at
  if (reader.symbol('*')) return star(reader, at)
  const value = parseExpression(reader)
  if (reader.isSymbol('.') && reader.isSymbol('*', 1)) {
    reader.take()
    reader.take()
    return star(reader, at, value)
  }
  return { kind: 'item', ...item(reader, value) }
}

function item(reader: TokenReader, value: Expression): SelectItem {
  if (reader.keyword('AS')) return { value, alias: reader.name().text, at: value.at }
  return { value, alias: reader.isName() ? reader.name().text : null, at: value.at }
}

function star(reader: TokenReader, at: number, of?: Expression): SelectColumn {
  const except: string[] = []
  const replace: SelectItem[] = []
  if (reader.isKeyword('EXCEPT') && reader.isSymbol('(', 1)) {
    reader.take()
    reader.take()
    do except.push(reader.name().text)
    while (reader.symbol(','))
    reader.expectSymbol(')')
  }
  if (reader.keyword('REPLACE')) {
    reader.expectSymbol('(')
    do {
      const replaced = item(reader, parseExpression(reader))
      if (replaced.alias === null) throw reader.unexpected('keyword AS')
      replace.push(replaced)
    } while (reader.symbol(','))
    reader.expectSymbol(')')
  }
  return { kind: 'star', at, ...(of ? { of } : {}), except, replace }
}
