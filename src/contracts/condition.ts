/**
 * A literal or name in quotes: a backslash escapes the next character, in raw strings too
 * (https://cloud.google.com/bigquery/docs/reference/standard-sql/lexical#string_and_bytes_literals).
 */
const LONG_QUOTES = ['"""', "'''"]
const SHORT_QUOTES = ['"', "'", '`']

const CLOSING: Readonly<Record<string, string>> = { '(': ')', '[': ']', '{': '}' }

/** All except tab and line feed. There must be no doubt where a line, and a comment in it, ends; CRLF is clear. */
const CONTROL = /[^\P{Cc}\t\n]/u

/**
 * Checks that a user's condition stays one expression inside the parentheses that a query puts around it:
 * it closes every quote, comment and bracket that it opens, closes nothing that it did not open, and ends
 * no statement. BigQuery checks the expression itself.
 *
 * @returns what is wrong, as the predicate of a sentence about the condition; undefined for a valid
 * condition
 */
export function conditionFault(condition: string): string | undefined {
  const text = condition.replaceAll('\r\n', '\n')
  if (CONTROL.test(text)) return 'has a control character'
  if (text.trim() === '') return 'is empty'
  const open: string[] = []
  for (let at = 0; at < text.length;) {
    const character = text[at]!
    const quote = [...LONG_QUOTES, ...SHORT_QUOTES].find((candidate) => text.startsWith(candidate, at))
    if (quote) {
      const end = quotedEnd(text, at + quote.length, quote)
      if (end === undefined) return `opens ${quote} and does not close it`
      at = end
    } else if (character === '#' || text.startsWith('--', at)) {
      const end = text.indexOf('\n', at)
      at = end === -1 ? text.length : end
    } else if (text.startsWith('/*', at)) {
      const end = text.indexOf('*/', at + 2)
      if (end === -1) return 'opens a comment and does not close it'
      at = end + 2
    } else {
      const fault = bracketFault(character, open)
      if (fault) return fault
      at += 1
    }
  }
  const last = open.at(-1)
  return last === undefined ? undefined : `opens ${last} and does not close it`
}

/** Updates the stack of open brackets. */
function bracketFault(character: string, open: string[]): string | undefined {
  if (character === ';') return 'has a ; outside quotes; it must be one expression'
  if (character in CLOSING) open.push(character)
  if (!Object.values(CLOSING).includes(character)) return undefined
  const opened = open.pop()
  return opened !== undefined && CLOSING[opened] === character
    ? undefined
    : `has ${character} without an opening bracket; it must be one expression`
}

/**
 * Returns the position after the closing quote; undefined when there is none, or when it must be on the same line and
 * is not.
 */
function quotedEnd(text: string, start: number, quote: string): number | undefined {
  for (let at = start; at < text.length; at += 1) {
    if (text.startsWith(quote, at)) return at + quote.length
    if (text[at] === '\n' && quote.length === 1) return undefined
    if (text[at] === '\\') at += 1
    if (text[at] === '\n' && quote.length === 1) return undefined
  }
  return undefined
}
