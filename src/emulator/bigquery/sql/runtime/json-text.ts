/**
 * JSON as BigQuery keeps it: no insignificant space, object keys in order, numbers normalized.
 * https://cloud.google.com/bigquery/docs/reference/standard-sql/data-types#json_type
 */
export type Json = null | boolean | string | JsonNumber | Json[] | { [key: string]: Json }

/** A number by its canonical text, because JavaScript's numbers know neither INT64 nor `1.0`. */
export class JsonNumber {
  readonly numberText: string

  constructor(numberText: string) {
    this.numberText = numberText
  }
}

const MAX_UINT64 = 2n ** 64n - 1n
const MIN_INT64 = -(2n ** 63n)

/** A parsed document, or undefined when the text is not JSON or holds a number that does not fit. */
export function parseJson(text: string): Json | undefined {
  let fits = true
  const revive = (_key: string, value: unknown, context?: { source?: string }): unknown => {
    if (typeof value !== 'number') return value
    const number = jsonNumberText(context?.source ?? String(value))
    if (number === undefined) fits = false
    return new JsonNumber(number ?? '')
  }
  try {
    const value = JSON.parse(text, revive as (key: string, value: unknown) => unknown) as Json
    return fits ? value : undefined
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}

/** Integers stay integers; all else is a FLOAT64, which must give the written value back. */
function jsonNumberText(source: string): string | undefined {
  if (/^-?\d+$/.test(source)) {
    const integer = BigInt(source)
    if (integer <= MAX_UINT64 && integer >= MIN_INT64) return source === '-0' ? '0' : String(integer)
  }
  const value = Number(source)
  return Number.isFinite(value) ? floatJson(value) : undefined
}

/** A FLOAT64 in JSON: always with a point or an exponent, e.g. `1.0`, `1e+20`. */
export function floatJson(value: number): string {
  if (Object.is(value, -0)) return '-0.0'
  const text = String(value)
  if (/[.e]/.test(text)) return text.replace(/e([+-])(\d)$/, 'e$10$2')
  return Math.abs(value) >= 1e15 ? value.toExponential().replace(/e([+-])(\d)$/, 'e$10$2') : `${text}.0`
}

/** The canonical text, or undefined when the text is not JSON. */
export function canonicalJson(text: string): string | undefined {
  const value = parseJson(text)
  return value === undefined ? undefined : jsonText(value)
}

/** Canonical text of a value. Keys are ordered by their UTF-8 bytes. */
export function jsonText(value: Json): string {
  if (value === null || typeof value === 'boolean') return String(value)
  if (typeof value === 'string') return jsonString(value)
  if (Array.isArray(value)) return `[${value.map(jsonText).join(',')}]`
  if (value instanceof JsonNumber) return value.numberText
  const keys = Object.keys(value).toSorted((left, right) => Buffer.compare(Buffer.from(left), Buffer.from(right)))
  return `{${keys.map((key) => `${jsonString(key)}:${jsonText(value[key]!)}`).join(',')}}`
}

/** A JSON string as TO_JSON_STRING writes it: quotes, backslashes and control characters escaped. */
export function jsonString(text: string): string {
  return JSON.stringify(text).replaceAll('\u2028', String.raw`\u2028`).replaceAll('\u2029', String.raw`\u2029`)
}
