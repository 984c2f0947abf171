import { stripVTControlCharacters } from 'node:util'

/**
 * Characters that a terminal obeys instead of showing: the control characters C0, DEL and C1, except line breaks and tabs, and
 * the characters that change the direction of text (https://www.unicode.org/reports/tr9/#Directional_Formatting_Characters),
 * which can make one name look like another.
 */
// eslint-disable-next-line no-control-regex -- these are what must not reach the terminal
const OBEYED = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufff9-\ufffb]+/g

/**
 * Returns text that is safe to show on a terminal. Data, model answers, file names and messages can contain anything, so all
 * printed text goes through this function, or one of the two below, before it is styled.
 */
export function plainText(text: string): string {
  return stripVTControlCharacters(text.replaceAll('\r\n', '\n')).replaceAll(OBEYED, ' ')
}

/** The same on one line. */
export function plainLine(text: string): string {
  return plainText(text).replaceAll(/[\t\n]+/g, ' ')
}

/** Returns text of at most `most` letters, with a mark where it is cut. No half of a pair is left. */
export function shortened(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, most - 1).replace(/[\ud800-\udbff]$/, '')}…`
}

/** The characters above that JSON does not escape. Escaping them keeps the JSON equivalent. */
// eslint-disable-next-line no-control-regex -- as above
const UNESCAPED = /[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufff9-\ufffb]/g

/** Escapes every character in JSON text that a terminal would obey: exact for programs, safe for people. */
export function plainJson(json: string): string {
  return json.replaceAll(UNESCAPED, (each) => `\\u${each.charCodeAt(0).toString(16).padStart(4, '0')}`)
}
