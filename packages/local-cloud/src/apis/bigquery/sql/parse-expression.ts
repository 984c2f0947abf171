import { balanced, MAX_NESTING, tooDeep } from './bounds.ts'
import { SqlFailure, unsupported } from './failure.ts'
import { parseCall, parsePart } from './parse-call.ts'
import { parseType } from './parse-type.ts'
import type { Expression, InList, SelectItem, SubscriptMode } from './syntax.ts'
import type { TokenReader } from './token-reader.ts'
import type { SqlType } from './types.ts'

/**
 * Parses an expression by operator precedence.
 * https://cloud.google.com/bigquery/docs/reference/standard-sql/operators#operator_precedence
 */
export function parseExpression(reader: TokenReader): Expression {
  return reader.nested(() => junction(reader, 'OR', andExpression))
}

function andExpression(reader: TokenReader): Expression {
  return junction(reader, 'AND', notExpression)
}

/** A chain of any length: as a balanced tree, thousands of terms are a dozen levels deep. */
function junction(reader: TokenReader, operator: 'AND' | 'OR', term: (reader: TokenReader) => Expression): Expression {
  const terms = [term(reader)]
  while (reader.keyword(operator)) terms.push(term(reader))
  return balanced(terms, (left, right) => ({ kind: 'binary', at: left.at, operator, left, right }))
}

function notExpression(reader: TokenReader): Expression {
  const at = reader.at
  if (reader.keyword('NOT'))
    return { kind: 'unary', at, operator: 'NOT', operand: reader.nested(() => notExpression(reader)) }
  return comparison(reader)
}

const COMPARISONS = new Set(['=', '<', '>', '<=', '>=', '<>', '!='])

/** Comparisons do not associate: `a = b = c` is an error. */
function comparison(reader: TokenReader): Expression {
  const operand = binaryLevel(reader, 0)
  const { at } = operand
  const token = reader.peek()
  if (token.kind === 'symbol' && COMPARISONS.has(token.text)) {
    reader.take()
    const operator = token.text === '<>' ? '!=' : token.text
    const right = binaryLevel(reader, 0)
    const next = reader.peek()
    if (next.kind === 'symbol' && COMPARISONS.has(next.text)) throw reader.unexpected()
    return { kind: 'binary', at, operator, left: operand, right }
  }
  if (reader.keyword('IS')) {
    const negated = reader.keyword('NOT')
    if (reader.isKeyword('DISTINCT')) {
      reader.take()
      reader.expectKeyword('FROM')
      const operator = negated ? 'IS NOT DISTINCT FROM' : 'IS DISTINCT FROM'
      return { kind: 'binary', at, operator, left: operand, right: binaryLevel(reader, 0) }
    }
    for (const what of ['NULL', 'TRUE', 'FALSE'] as const) {
      if (reader.keyword(what)) return { kind: 'is', at, operand, what, negated }
    }
    throw reader.unexpected()
  }
  const negated = reader.isKeyword('NOT') && ['IN', 'BETWEEN', 'LIKE'].some((word) => reader.isKeyword(word, 1))
  if (negated) reader.take()
  if (reader.keyword('BETWEEN')) {
    const low = binaryLevel(reader, 0)
    reader.expectKeyword('AND')
    return { kind: 'between', at, operand, low, high: binaryLevel(reader, 0), negated }
  }
  if (reader.keyword('LIKE')) {
    if (['ANY', 'SOME', 'ALL'].some((word) => reader.isKeyword(word))) throw unsupported('LIKE ANY/SOME/ALL', at)
    return { kind: 'like', at, operand, pattern: binaryLevel(reader, 0), negated }
  }
  if (reader.keyword('IN')) return { kind: 'in', at, operand, list: inList(reader), negated }
  return operand
}

function inList(reader: TokenReader): InList {
  if (reader.keyword('UNNEST')) {
    reader.expectSymbol('(')
    const array = parseExpression(reader)
    reader.expectSymbol(')')
    return { kind: 'unnest', array }
  }
  reader.expectSymbol('(')
  if (reader.startsQuery()) {
    const query = reader.rules.query(reader)
    reader.expectSymbol(')')
    return { kind: 'query', query }
  }
  return { kind: 'items', items: commaList(reader, ')') }
}

