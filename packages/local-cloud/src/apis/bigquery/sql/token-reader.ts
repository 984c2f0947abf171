import { RESERVED_WORDS } from '../../../contract/reserved-words.ts'
import { MAX_NESTING, tooDeep } from './bounds.ts'
import { SqlFailure } from './failure.ts'
import type { Expression, Query } from './syntax.ts'
import { tokenize, type Token } from './tokens.ts'

/** The grammar's two recursive rules; the reader carries them, so that its modules need not import each other in a circle. */
export interface Rules {
  expression: (reader: TokenReader) => Expression
  query: (reader: TokenReader) => Query
  /** The rest of a query that begins with one in parentheses. */
  queryAfter: (reader: TokenReader, first: Query) => Query
}

/** A cursor over a statement's tokens, with the errors of a failed expectation. */
export class TokenReader {
  readonly rules: Rules
  readonly #tokens: readonly Token[]
  #position = 0
  #depth = 0
  /** How many `?` parameters were met. */
  positionalParameters = 0

  constructor(source: string, rules: Rules) {
    this.rules = rules
    this.#tokens = tokenize(source)
  }

  peek(ahead = 0): Token {
    return this.#tokens[Math.min(this.#position + ahead, this.#tokens.length - 1)]!
  }

  get at(): number {
    return this.peek().at
  }

  take(): Token {
    const token = this.peek()
    if (token.kind !== 'end') this.#position += 1
    return token
  }

  /** Runs a rule of the grammar that may come back to itself, and refuses a statement that does so too often. */
  nested<Result>(rule: () => Result): Result {
    if (this.#depth >= MAX_NESTING) throw tooDeep(this.at)
    this.#depth += 1
    const result = rule()
    this.#depth -= 1
    return result
  }

  mark(): number {
    return this.#position
  }

  reset(mark: number): void {
    this.#position = mark
  }

  isKeyword(word: string, ahead = 0): boolean {
    const token = this.peek(ahead)
    return token.kind === 'name' && token.text.toUpperCase() === word
  }

  isKeywords(...words: string[]): boolean {
    return words.every((word, index) => this.isKeyword(word, index))
  }

  /** Consumes the words when all of them come next. */
  keyword(...words: string[]): boolean {
    if (!this.isKeywords(...words)) return false
    this.#position += words.length
    return true
  }

  expectKeyword(word: string): void {
    if (!this.keyword(word)) throw this.unexpected(`keyword ${word}`)
  }

  isSymbol(symbol: string, ahead = 0): boolean {
    const token = this.peek(ahead)
    return token.kind === 'symbol' && token.text === symbol
  }

  symbol(symbol: string): boolean {
    if (!this.isSymbol(symbol)) return false
    this.#position += 1
    return true
  }

  expectSymbol(symbol: string): void {
    if (symbol === '>' && this.isSymbol('>>')) {
      const token = this.peek()
      Object.assign(token, { text: '>', at: token.at + 1 })
      return
    }
    if (!this.symbol(symbol)) throw this.unexpected(`"${symbol}"`)
  }

  /** Whether the next token can be a name: quoted, or not a reserved word. */
  isName(ahead = 0): boolean {
    const token = this.peek(ahead)
    return token.kind === 'quotedName' || (token.kind === 'name' && !RESERVED_WORDS.has(token.text.toUpperCase()))
  }

  name(): Token {
    if (!this.isName()) throw this.unexpected()
    return this.take()
  }

  /** Whether a query begins here (possibly in parentheses of its own). */
  startsQuery(): boolean {
    let ahead = 0
    while (ahead <= MAX_NESTING && this.isSymbol('(', ahead)) ahead += 1
    return this.isKeyword('SELECT', ahead) || (ahead === 0 && this.isKeyword('WITH'))
  }

  /** Whether what follows a query in parentheses makes it a part of a larger one. */
  continuesQuery(): boolean {
    return ['UNION', 'INTERSECT', 'EXCEPT', 'ORDER', 'LIMIT'].some((word) => this.isKeyword(word))
  }

  /** A name after a dot may be a reserved word. */
  fieldName(): Token {
    const { kind } = this.peek()
    if (kind !== 'name' && kind !== 'quotedName') throw this.unexpected()
    return this.take()
  }

  /** The syntax error about the next token, in BigQuery's form. */
  unexpected(expected?: string): SqlFailure {
    const token = this.peek()
    const found = describe(token)
    const message = expected
      ? `Syntax error: Expected ${expected} but got ${found}`
      : `Syntax error: Unexpected ${found}`
    return new SqlFailure(message, token.at)
  }
}

function describe(token: Token): string {
  switch (token.kind) {
    case 'end':
      return 'end of script'
    case 'name':
      return RESERVED_WORDS.has(token.text.toUpperCase())
        ? `keyword ${token.text.toUpperCase()}`
        : `identifier ${JSON.stringify(token.text)}`
    case 'quotedName':
      return `identifier \`${token.text}\``
    case 'integer':
      return `integer literal ${JSON.stringify(token.text)}`
    case 'float':
      return `floating point literal ${JSON.stringify(token.text)}`
    case 'string':
      return `string literal ${JSON.stringify(token.text)}`
    case 'bytes':
      return 'bytes literal'
    case 'parameter':
      return token.text === '' ? '"?"' : '"@"'
    case 'symbol':
      return JSON.stringify(token.text)
  }
}
