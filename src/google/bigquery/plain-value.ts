/**
 * Converts a value of the BigQuery client to plain JSON: wrappers for times, dates, geography and big
 * numbers become text, buffers become base64; recurses into arrays and structs.
 */
export function plainValue(value: unknown): unknown {
  if (value === null || typeof value !== 'object') return value ?? null
  if (Array.isArray(value)) return value.map(plainValue)
  if (Buffer.isBuffer(value)) return value.toString('base64')
  const kind = value.constructor?.name
  if (kind !== 'Object' && 'value' in value) return plainValue(value.value)
  if (kind === 'Big') return String(value)
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, plainValue(member)]))
}
