import { SqlFailure } from './failure.ts'

/**
 * The lexical structure of GoogleSQL.
 * https://cloud.google.com/bigquery/docs/reference/standard-sql/lexical
 */
export interface Token {
  kind: 'name' | 'quotedName' | 'integer' | 'float' | 'string' | 'bytes' | 'parameter' | 'symbol' | 'end'
  /** A name or symbol as written (backticks removed), a parameter's name ('' for `?`), a number's text, a string's value. */
  text: string
  /** The value of a bytes literal. */
  bytes?: Buffer
  at: number
  end: number
}

const SYMBOLS = ['<<', '>>', '<=', '>=', '<>', '!=', '||', '=>', '|>', ...'()[]{},.;:+-*/=<>&|^~%$#!']
const NAME = /[A-Za-z_][A-Za-z0-9_]*/y
const NUMBER = /0[xX][0-9a-fA-F]+|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?/y
const QUOTE = /([rR][bB]|[bB][rR]|[rR]|[bB])?("""|'''|"|')/y
const SPACE = /(?:\s|#[^\n]*|--[^\n]*|\/\*[\s\S]*?\*\/)+/y

/** Splits a statement into tokens; the last is `end`. */
export function tokenize(source: string): Token[] {
  const tokens: Token[] = []
  let at = 0
  const match = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at
    return pattern.exec(source)
  }
  for (;;) {
    const space = match(SPACE)
    if (space) at += space[0].length
    if (at >= source.length) break
    const token = next(source, at, match, tokens.at(-1))
    tokens.push(token)
    at = token.end
  }
  tokens.push({ kind: 'end', text: '', at: source.length, end: source.length })
  return tokens
}

function next(source: string, at: number, match: (pattern: RegExp) => RegExpExecArray | null, before?: Token): Token {
  const quote = match(QUOTE)
  if (quote) return quoted(source, at, quote[1] ?? '', quote[2]!)
  if (source.startsWith('/*', at)) throw new SqlFailure('Syntax error: Unclosed comment', at)
  const symbol = source[at]!
  if (symbol === '`') return quotedName(source, at)
  const name = match(NAME)
  if (name) return { kind: 'name', text: name[0], at, end: at + name[0].length }
  if (symbol === '@') {
    const parameter = /@([A-Za-z_][A-Za-z0-9_]*|`[^`]+`)/y
    parameter.lastIndex = at
    const found = parameter.exec(source)
    if (!found) throw new SqlFailure('Syntax error: Unexpected "@"', at)
    return { kind: 'parameter', text: found[1]!.replaceAll('`', ''), at, end: at + found[0].length }
  }
  if (symbol === '?') return { kind: 'parameter', text: '', at, end: at + 1 }
  const afterName = before !== undefined && before.end === at && before.kind !== 'symbol'
  const number = match(NUMBER)
  if (number && !(afterName && symbol === '.')) return numeric(source, at, number[0])
  const found = SYMBOLS.find((candidate) => source.startsWith(candidate, at))
  if (!found) throw new SqlFailure(`Syntax error: Illegal input character ${JSON.stringify(symbol)}`, at)
  return { kind: 'symbol', text: found, at, end: at + found.length }
}

function numeric(source: string, at: number, found: string): Token {
  // The last part of an unquoted project id: `my-project-42.dataset`.
  const text = /^\d+\.$/.test(found) && /[A-Za-z_]/.test(source[at + found.length] ?? '') ? found.slice(0, -1) : found
  const end = at + text.length
  if (/[A-Za-z_]/.test(source[end] ?? '')) {
    throw new SqlFailure('Syntax error: Missing whitespace between literal and alias', end)
  }
  const isInteger = /^(\d+|0[xX][0-9a-fA-F]+)$/.test(text)
  return { kind: isInteger ? 'integer' : 'float', text, at, end }
}

function quotedName(source: string, at: number): Token {
  const close = source.indexOf('`', at + 1)
  if (close < 0) throw new SqlFailure('Syntax error: Unclosed identifier literal', at)
  const text = source.slice(at + 1, close)
  if (text === '') throw new SqlFailure('Syntax error: Invalid empty identifier', at)
  if (text.includes('\\')) throw new SqlFailure('Syntax error: Illegal escape sequence in identifier', at)
  return { kind: 'quotedName', text, at, end: close + 1 }
}

function quoted(source: string, at: number, prefix: string, quote: string): Token {
  const raw = /r/i.test(prefix)
  const isBytes = /b/i.test(prefix)
  let position = at + prefix.length + quote.length
  const start = position
  for (; !source.startsWith(quote, position); position += source[position] === '\\' ? 2 : 1) {
    if (position >= source.length || (quote.length === 1 && source[position] === '\n')) {
      throw new SqlFailure(`Syntax error: Unclosed ${quote.length === 3 ? 'triple-quoted ' : ''}string literal`, at)
    }
  }
  const body = source.slice(start, position).replaceAll(/\r\n?/g, '\n')
  const end = position + quote.length
  if (isBytes) {
    const bytes = raw ? Buffer.from(body) : Buffer.concat(unescape(body, start, true))
    return { kind: 'bytes', text: '', bytes, at, end }
  }
  return { kind: 'string', text: raw ? body : Buffer.concat(unescape(body, start, false)).toString(), at, end }
}

const SIMPLE_ESCAPES: Record<string, string> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\\': '\\',
  '?': '?',
  '"': '"',
  "'": "'",
  '`': '`',
}
const ESCAPE = /\\(?:([0-3][0-7]{2})|[xX]([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([\s\S]))/y

function unescape(body: string, offset: number, isBytes: boolean): Buffer[] {
  const parts: Buffer[] = []
  let position = 0
  while (position < body.length) {
    const slash = body.indexOf('\\', position)
    const plain = body.slice(position, slash < 0 ? undefined : slash)
    if (plain) parts.push(Buffer.from(plain))
    if (slash < 0) break
    ESCAPE.lastIndex = slash
    const found = ESCAPE.exec(body)
    const [text = '', octal, hex, short, long, simple] = found ?? []
    const code = octal ? parseInt(octal, 8) : hex ? parseInt(hex, 16) : undefined
    const point = short ?? long
    if (code !== undefined) parts.push(isBytes ? Buffer.from([code]) : Buffer.from(String.fromCodePoint(code)))
    else if (point !== undefined && !isBytes && validCodePoint(parseInt(point, 16))) {
      parts.push(Buffer.from(String.fromCodePoint(parseInt(point, 16))))
    } else if (simple !== undefined && Object.hasOwn(SIMPLE_ESCAPES, simple)) {
      parts.push(Buffer.from(SIMPLE_ESCAPES[simple]!))
    } else throw new SqlFailure(`Syntax error: Illegal escape sequence: ${text || '\\'}`, offset + slash)
    position = slash + text.length
  }
  return parts
}

function validCodePoint(code: number): boolean {
  return code <= 0x10ffff && !(code >= 0xd800 && code <= 0xdfff)
}
