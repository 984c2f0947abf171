/** String functions whose DuckDB namesakes count, trim or change case otherwise. */
const MAX_STRING_BYTES = 1 << 20

/** Unicode's White_Space, which TRIM removes (https://cloud.google.com/bigquery/docs/reference/standard-sql/string_functions#trim). */
const SPACE = String.raw`[\u0009-\u000d\u0020\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+`
const LEADING = new RegExp(`^${SPACE}`)
const TRAILING = new RegExp(`${SPACE}$`)

export const trimStart = (text: string): string => text.replace(LEADING, '')
export const trimEnd = (text: string): string => text.replace(TRAILING, '')

export function trimSet(text: string, set: string, side: 'both' | 'start' | 'end'): string {
  const members = new Set(set)
  const points = [...text]
  let [from, to] = [0, points.length]
  while (side !== 'end' && from < to && members.has(points[from]!)) from += 1
  while (side !== 'start' && to > from && members.has(points[to - 1]!)) to -= 1
  return points.slice(from, to).join('')
}

/** SUBSTR: positions count from 1, from the end when negative, and 0 is 1. */
export function substr(text: string, position: bigint, length: bigint): string {
  if (length < 0n) throw new Error('bq:Third argument in SUBSTR() cannot be negative')
  const points = [...text]
  const count = BigInt(points.length)
  const start = position > 0n ? position - 1n : position === 0n ? 0n : position + count
  const from = start < 0n ? 0n : start
  return points
    .slice(Number(from > count ? count : from), Number(from + length > count ? count : from + length))
    .join('')
}

export function right(text: string, length: bigint): string {
  if (length < 0n) throw new Error('bq:Second argument in RIGHT() cannot be negative')
  const points = [...text]
  return points.slice(Math.max(0, points.length - Number(length))).join('')
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
  const points = [...text]
  const missing = Number(length) - points.length
  if (missing <= 0) return points.slice(0, Number(length)).join('')
  const filling = [...pattern]
  const fill = Array.from({ length: missing }, (_, index) => filling[index % filling.length]!).join('')
  return side === 'left' ? fill + text : text + fill
}
