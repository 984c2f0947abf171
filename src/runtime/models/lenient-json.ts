import { isDeepStrictEqual } from 'node:util'

/** One object of a text. */
export interface LenientObject {
  value: Record<string, unknown>
  /** The offset after its last character. */
  end: number
  /** Whether it is JSON exactly as RFC 8259 defines it. */
  isExact: boolean
  /** Whether a quote inside a text had no backslash, so that the ends of texts are only likely. */
  hasInnerQuotes: boolean
}

/** Why a text has no object at an offset. */
export interface Unreadable {
  fault: string
  /** The offset where reading stopped. */
  end: number
}

export interface ReadOptions {
  isWhole: boolean
  escapesQuotes: boolean
}

/** Deeper answers are refused. BigQuery's columns have at most 15 levels. */
const MOST_LEVELS = 100

/** Words that other languages write for JSON's literals. NaN is a number that is not known. */
const LITERALS = new Map<string, unknown>([
  ['true', true],
  ['false', false],
  ['null', null],
  ['True', true],
  ['TRUE', true],
  ['False', false],
  ['FALSE', false],
  ['None', null],
  ['NULL', null],
  ['nil', null],
  ['undefined', null],
  ['NaN', null],
])
const EXACT_LITERALS = new Set(['true', 'false', 'null'])

/** The closing quotes of each opening quote. */
const QUOTES = new Map([
  ['"', '"'],
  ["'", "'"],
  ['“', '”"'],
  ['‘', "’'"],
])

const ESCAPES = new Map([
  ['"', '"'],
  ['\\', '\\'],
  ['/', '/'],
  ['b', '\b'],
  ['f', '\f'],
  ['n', '\n'],
  ['r', '\r'],
  ['t', '\t'],
])

const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w.])/y
/** Numbers as JSON5 and Python take them too: `+2` and `.5`. */
const LENIENT_NUMBER = /[+-]?(?:(?:0|[1-9]\d*)(?:\.\d+)?|\.\d+)(?:[eE][+-]?\d+)?(?![\w.])/y
const WORD = /[A-Za-z_$][\w$-]*/y
const LITERAL_WORD = /(?:true|false|null|True|False|None)\b/y
const NAME_AND_COLON = /(?:[A-Za-z_$][\w$-]*|"[^"\n]{0,300}"|'[^'\n]{0,300}'|“[^”\n]{0,300}”)\s*:/y
const HEX = /^[0-9a-fA-F]{4}$/

/**
 * Reads the object that starts at an offset. Accepts what models write instead of JSON and what has one meaning:
 * comments, trailing commas, single and typographic quotes, names without quotes, line breaks and quotes inside texts,
 * `+2` and `.5`, and the literals of Python and JavaScript. Adds no value that the text does not have: a cut text, word or number,
 * `12 px`, `007`, a text whose closing quote is missing, or a name that appears twice with different values is a fault.
 *
 * @param options.isWhole whether the text is known to be whole, so that its last `}` can be missing after a whole value
 * @param options.escapesQuotes whether quotes inside texts have a backslash, as in JSON
 */
export function readObject(text: string, at: number, options: ReadOptions): LenientObject | Unreadable {
  const reader = new Reader(text, at, options)
  try {
    const value = reader.object(1)
    return { value, end: reader.position, isExact: reader.isExact, hasInnerQuotes: reader.hasInnerQuotes }
  } catch (error) {
    if (error instanceof ReadFault) return { fault: error.message, end: reader.position }
    throw error
  }
}

/**
 * Reads a text that is one JSON object or list. Unlike JSON.parse, it refuses a name that appears twice with different
 * values, and deep nesting, which no schema has and which recursive code cannot follow.
 */
export function readExactly(text: string): { value: object } | { fault: string } {
  const reader = new Reader(text, 0, { isWhole: false, escapesQuotes: true })
  try {
    const value = reader.root()
    const isAll = reader.isExact && reader.position === text.length
    return isAll ? { value } : { fault: 'it is not JSON' }
  } catch (error) {
    if (error instanceof ReadFault) return { fault: error.message }
    throw error
  }
}

class ReadFault extends Error {
  override readonly name = 'ReadFault'
}

class Reader {
  readonly #text: string
  readonly #options: ReadOptions
  position: number
  isExact = true
  hasInnerQuotes = false

