import { parseJson } from './json-text.ts'

/**
 * Returns the JSON object in a request's body; empty text is an empty object. For anything else, throws the
 * API's own error from `fail`.
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
