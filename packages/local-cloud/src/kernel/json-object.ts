import { parseJson } from './json-text.ts'

/**
 * The JSON object in a request's body; empty text is an empty object. Where it is none, throws the API's own
 * error, which `fail` makes.
 */
export function parseJsonObject(text: string, fail: () => Error): Record<string, unknown> {
  const value = text.trim() === '' ? {} : valueOf(text, fail)
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
  throw fail()
}

function valueOf(text: string, fail: () => Error): unknown {
  try {
    return parseJson(text)
  } catch {
    throw fail()
  }
}