/** From loosest to tightest. `||` and the multiplications share a level. */
const BINARY_LEVELS: readonly (readonly string[])[] = [['|'], ['^'], ['&'], ['<<', '>>'], ['+', '-'], ['*', '/', '||']]

function binaryLevel(reader: TokenReader, level: number): Expression {
  const operators = BINARY_LEVELS[level]
  if (!operators) return unary(reader)
  let left = binaryLevel(reader, level + 1)
  let length = 0
  for (;;) {
    const token = reader.peek()
    if (token.kind !== 'symbol' || !operators.includes(token.text)) return left
    if (++length > MAX_NESTING) throw tooDeep(token.at)
    if (token.text === '||') {
      left = concatenation(reader, left, level)
      continue
    }
    reader.take()
    left = { kind: 'binary', at: left.at, operator: token.text, left, right: binaryLevel(reader, level + 1) }
  }
}

/** The operands of `||` from here to the next other operator. */
function concatenation(reader: TokenReader, first: Expression, level: number): Expression {
  const parts = [first]
  while (reader.symbol('||')) parts.push(binaryLevel(reader, level + 1))
  return balanced(parts, (left, right) => ({ kind: 'binary', at: left.at, operator: '||', left, right }))
}

function unary(reader: TokenReader): Expression {
  const at = reader.at
  for (const operator of ['-', '+', '~'] as const) {
    if (!reader.symbol(operator)) continue
    const operand = reader.nested(() => unary(reader))
    if (operator === '-' && operand.kind === 'literal') {
      const { value } = operand
      if (value.type === 'INT64') return { kind: 'literal', at, value: { type: 'INT64', value: -value.value } }
      if (value.type === 'FLOAT64')
        return { kind: 'literal', at, value: { type: 'FLOAT64', value: -value.value, text: `-${value.text}` } }
    }
    return { kind: 'unary', at, operator, operand }
  }
  return postfix(reader)
}

function postfix(reader: TokenReader): Expression {
  let base = primary(reader)
  for (let length = 0; ; length++) {
    const at = reader.at
    if (length > MAX_NESTING) throw tooDeep(at)
    if (reader.symbol('.')) {
      if (reader.isSymbol('*')) {
        reader.reset(reader.mark() - 1)
        return base
      }
      const field = reader.fieldName()
      base = { kind: 'dot', at: base.at, base, field: field.text, fieldAt: field.at }
    } else if (reader.symbol('[')) base = subscript(reader, base, at)
    else return base
  }
}

function subscript(reader: TokenReader, base: Expression, at: number): Expression {
  let mode: SubscriptMode = 'KEY'
  for (const word of ['OFFSET', 'ORDINAL', 'SAFE_OFFSET', 'SAFE_ORDINAL'] as const) {
    if (reader.isKeyword(word) && reader.isSymbol('(', 1)) mode = word
  }
  if (mode !== 'KEY') {
    reader.take()
    reader.take()
  }
  const index = parseExpression(reader)
  if (mode !== 'KEY') reader.expectSymbol(')')
  reader.expectSymbol(']')
  return { kind: 'subscript', at, base, index, mode }
}

const TYPED_LITERALS = ['DATE', 'DATETIME', 'TIME', 'TIMESTAMP', 'NUMERIC', 'BIGNUMERIC', 'JSON'] as const
const LITERAL_ALIASES: Record<string, (typeof TYPED_LITERALS)[number]> = {
  DECIMAL: 'NUMERIC',
  BIGDECIMAL: 'BIGNUMERIC',
}

