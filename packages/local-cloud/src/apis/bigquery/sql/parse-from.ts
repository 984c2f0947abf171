import { MAX_NESTING, tooDeep } from './bounds.ts'
import { SqlFailure, unsupported } from './failure.ts'
import type { FromItem, JoinType } from './syntax.ts'
import type { TokenReader } from './token-reader.ts'

/** Parses a FROM clause: https://cloud.google.com/bigquery/docs/reference/standard-sql/query-syntax#from_clause */
export function parseFrom(reader: TokenReader): FromItem {
  let left = fromItem(reader)
  for (let length = 0; ; length++) {
    const at = reader.at
    if (length > MAX_NESTING) throw tooDeep(at)
    if (reader.symbol(',')) {
      left = { kind: 'join', at, type: 'COMMA', left, right: fromItem(reader) }
      continue
    }
    const type = joinType(reader)
    if (!type) return left
    const right = fromItem(reader)
    left = { kind: 'join', at, type, left, right, ...joinCondition(reader, type) }
  }
}

function joinType(reader: TokenReader): JoinType | undefined {
  if (reader.isKeyword('NATURAL')) throw unsupported('NATURAL JOIN', reader.at)
  if (reader.keyword('CROSS')) {
    reader.expectKeyword('JOIN')
    return 'CROSS'
  }
  for (const type of ['LEFT', 'RIGHT', 'FULL'] as const) {
    if (!reader.keyword(type)) continue
    reader.keyword('OUTER')
    reader.expectKeyword('JOIN')
    return type
  }
  if (reader.keyword('INNER')) {
    reader.expectKeyword('JOIN')
    return 'INNER'
  }
  return reader.keyword('JOIN') ? 'INNER' : undefined
}

function joinCondition(reader: TokenReader, type: JoinType): Pick<FromItem & { kind: 'join' }, 'on' | 'using'> {
  if (type === 'CROSS') return {}
  if (reader.keyword('ON')) return { on: reader.rules.expression(reader) }
  if (!reader.keyword('USING')) return {}
  reader.expectSymbol('(')
  const using: { name: string; at: number }[] = []
  do {
    const name = reader.name()
    using.push({ name: name.text, at: name.at })
  } while (reader.symbol(','))
  reader.expectSymbol(')')
  return { using }
}

function fromItem(reader: TokenReader): FromItem {
  const at = reader.at
  if (reader.keyword('UNNEST')) return unnest(reader, at)
  if (reader.symbol('(')) {
    if (reader.startsQuery()) {
      const query = reader.rules.query(reader)
      reader.expectSymbol(')')
      return checked(reader, { kind: 'query', at, query, alias: alias(reader) })
    }
    const inner = reader.nested(() => parseFrom(reader))
    reader.expectSymbol(')')
    return inner
  }
  const path = tableReference(reader)
  if (reader.isSymbol('(')) throw unsupported(`the table function ${path.join('.')}`, at)
  const item = checked(reader, { kind: 'table', at, path, alias: alias(reader) })
  if (reader.isKeyword('WITH') && reader.isKeyword('OFFSET', 1)) {
    throw unsupported('WITH OFFSET after an array path without UNNEST', reader.at)
  }
  return item
}

function checked(reader: TokenReader, item: FromItem): FromItem {
  if (reader.isKeyword('FOR')) throw unsupported('FOR SYSTEM_TIME AS OF', reader.at)
  if (reader.isKeyword('TABLESAMPLE')) throw unsupported('TABLESAMPLE', reader.at)
  if (reader.isName() && ['PIVOT', 'UNPIVOT', 'MATCH_RECOGNIZE'].some((word) => reader.isKeyword(word))) {
    throw unsupported(reader.peek().text.toUpperCase(), reader.at)
  }
  return item
}

function alias(reader: TokenReader): string | null {
  if (reader.keyword('AS')) return reader.name().text
  const isOperator = ['PIVOT', 'UNPIVOT', 'MATCH_RECOGNIZE'].some((word) => reader.isKeyword(word))
  return reader.isName() && !isOperator ? reader.name().text : null
}

function unnest(reader: TokenReader, at: number): FromItem {
  reader.expectSymbol('(')
  const array = reader.rules.expression(reader)
  if (reader.isSymbol(',')) throw unsupported('UNNEST of several arrays', reader.at)
  reader.expectSymbol(')')
  const name = alias(reader)
  let offset: string | null = null
  if (reader.isKeyword('WITH') && reader.isKeyword('OFFSET', 1)) {
    reader.take()
    reader.take()
    offset = alias(reader) ?? 'offset'
  }
  return { kind: 'unnest', at, array, alias: name, offset }
}

/**
 * The parts of a table's name. Backticks may enclose the whole path, and a project's dashes need
 * none (https://cloud.google.com/bigquery/docs/reference/standard-sql/lexical#table_names).
 */
export function tableReference(reader: TokenReader): string[] {
  const parts: string[] = []
  for (;;) {
    const token = parts.length === 0 ? reader.name() : reader.fieldName()
    if (token.kind === 'quotedName') parts.push(...token.text.split('.'))
    else parts.push(parts.length === 0 ? dashed(reader, token.text, token.end) : token.text)
    if (!reader.isSymbol('.')) break
    reader.take()
  }
  if (parts.includes('')) throw new SqlFailure(`Syntax error: Invalid table name: \`${parts.join('.')}\``, reader.at)
  return parts
}

function dashed(reader: TokenReader, first: string, firstEnd: number): string {
  let text = first
  let end = firstEnd
  while (reader.isSymbol('-') && reader.at === end) {
    const next = reader.peek(1)
    if (next.at !== end + 1 || (next.kind !== 'name' && next.kind !== 'integer')) break
    reader.take()
    reader.take()
    text += `-${next.text}`
    end = next.end
  }
  return text
}
