import dataAccessors from '@duckdb/node-api/lib/vectors/dataAccessors.js'

/**
 * Makes DuckDB's client return every text as it is stored. Its own decoder takes U+FEFF at the start of a value for a
 * byte order mark and drops it, so two different IDs became one.
 */
export function keepByteOrderMarks(): void {
  const decoding: { textDecoder: object } = dataAccessors
  decoding.textDecoder = new TextDecoder('utf-8', { ignoreBOM: true })
}