function primary(reader: TokenReader): Expression {
  const token = reader.peek()
  const { at } = token
  switch (token.kind) {
    case 'integer':
      reader.take()
      return { kind: 'literal', at, value: { type: 'INT64', value: BigInt(token.text) } }
    case 'float':
      reader.take()
      return { kind: 'literal', at, value: { type: 'FLOAT64', value: Number(token.text), text: token.text } }
    case 'string':
      reader.take()
      return { kind: 'literal', at, value: { type: 'STRING', value: token.text } }
    case 'bytes':
      reader.take()
      return { kind: 'literal', at, value: { type: 'BYTES', value: token.bytes! } }
    case 'parameter':
      reader.take()
      return {
        kind: 'parameter',
        at,
        name: token.text,
        position: token.text === '' ? reader.positionalParameters++ : -1,
      }
    case 'symbol':
      if (token.text === '(') return parenthesized(reader)
      if (token.text === '[') return arrayLiteral(reader, undefined)
      throw reader.unexpected()
    case 'quotedName':
      if (reader.isSymbol('(', 1)) return parseCall(reader)
      reader.take()
      return { kind: 'name', at, name: token.text }
    case 'name':
      return named(reader)
    case 'end':
      throw reader.unexpected()
  }
}

function named(reader: TokenReader): Expression {
  const token = reader.peek()
  const { at } = token
  const word = token.text.toUpperCase()
  if (word === 'NULL') {
    reader.take()
    return { kind: 'literal', at, value: { type: 'NULL' } }
  }
  if (word === 'TRUE' || word === 'FALSE') {
    reader.take()
    return { kind: 'literal', at, value: { type: 'BOOL', value: word === 'TRUE' } }
  }
  if (word === 'CASE') return caseExpression(reader)
  if ((word === 'CAST' || word === 'SAFE_CAST') && reader.isSymbol('(', 1)) return cast(reader)
  if (word === 'EXTRACT' && reader.isSymbol('(', 1)) return extract(reader)
  if (word === 'INTERVAL') return interval(reader)
  if (word === 'EXISTS' && reader.isSymbol('(', 1)) return subquery(reader, 'exists')
  if (word === 'ARRAY') return arrayExpression(reader)
  if (word === 'STRUCT') return structExpression(reader)
  const next = reader.peek(1)
  if (next.kind === 'string') {
    const type = TYPED_LITERALS.find((name) => name === word) ?? LITERAL_ALIASES[word]
    if (type) {
      reader.take()
      reader.take()
      return { kind: 'typed', at, type, text: next.text }
    }
  }
  if (word === 'RANGE' && reader.isSymbol('<', 1)) throw unsupported('the RANGE type', at)
  if (reader.isSymbol('(', 1) || isNamespacedCall(reader)) return parseCall(reader)
  if (/^CURRENT_(TIMESTAMP|DATE|DATETIME|TIME)$/.test(word)) return parseCall(reader)
  const name = reader.name()
  return { kind: 'name', at, name: name.text }
}

function isNamespacedCall(reader: TokenReader): boolean {
  return reader.isSymbol('.', 1) && reader.peek(2).kind === 'name' && reader.isSymbol('(', 3)
}

function parenthesized(reader: TokenReader): Expression {
  const at = reader.at
  reader.expectSymbol('(')
  if (!reader.isSymbol('(') && reader.startsQuery()) {
    const query = reader.rules.query(reader)
    reader.expectSymbol(')')
    return { kind: 'subquery', at, query, as: 'scalar' }
  }
  const first = parseExpression(reader)
  // `((SELECT 1) UNION ALL (SELECT 2))`, while `((SELECT 1) + 1)` is an expression.
  if (first.kind === 'subquery' && first.as === 'scalar' && reader.continuesQuery()) {
    const query = reader.rules.queryAfter(reader, first.query)
    reader.expectSymbol(')')
    return { kind: 'subquery', at, query, as: 'scalar' }
  }
  if (!reader.symbol(',')) {
    reader.expectSymbol(')')
    return first
  }
  const items = [first, ...commaList(reader, ')')]
  return { kind: 'struct', at, items: items.map((value) => ({ value, alias: null, at: value.at })) }
}

/** One or more expressions up to a closing symbol, which is consumed. */
function commaList(reader: TokenReader, close: string): Expression[] {
  const items: Expression[] = []
  do items.push(parseExpression(reader))
  while (reader.symbol(','))
  reader.expectSymbol(close)
  return items
}

