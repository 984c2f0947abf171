import { unsupported } from './failure.ts'
import type { Argument, Call, Expression, FrameBound, Ordering, Window } from './syntax.ts'
import type { TokenReader } from './token-reader.ts'

/** Parses a function call with its aggregate modifiers and window: `F([DISTINCT] … [IGNORE NULLS] [HAVING MAX …] [ORDER BY …] [LIMIT …]) [OVER …]`. */
export function parseCall(reader: TokenReader): Expression {
  const first = reader.take()
  let name = first.text.toUpperCase()
  if (reader.symbol('.')) name += `.${reader.fieldName().text.toUpperCase()}`
  const call: Call = { name, args: [], star: false, distinct: false, orderBy: [] }
  if (!reader.symbol('(')) return { kind: 'call', at: first.at, call }
  if (reader.isKeyword('DISTINCT')) {
    reader.take()
    call.distinct = true
  }
  if (reader.isSymbol('*') && reader.isSymbol(')', 1)) {
    reader.take()
    call.star = true
  } else if (!reader.isSymbol(')')) {
    do call.args.push(argument(reader))
    while (reader.symbol(','))
  }
  if (reader.keyword('IGNORE', 'NULLS')) call.nulls = 'IGNORE'
  else if (reader.keyword('RESPECT', 'NULLS')) call.nulls = 'RESPECT'
  if (reader.keyword('HAVING')) {
    const extreme = reader.keyword('MAX') ? 'MAX' : 'MIN'
    if (extreme === 'MIN') reader.expectKeyword('MIN')
    call.having = { extreme, by: reader.rules.expression(reader) }
  }
  if (reader.keyword('ORDER', 'BY')) call.orderBy = parseOrderings(reader)
  if (reader.keyword('LIMIT')) call.limit = reader.rules.expression(reader)
  reader.expectSymbol(')')
  if (reader.keyword('OVER')) {
    if (!reader.isSymbol('(')) throw unsupported('a named window', reader.at)
    call.over = parseWindow(reader)
  }
  return { kind: 'call', at: first.at, call }
}

function argument(reader: TokenReader): Argument {
  if (reader.isName() && reader.isSymbol('=>', 1)) throw unsupported('a named argument', reader.at)
  if (reader.isName() && (reader.isSymbol('->', 1) || (reader.isSymbol('-', 1) && reader.isSymbol('>', 2)))) {
    throw unsupported('a lambda', reader.at)
  }
  if (reader.startsQuery()) throw reader.unexpected()
  const mark = reader.mark()
  if (reader.peek().kind === 'name' && /^WEEK$/i.test(reader.peek().text) && reader.isSymbol('(', 1)) {
    const { at } = reader.peek()
    const part = parsePart(reader)
    return { value: { kind: 'name', at, name: part }, part }
  }
  reader.reset(mark)
  const isWord = reader.peek().kind === 'name' && (reader.isSymbol(',', 1) || reader.isSymbol(')', 1))
  const part = isWord ? reader.peek().text.toUpperCase() : undefined
  const value = reader.rules.expression(reader)
  return { value, ...(part === undefined ? {} : { part }) }
}

/** `a DESC NULLS LAST, b`. */
export function parseOrderings(reader: TokenReader): Ordering[] {
  const orderings: Ordering[] = []
  do {
    const at = reader.at
    const value = reader.rules.expression(reader)
    if (reader.isKeyword('COLLATE')) throw unsupported('COLLATE', reader.at)
    const descending = reader.keyword('DESC')
    if (!descending) reader.keyword('ASC')
    const nulls = reader.keyword('NULLS', 'FIRST') ? 'FIRST' : reader.keyword('NULLS', 'LAST') ? 'LAST' : undefined
    orderings.push({ at, value, descending, ...(nulls ? { nulls } : {}) })
  } while (reader.symbol(','))
  return orderings
}

function parseWindow(reader: TokenReader): Window {
  reader.expectSymbol('(')
  const window: Window = { partitionBy: [], orderBy: [] }
  if (reader.isName()) throw unsupported('a named window', reader.at)
  if (reader.keyword('PARTITION', 'BY')) {
    do window.partitionBy.push(reader.rules.expression(reader))
    while (reader.symbol(','))
  }
  if (reader.keyword('ORDER', 'BY')) window.orderBy = parseOrderings(reader)
  const unit = reader.keyword('ROWS') ? 'ROWS' : reader.keyword('RANGE') ? 'RANGE' : undefined
  if (unit) {
    if (reader.keyword('BETWEEN')) {
      const from = bound(reader)
      reader.expectKeyword('AND')
      window.frame = { unit, from, to: bound(reader) }
    } else window.frame = { unit, from: bound(reader), to: { kind: 'currentRow' } }
  }
  reader.expectSymbol(')')
  return window
}

function bound(reader: TokenReader): FrameBound {
  if (reader.keyword('UNBOUNDED', 'PRECEDING')) return { kind: 'unboundedPreceding' }
  if (reader.keyword('UNBOUNDED', 'FOLLOWING')) return { kind: 'unboundedFollowing' }
  if (reader.keyword('CURRENT', 'ROW')) return { kind: 'currentRow' }
  const amount = reader.rules.expression(reader)
  if (reader.keyword('PRECEDING')) return { kind: 'preceding', amount }
  reader.expectKeyword('FOLLOWING')
  return { kind: 'following', amount }
}

/** A date part: `DAY`, `WEEK(MONDAY)`. */
export function parsePart(reader: TokenReader): string {
  const part = reader.fieldName().text.toUpperCase()
  if (!reader.symbol('(')) return part
  const day = reader.fieldName().text.toUpperCase()
  reader.expectSymbol(')')
  return `${part}(${day})`
}
