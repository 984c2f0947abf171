/** String functions whose DuckDB namesakes count, trim or change case otherwise. */
const MAX_STRING_BYTES = 1 << 20

/** A row has at most 100 MB (https://cloud.google.com/bigquery/quotas#query_jobs, "Maximum row size"). */
const MAX_ROW_BYTES = 100_000_000

/** Unicode's White_Space, which TRIM removes (https://cloud.google.com/bigquery/docs/reference/standard-sql/string_functions#trim). */
const SPACE = /[\u0009-\u000d\u0020\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/

export function trimStart(text: string): string {
  let from = 0
  while (from < text.length && SPACE.test(text[from]!)) from += 1
  return text.slice(from)
}

export function trimEnd(text: string): string {
  let to = text.length
  while (to > 0 && SPACE.test(text[to - 1]!)) to -= 1
  return text.slice(0, to)
}

/** The characters of a text, by their position: itself where each is one unit of JavaScript's. */
function characters(text: string): string | string[] {
  return /[\ud800-\udfff]/.test(text) ? [...text] : text
}

function slice(points: string | string[], from: number, to?: number): string {
  const part = points.slice(from, to)
  return typeof part === 'string' ? part : part.join('')
}

export function trimSet(text: string, set: string, side: 'both' | 'start' | 'end'): string {
  const members = new Set(set)
  const points = characters(text)
  let [from, to] = [0, points.length]
  while (side !== 'end' && from < to && members.has(points[from]!)) from += 1
  while (side !== 'start' && to > from && members.has(points[to - 1]!)) to -= 1
  return slice(points, from, to)
}

/** SUBSTR: positions count from 1, from the end when negative, and 0 is 1. */
export function substr(text: string, position: bigint, length: bigint): string {
  if (length < 0n) throw new Error('bq:Third argument in SUBSTR() cannot be negative')
  const points = characters(text)
  const count = BigInt(points.length)
  const start = position > 0n ? position - 1n : position === 0n ? 0n : position + count
  const from = start < 0n ? 0n : start
  return slice(points, Number(from > count ? count : from), Number(from + length > count ? count : from + length))
}

export function right(text: string, length: bigint): string {
  if (length < 0n) throw new Error('bq:Second argument in RIGHT() cannot be negative')
  const points = characters(text)
  return slice(points, Math.max(0, points.length - Number(length)))
}

export function reverse(text: string): string {
  return [...text].toReversed().join('')
}

/** REPLACE: an empty text is never found. */
export function replace(text: string, from: string, to: string): string {
  if (from === '') return text
  const parts = text.split(from)
  if (text.length + (parts.length - 1) * (to.length - from.length) > MAX_ROW_BYTES)
    throw new Error('bq-resources:Cannot query rows larger than 100MB limit.')
  return parts.join(to)
}

export function repeat(text: string, count: bigint): string {
  if (count < 0n) throw new Error('bq:Second argument in REPEAT() cannot be negative')
  if (BigInt(text.length) * count > BigInt(MAX_STRING_BYTES))
    throw new Error('bq:Output of REPEAT exceeds max allowed output size of 1MB')
  return text.repeat(Number(count))
}

export function pad(text: string, length: bigint, pattern: string, side: 'left' | 'right'): string {
  if (length < 0n)
    throw new Error(`bq:Second argument (output size) for ${side === 'left' ? 'LPAD' : 'RPAD'} cannot be negative`)
  if (pattern === '')
    throw new Error(`bq:Third argument (pad pattern) for ${side === 'left' ? 'LPAD' : 'RPAD'} cannot be empty`)
  if (length > BigInt(MAX_STRING_BYTES))
    throw new Error('bq:Output of LPAD/RPAD exceeds max allowed output size of 1MB')
  const points = characters(text)
  const missing = Number(length) - points.length
  if (missing <= 0) return slice(points, 0, Number(length))
  const filling = characters(pattern)
  const whole = pattern.repeat(Math.floor(missing / filling.length))
  const fill = whole + slice(filling, 0, missing % filling.length)
  return side === 'left' ? fill + text : text + fill
}
