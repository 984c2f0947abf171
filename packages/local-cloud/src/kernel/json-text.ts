/**
 * Maximum nesting that Google's front ends accept in JSON (protobuf's JsonStreamParser, `kDefaultMaxRecursionDepth`).
 */
const MAX_LEVELS = 100

/**
 * Parses foreign JSON. Refuses text nested deeper than `levels` before parsing, because recursive code would
 * overflow its stack.
 *
 * @throws SyntaxError, as JSON.parse does
 */
export function parseJson(text: string, levels = MAX_LEVELS): unknown {
  checkLevels(text, levels)
  return JSON.parse(text)
}

/** @throws SyntaxError with protobuf's message when objects and lists are nested deeper than `levels` */
export function checkLevels(text: string, levels: number): void {
  if (isDeeper(text, levels)) throw new SyntaxError('Message too deep. Max recursion depth reached')
}

/** Whether a JSON text nests objects and lists deeper than `levels`. */
export function isDeeper(text: string, levels: number): boolean {
  // Most requests have fewer brackets than levels, and a native search finds them faster than the loop below.
  if (count(text, '{', levels) + count(text, '[', levels) <= levels) return false
  let depth = 0
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === QUOTE) at = stringEnd(text, at)
    else if (code === OPEN_BRACE || code === OPEN_BRACKET) {
      depth += 1
      if (depth > levels) return true
    } else if (code === CLOSE_BRACE || code === CLOSE_BRACKET) depth -= 1
  }
  return false
}

/** How often a text has a character; more than `most` are not counted. */
function count(text: string, character: string, most: number): number {
  let found = 0
  for (let at = text.indexOf(character); at >= 0 && found <= most; at = text.indexOf(character, at + 1)) found += 1
  return found
}

const QUOTE = 0x22
const BACKSLASH = 0x5c
const OPEN_BRACE = 0x7b
const CLOSE_BRACE = 0x7d
const OPEN_BRACKET = 0x5b
const CLOSE_BRACKET = 0x5d

/** Returns the position of the quote that ends a string. */
function stringEnd(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); end >= 0; end = text.indexOf('"', end + 1)) {
    let slashes = 0
    while (text.charCodeAt(end - 1 - slashes) === BACKSLASH) slashes += 1
    if (slashes % 2 === 0) return end
  }
  return text.length
}
