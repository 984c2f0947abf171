import { stripVTControlCharacters } from 'node:util'

/**
 * What a terminal obeys instead of showing it: the control characters C0, DEL and C1, but for line breaks and tabs, and the
 * characters that turn the direction of text (https://www.unicode.org/reports/tr9/#Directional_Formatting_Characters), by
 * which a name looks like another.
 */
// eslint-disable-next-line no-control-regex -- these are what must not reach the terminal
const OBEYED = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufff9-\ufffb]+/g

/**
 * Text as a terminal may show it. Data, answers of models, names of files and messages of others may hold anything: whatever
 * is printed goes through here, or through one of the two functions below, before it is styled.
 */
export function plainText(text: string): string {
  return stripVTControlCharacters(text.replaceAll('\r\n', '\n')).replaceAll(OBEYED, ' ')
}

/** The same in one line. */
export function plainLine(text: string): string {
  return plainText(text).replaceAll(/[\t\n]+/g, ' ')
}

/** What JSON leaves as it is of the above; escaped, it is the same JSON. */
// eslint-disable-next-line no-control-regex -- as above
const UNESCAPED = /[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufff9-\ufffb]/g

/** JSON text with every character escaped that a terminal would obey: exact for programs, harmless for eyes. */
export function plainJson(json: string): string {
  return json.replaceAll(UNESCAPED, (each) => `\\u${each.charCodeAt(0).toString(16).padStart(4, '0')}`)
}
