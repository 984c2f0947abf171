/** Compares texts by their code points, as DuckDB and BigQuery do. JavaScript's own order puts 😀 before ￮. */
export function compareText(a: string, b: string): number {
  if (a === b) return 0
  const length = Math.min(a.length, b.length)
  for (let at = 0; at < length; at += 1) {
    const [one, other] = [a.charCodeAt(at), b.charCodeAt(at)]
    if (one !== other) return pointOrder(one) - pointOrder(other)
  }
  return a.length - b.length
}

/** Half of a pair is above all other units, because a pair's code point is. */
function pointOrder(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x1_0000 : unit
}

// eslint-disable-next-line no-control-regex -- all of ASCII
const ASCII = /^[\u0000-\u007f]*$/

/** Returns a text in lower case, each code point by itself, as a database does: Σ at the end of a word is σ. */
export function lowerText(text: string): string {
  if (ASCII.test(text)) return text.toLowerCase()
  let lower = ''
  for (const point of text) lower += String.fromCodePoint(point.toLowerCase().codePointAt(0) ?? 0)
  return lower
}

/** Returns a value as the text that `contains` looks into. */
export function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}
