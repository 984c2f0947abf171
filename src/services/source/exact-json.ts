/** A number of a JSON text that JavaScript would write in another way, such as `1.50`, `1e3` or one with 19 digits. */
export class ExactNumber {
  readonly source: string

  constructor(source: string) {
    this.source = source
  }
}

/** A number after a bracket, colon or comma that may lose something: many digits, a last 0, an exponent, a minus zero. */
const INEXACT = /[:[,]\s*-?(?:0(?![.\d])(?<=-0)|\d{16}|\d*\.\d*0(?!\d)|\d*\.\d{6}|[\d.]+[eE])/

/** Python's json module writes these, which are no JSON. BigQuery has no JSON for them either, so they are null. */
const TEXT_OR_NOT_A_NUMBER = /"(?:[^"\\]|\\.)*"|-?\bInfinity\b|\bNaN\b/g

/**
 * Parses JSON and loses no digit: a number is a JavaScript number only if `String` writes it as the text does, else an
 * `ExactNumber`. NaN and Infinity become null.
 *
 * @throws SyntaxError
 */
export function parseExactJson(text: string): unknown {
  try {
    return parseStrictly(text)
  } catch (error) {
    const replaced = text.replaceAll(TEXT_OR_NOT_A_NUMBER, (token) => (token.startsWith('"') ? token : 'null'))
    if (replaced === text) throw error
    return parseStrictly(replaced)
  }
}

function parseStrictly(text: string): unknown {
  return INEXACT.test(text) ? (JSON.parse(text, keepSource) as unknown) : (JSON.parse(text) as unknown)
}

function keepSource(_key: string, value: unknown, context?: { source?: string }): unknown {
  if (typeof value !== 'number' || context?.source === undefined) return value
  return String(value) === context.source ? value : new ExactNumber(context.source)
}

/** Writes a value of `parseExactJson` as JSON, each number as it was. A loop, because a value can be nested deeply. */
export function exactJson(value: unknown): string {
  const written: string[] = []
  /** What is still to be written, the next one last. */
  const waiting: ({ text: string } | { value: unknown })[] = [{ value }]
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if ('text' in next) written.push(next.text)
    else if (next.value instanceof ExactNumber) written.push(next.value.source)
    else if (typeof next.value === 'object' && next.value !== null)
      for (const piece of piecesOf(next.value).toReversed()) waiting.push(piece)
    else written.push(JSON.stringify(next.value) ?? 'null')
  }
  return written.join('')
}

function piecesOf(value: object): ({ text: string } | { value: unknown })[] {
  const isList = Array.isArray(value)
  const members = Object.entries(value).flatMap(([name, member], index) => {
    const comma = index === 0 ? '' : ','
    return [{ text: isList ? comma : `${comma}${JSON.stringify(name)}:` }, { value: member as unknown }]
  })
  return [{ text: isList ? '[' : '{' }, ...members, { text: isList ? ']' : '}' }]
}

/** Returns a value of `parseExactJson` as text: a string as it is, anything else as its JSON. Null stays null. */
export function exactText(value: unknown): string | null {
  if (value === null || value === undefined) return null
  return typeof value === 'string' ? value : exactJson(value)
}
