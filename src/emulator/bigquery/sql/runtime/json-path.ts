import { JsonNumber, jsonText, parseJson, type Json } from './json-text.ts'

/**
 * JSONPath as BigQuery's JSON functions take it: members, quoted members and elements.
 * https://cloud.google.com/bigquery/docs/reference/standard-sql/json_functions#JSONPath_format
 */
const STEP = /\.([^.[\]"'*$\s]+)|\."((?:[^"\\]|\\.)*)"|\[(\d+)\]|\['((?:[^'\\]|\\.)*)'\]/y

/** The steps of a path, or undefined when it is not of the supported form. */
export function parseJsonPath(path: string): (string | number)[] | undefined {
  if (!path.startsWith('$')) return undefined
  const steps: (string | number)[] = []
  STEP.lastIndex = 1
  while (STEP.lastIndex < path.length) {
    const match = STEP.exec(path)
    if (!match) return undefined
    const [, plain, quoted, index, single] = match
    if ((quoted ?? single ?? '').includes('\\')) return undefined
    steps.push(index === undefined ? (plain ?? quoted ?? single)! : Number(index))
  }
  return steps
}

/** What the path leads to; undefined when there is nothing. */
function lookUp(document: string, path: string): Json | undefined {
  const root = parseJson(document)
  const steps = parseJsonPath(path)
  if (root === undefined || !steps) return undefined
  let value: Json | undefined = root
  for (const step of steps) value = member(value, step)
  return value
}

export function member(value: Json | undefined, step: string | number): Json | undefined {
  if (Array.isArray(value)) return typeof step === 'number' ? value[step] : undefined
  if (value === null || typeof value !== 'object' || typeof step === 'number' || value instanceof JsonNumber) return undefined
  return value !== undefined && Object.hasOwn(value, step) ? value[step] : undefined
}

export function jsonValue(document: string, path: string): string | null {
  const value = lookUp(document, path)
  return value === undefined ? null : scalarText(value)
}

export function jsonQuery(document: string, path: string): string | null {
  const value = lookUp(document, path)
  return value === undefined ? null : jsonText(value)
}

export function jsonQueryArray(document: string, path: string): string[] | null {
  const value = lookUp(document, path)
  return Array.isArray(value) ? value.map(jsonText) : null
}

/** NULL unless every element is a scalar other than null. */
export function jsonValueArray(document: string, path: string): string[] | null {
  const value = lookUp(document, path)
  if (!Array.isArray(value)) return null
  const texts = value.map(scalarText)
  return texts.includes(null) ? null : (texts as string[])
}

function scalarText(value: Json): string | null {
  if (value === null) return null
  if (typeof value === 'string') return value
  const isContainer = typeof value === 'object' && !(value instanceof JsonNumber)
  return isContainer ? null : jsonText(value)
}

export function jsonMember(document: string, key: string): string | null {
  const value = member(parseJson(document), key)
  return value === undefined ? null : jsonText(value)
}

export function jsonElement(document: string, index: bigint): string | null {
  const value = index < 0n ? undefined : member(parseJson(document), Number(index))
  return value === undefined ? null : jsonText(value)
}

export function jsonType(document: string): string | null {
  const value = parseJson(document)
  if (value === undefined) return null
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'array'
  if (typeof value === 'object') return value instanceof JsonNumber ? 'number' : 'object'
  return typeof value
}