  constructor(text: string, at: number, options: ReadOptions) {
    this.#text = text
    this.position = at
    this.#options = options
  }

  root(): object {
    if (this.#next() === '[') return this.#array(1)
    return this.#next() === '{' ? this.object(1) : this.#fail('it is not an object or a list')
  }

  object(level: number): Record<string, unknown> {
    this.#enter(level)
    const members = new Map<string, unknown>()
    for (;;) {
      this.#skip()
      if (this.#take('}')) {
        if (members.size > 0) this.isExact = false
        break
      }
      const name = this.#name()
      this.#skip()
      if (!this.#take(':')) this.#fail(`there is no colon after ${JSON.stringify(name.slice(0, 60))}`)
      const value = this.#value(level, 'member')
      if (members.has(name) && !isDeepStrictEqual(members.get(name), value))
        this.#fail(`${name.slice(0, 60)} is there twice, with different values`)
      members.set(name, value)
      if (this.#ends('}', level)) break
    }
    return Object.fromEntries(members)
  }

  #array(level: number): unknown[] {
    this.#enter(level)
    const items: unknown[] = []
    for (;;) {
      this.#skip()
      if (this.#take(']')) {
        if (items.length > 0) this.isExact = false
        return items
      }
      items.push(this.#value(level, 'item'))
      if (this.#ends(']', level)) return items
    }
  }

  #enter(level: number): void {
    if (level > MOST_LEVELS) this.#fail('it is nested too deeply')
    this.position += 1
  }

  /** Reads what follows a member or an item. Returns whether it was the last one. */
  #ends(close: string, level: number): boolean {
    const last = this.#text[this.position - 1] ?? ''
    const after = this.position
    this.#skip()
    if (this.#take(close)) return true
    if (this.#take(',')) return false
    if (this.position === this.#text.length) {
      // A number or a word at the very end can have lost its end.
      const isValueWhole = !/[\w$.-]/.test(last) || after < this.#text.length
      if (!this.#options.isWhole || level > 1 || !isValueWhole) this.#fail('it ends before its end')
      this.isExact = false
      return true
    }
    NAME_AND_COLON.lastIndex = this.position
    if (close !== '}' || !NAME_AND_COLON.test(this.#text)) this.#fail(`it has ${this.#here()} where a comma belongs`)
    this.isExact = false
    return false
  }

  #name(): string {
    if (QUOTES.has(this.#next())) return this.#string('name')
    const word = this.#match(WORD)
    if (word === undefined) this.#fail(`it has ${this.#here()} where a name belongs`)
    this.isExact = false
    return word
  }

  #value(level: number, role: 'member' | 'item'): unknown {
    this.#skip()
    const next = this.#next()
    if (next === '{') return this.object(level + 1)
    if (next === '[') return this.#array(level + 1)
    if (QUOTES.has(next)) return this.#string(role)
    const number = this.#match(NUMBER)
    if (number !== undefined) return Number(number)
    const lenient = this.#match(LENIENT_NUMBER)
    if (lenient !== undefined) {
      this.isExact = false
      return Number(lenient)
    }
    const word = this.#match(WORD)
    if (word === undefined || word === 'Infinity') this.#fail(`it has ${this.#here()} where a value belongs`)
    if (!EXACT_LITERALS.has(word)) this.isExact = false
    return LITERALS.has(word) ? LITERALS.get(word) : word
  }

  #string(role: 'name' | 'member' | 'item'): string {
    const open = this.#next()
    const closing = QUOTES.get(open) ?? open
    if (open !== '"') this.isExact = false
    this.position += 1
    let read = ''
    let unclosed = 0
    for (;;) {
      const next = this.#next()
      if (next === '') this.#fail('it ends inside a text')
      this.position += 1
      if (next === '\\') read += this.#escaped()
      else if (!closing.includes(next) && next !== open) {
        if (next < ' ') this.isExact = false
        read += next
      } else if (closing.includes(next) && this.#isEndOfString(role)) {
        if (next !== '"') this.isExact = false
        if (unclosed > 0) this.#fail(`a closing quote is missing in ${JSON.stringify(read.slice(0, 60))}`)
        return read
      } else {
        this.isExact = false
        this.hasInnerQuotes = true
        if (role === 'name' || this.#isNameAfterComma()) this.#fail(`a closing quote is missing before ${this.#here()}`)
        unclosed = Math.max(0, unclosed + this.#quoteCount())
        read += next
      }
    }
  }

  /** 1 if the quote before the position opens a quotation inside a text, -1 if it closes one, by what is around it. */
  #quoteCount(): number {
    const before = this.#text[this.position - 2] ?? ''
    const after = this.#next()
    if (!/[\s,:;([{]/.test(before)) return /[\p{L}\p{N}]/u.test(after) ? 0 : -1
    return /\s/.test(after) ? 0 : 1
  }

  /** Whether the quote before the position starts the name of the next member: then the text before has lost its end. */
  #isNameAfterComma(): boolean {
    const before = this.#text.slice(Math.max(0, this.position - 40), this.position - 1)
    NAME_AND_COLON.lastIndex = this.position - 1
    return /[,\n]\s*$/.test(before) && NAME_AND_COLON.test(this.#text)
  }

  /** A backslash without meaning is kept, because it can be part of a path. */
  #escaped(): string {
    const next = this.#next()
    this.position += next.length
    const known = ESCAPES.get(next)
    if (known !== undefined) return known
    const digits = this.#text.slice(this.position, this.position + 4)
    if (next === 'u' && HEX.test(digits)) {
      this.position += 4
      return String.fromCharCode(Number.parseInt(digits, 16))
    }
    this.isExact = false
    return next === "'" ? next : `\\${next}`
  }

  /** Whether the quote before the position ends its text, by what follows it. */
  #isEndOfString(role: 'name' | 'member' | 'item'): boolean {
    if (this.#options.escapesQuotes) return true
    const text = this.#text
    let at = afterSpaces(text, this.position)
    const next = text[at] ?? ''
    if (role === 'name') return next === ':'
    if (next === '' || next === '}' || next === ']' || isComment(text, at)) return true
    const isComma = next === ','
    if (isComma) at = afterSpaces(text, at + 1)
    else if (!text.slice(this.position, at).includes('\n')) return false
    const then = text[at] ?? ''
    if (then === '' || isComment(text, at) || (isComma && (then === '}' || then === ']'))) return true
    if (role === 'member') {
      NAME_AND_COLON.lastIndex = at
      return NAME_AND_COLON.test(text)
    }
    LITERAL_WORD.lastIndex = at
    return isComma && (QUOTES.has(then) || /[-\d{[]/.test(then) || LITERAL_WORD.test(text))
  }

  /** Skips spaces and comments. */
  #skip(): void {
    for (;;) {
      const at = afterSpaces(this.#text, this.position)
      if (/[^ \t\r\n]/.test(this.#text.slice(this.position, at))) this.isExact = false
      this.position = at
      const ahead = this.#text.slice(at, at + 2)
      const close = ahead === '/*' ? '*/' : ahead === '//' || ahead.startsWith('#') ? '\n' : undefined
      if (close === undefined) return
      const end = this.#text.indexOf(close, at)
      if (end < 0 && close === '*/') {
        this.position = this.#text.length
        this.#fail('it ends inside a comment')
      }
      // What looks like a comment with quotes can be the rest of a text, as in `"the pole "#5" leans"`.
      if (close === '\n' && this.#text.slice(at, end < 0 ? undefined : end).includes('"'))
        this.#fail('it has quotes in a comment')
      this.isExact = false
      this.position = end < 0 ? this.#text.length : end + close.length
    }
  }

  #next(): string {
    return this.#text[this.position] ?? ''
  }

  #take(character: string): boolean {
    if (this.#next() !== character) return false
    this.position += 1
    return true
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.position
    const found = pattern.exec(this.#text)?.[0]
    if (found !== undefined) this.position += found.length
    return found
  }

  #here(): string {
    const ahead = this.#text.slice(this.position, this.position + 20)
    return ahead === '' ? 'nothing' : JSON.stringify(ahead.toWellFormed())
  }

  #fail(fault: string): never {
    throw new ReadFault(fault)
  }
}

/** A comment without quotes, which cannot be the rest of a text. */
const QUIET_COMMENT = /(?:\/\/|\/\*|#)[^"'”’\n]*(?:\n|$)/y

function isComment(text: string, at: number): boolean {
  QUIET_COMMENT.lastIndex = at
  return QUIET_COMMENT.test(text)
}

const SPACES = /\s*/y

function afterSpaces(text: string, at: number): number {
  SPACES.lastIndex = at
  return at + (SPACES.exec(text)?.[0].length ?? 0)
}