function arrayLiteral(reader: TokenReader, element: SqlType | undefined): Expression {
  const at = reader.at
  reader.expectSymbol('[')
  const items = reader.symbol(']') ? [] : commaList(reader, ']')
  return { kind: 'array', at, ...(element ? { element } : {}), items }
}

function arrayExpression(reader: TokenReader): Expression {
  if (reader.isSymbol('(', 1)) return subquery(reader, 'array')
  if (!reader.isSymbol('<', 1)) {
    reader.take()
    return arrayLiteral(reader, undefined)
  }
  const at = reader.at
  const type = parseType(reader)
  if (type.kind !== 'ARRAY') throw new SqlFailure('Syntax error: Expected an array type', at)
  return arrayLiteral(reader, type.element)
}

function structExpression(reader: TokenReader): Expression {
  const at = reader.at
  const type = reader.isSymbol('<', 1) ? parseType(reader) : undefined
  if (!type) reader.take()
  reader.expectSymbol('(')
  const items: SelectItem[] = []
  if (!reader.symbol(')')) {
    do items.push(aliased(reader))
    while (reader.symbol(','))
    reader.expectSymbol(')')
  }
  return { kind: 'struct', at, ...(type?.kind === 'STRUCT' ? { fields: [...type.fields] } : {}), items }
}

function aliased(reader: TokenReader): SelectItem {
  const value = parseExpression(reader)
  const alias = reader.keyword('AS') ? reader.name().text : null
  return { value, alias, at: value.at }
}

function subquery(reader: TokenReader, as: 'array' | 'exists'): Expression {
  const { at } = reader.take()
  reader.expectSymbol('(')
  if (!reader.startsQuery()) throw reader.unexpected()
  const query = reader.rules.query(reader)
  reader.expectSymbol(')')
  return { kind: 'subquery', at, query, as }
}

function caseExpression(reader: TokenReader): Expression {
  const { at } = reader.take()
  const operand = reader.isKeyword('WHEN') ? undefined : parseExpression(reader)
  const branches: { when: Expression; then: Expression }[] = []
  while (reader.keyword('WHEN')) {
    const when = parseExpression(reader)
    reader.expectKeyword('THEN')
    branches.push({ when, then: parseExpression(reader) })
  }
  if (branches.length === 0) throw reader.unexpected('keyword WHEN')
  const otherwise = reader.keyword('ELSE') ? parseExpression(reader) : undefined
  reader.expectKeyword('END')
  return { kind: 'case', at, ...(operand ? { operand } : {}), branches, ...(otherwise ? { otherwise } : {}) }
}

function cast(reader: TokenReader): Expression {
  const token = reader.take()
  reader.expectSymbol('(')
  const operand = parseExpression(reader)
  reader.expectKeyword('AS')
  const type = parseType(reader)
  if (reader.isKeyword('FORMAT')) throw unsupported('CAST(… FORMAT …)', reader.at)
  reader.expectSymbol(')')
  return { kind: 'cast', at: token.at, operand, type, safe: token.text.toUpperCase() === 'SAFE_CAST' }
}

function extract(reader: TokenReader): Expression {
  const { at } = reader.take()
  reader.expectSymbol('(')
  const part = parsePart(reader)
  reader.expectKeyword('FROM')
  const operand = parseExpression(reader)
  let zone: Expression | undefined
  if (reader.keyword('AT')) {
    if (!reader.keyword('TIME', 'ZONE')) throw reader.unexpected('keywords TIME ZONE')
    zone = parseExpression(reader)
  }
  reader.expectSymbol(')')
  return { kind: 'extract', at, part, operand, ...(zone ? { zone } : {}) }
}

function interval(reader: TokenReader): Expression {
  const { at } = reader.take()
  const amount = unary(reader)
  const part = parsePart(reader)
  if (reader.isKeyword('TO')) throw unsupported('INTERVAL … TO …', at)
  return { kind: 'interval', at, amount, part }
}
