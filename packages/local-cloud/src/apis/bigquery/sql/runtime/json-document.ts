import { isDeeper } from '../../../../kernel/json-text.ts'

/** https://cloud.google.com/bigquery/docs/json-data#limitations */
const MAX_LEVELS = 500

/** A JSON document as written: members in order, repeated ones too, numbers by their text. */
export type JsonNode =
  | { kind: 'literal'; text: 'null' | 'true' | 'false' }
  | { kind: 'number'; text: string }
  | { kind: 'string'; value: string }
  | { kind: 'array'; items: JsonNode[] }
  | { kind: 'object'; members: [string, JsonNode][] }

const TOKEN = /\s*("[^"\\]*(?:\\.[^"\\]*)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null|[[\]{},:])/y

/** The parsed document, or undefined when the text is not JSON. */
export function parseDocument(text: string): JsonNode | undefined {
  if (isDeeper(text, MAX_LEVELS)) return undefined
  try {
    JSON.parse(text)
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
  let at = 0
  const next = (): string => {
    TOKEN.lastIndex = at
    const match = TOKEN.exec(text)!
    at = TOKEN.lastIndex
    return match[1]!
  }
  // The text is valid, so each token is one that the grammar allows there.
  const value = (token: string): JsonNode => {
    if (token === '{') return object()
    if (token === '[') return array()
    if (token.startsWith('"')) return { kind: 'string', value: JSON.parse(token) as string }
    if (token === 'null' || token === 'true' || token === 'false') return { kind: 'literal', text: token }
    return { kind: 'number', text: token }
  }
  const array = (): JsonNode => {
    const items: JsonNode[] = []
    for (let token = next(); token !== ']'; token = next()) if (token !== ',') items.push(value(token))
    return { kind: 'array', items }
  }
  const object = (): JsonNode => {
    const members: [string, JsonNode][] = []
    for (let token = next(); token !== '}'; token = next()) {
      if (token === ',') continue
      next()
      members.push([JSON.parse(token) as string, value(next())])
    }
    return { kind: 'object', members }
  }
  return value(next())
}

const MAX_UINT64 = 2n ** 64n - 1n
/** A sign and the digits of the largest; a longer text is no 64-bit integer, and would take long to become a number. */
const MAX_INTEGER_CHARACTERS = 21
const MIN_INT64 = -(2n ** 63n)

/** A number of the JSON type: INT64 and UINT64 stay integers, all else becomes a FLOAT64; undefined beyond its range. */
function normalizedNumber(text: string): string | undefined {
  if (text.length <= MAX_INTEGER_CHARACTERS && /^-?\d+$/.test(text)) {
    const integer = BigInt(text)
    if (integer <= MAX_UINT64 && integer >= MIN_INT64) return text === '-0' ? '0' : String(integer)
  }
  const value = Number(text)
  return Number.isFinite(value) ? floatJson(value) : undefined
}

/** The shortest text that gives a FLOAT64 back, always with a point or an exponent: `1.0`, `1e+15`, `1e-05`. */
function floatJson(value: number): string {
  if (value === 0) return Object.is(value, -0) ? '-0.0' : '0.0'
  const [mantissa = '', exponent = '0'] = value.toExponential().split('e')
  const scale = Number(exponent) + 1
  if (scale > 15 || scale <= -4) {
    const magnitude = String(Math.abs(Number(exponent))).padStart(2, '0')
    return `${mantissa}e${Number(exponent) < 0 ? '-' : '+'}${magnitude}`
  }
  const text = String(value)
  return text.includes('.') ? text : `${text}.0`
}

/** A document in the canonical form of the JSON type, or undefined when a number does not fit: https://cloud.google.com/bigquery/docs/reference/standard-sql/data-types#json_type */
export function normalized(node: JsonNode): JsonNode | undefined {
  if (node.kind === 'number') {
    const text = normalizedNumber(node.text)
    return text === undefined ? undefined : { kind: 'number', text }
  }
  if (node.kind === 'array') {
    const items = node.items.map(normalized)
    return items.includes(undefined) ? undefined : { kind: 'array', items: items as JsonNode[] }
  }
  if (node.kind !== 'object') return node
  const first = new Map<string, JsonNode>()
  for (const [key, value] of node.members) {
    const member = normalized(value)
    if (!member) return undefined
    if (!first.has(key)) first.set(key, member)
  }
  const members = [...first].toSorted(([left], [right]) => Buffer.compare(Buffer.from(left), Buffer.from(right)))
  return { kind: 'object', members }
}

/** The document without insignificant space. */
export function documentText(node: JsonNode): string {
  switch (node.kind) {
    case 'literal':
    case 'number':
      return node.text
    case 'string':
      return jsonString(node.value)
    case 'array':
      return `[${node.items.map(documentText).join(',')}]`
    case 'object':
      return `{${node.members.map(([key, value]) => `${jsonString(key)}:${documentText(value)}`).join(',')}}`
  }
}

/** The canonical text of a JSON value, or undefined when the text is not one. */
export function canonicalJson(text: string): string | undefined {
  if (isDeeper(text, MAX_LEVELS)) return undefined
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
  // Most texts come from JSON.stringify and need no more work than to see so.
  if (!UNUSUAL.test(text) && hasOrderedKeys(value) && JSON.stringify(value) === text) return text
  const canonical = normalized(parseDocument(text)!)
  return canonical && documentText(canonical)
}

/** Numbers that JavaScript may write otherwise, and characters that need an escape. */
const UNUSUAL = /\d[eE]|\d{15}|-0|0\.0000|[\u2028\u2029]/

function hasOrderedKeys(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return true
  if (Array.isArray(value)) return value.every(hasOrderedKeys)
  let before = ''
  for (const key in value) {
    if (key <= before && before !== '') return false
    if (/[^\x20-\x7e]/.test(key) || !hasOrderedKeys((value as Record<string, unknown>)[key])) return false
    before = key
  }
  return true
}

/** A JSON string as TO_JSON_STRING writes it: quotes, backslashes and control characters escaped. */
export function jsonString(text: string): string {
  return JSON.stringify(text)
    .replaceAll('\u2028', String.raw`\u2028`)
    .replaceAll('\u2029', String.raw`\u2029`)
}
