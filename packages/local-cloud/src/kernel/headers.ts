import type { IncomingHttpHeaders } from 'node:http'

/** Headers of a single connection, which are never forwarded (https://www.rfc-editor.org/rfc/rfc9110#section-7.6.1). */
const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/** Returns the headers to forward with a request or a response; the sender sets the length again. */
export function endToEndHeaders(headers: IncomingHttpHeaders | Record<string, string>): Record<string, string> {
  const kept: Record<string, string> = {}
  for (const [name, value] of Object.entries(headers)) {
    const lowerName = name.toLowerCase()
    if (value === undefined || HOP_BY_HOP.has(lowerName) || lowerName === 'content-length') continue
    kept[lowerName] = Array.isArray(value) ? value.join(', ') : value
  }
  return kept
}
