import { DuckDBTimestampValue, type DuckDBValue } from '@duckdb/node-api'
import { epochMicros, loadedTimestamp } from './loaded-time.ts'
import type { Field } from './table-schema.ts'
import { parseInt64 } from './sql/runtime/float-text.ts'
import { STREAMED, type JsonScalar, type ScalarType, type ValueRules } from './values-in.ts'

/** What a load reads: CSV, JSON with a schema, or JSON whose schema it detected. */
export type LoadedFrom = 'CSV' | 'JSON' | 'DETECTED JSON'

/**
 * How load jobs read values. They are stricter than tabledata.insertAll: a TIMESTAMP has a time of day
 * (https://cloud.google.com/bigquery/docs/loading-data-cloud-storage-csv#data_types), a JSON number is no STRING
 * (googleapis/python-bigquery#906), and a CSV INTEGER has no fraction.
 */
export function loadRules(from: LoadedFrom): ValueRules {
  return {
    decode: (type, value) => decodeLoaded(type, value, from),
    mismatch: (field, path, value) => {
      const problem = from === 'CSV' ? csvProblem(field, String(value)) : jsonProblem(field, String(value))
      return from === 'CSV' ? problem : `${problem} Field: ${path}; Value: ${String(value)}`
    },
    unknownField: (path) => `No such field: ${path}.`,
  }
}

function decodeLoaded(type: ScalarType, value: JsonScalar, from: LoadedFrom): DuckDBValue | undefined {
  switch (type) {
    case 'STRING':
      return from === 'JSON' && typeof value !== 'string' ? undefined : STREAMED.decode(type, value)
    case 'INTEGER':
      return from === 'CSV' ? parseInt64(String(value).trim()) : STREAMED.decode(type, value)
    case 'BOOLEAN':
      return STREAMED.decode(type, value === 1 || value === 0 ? String(value) : value)
    case 'TIMESTAMP': {
      const text = typeof value === 'boolean' ? '' : String(value)
      const micros = loadedTimestamp(text) ?? epochMicros(text)
      return micros === undefined ? undefined : new DuckDBTimestampValue(micros)
    }
    default:
      return STREAMED.decode(type, value)
  }
}

/** The words that users of BigQuery published; those of types that none did are like them. */
function csvProblem(field: Field, text: string): string {
  switch (field.type) {
    case 'DATE':
    case 'TIME':
    case 'DATETIME':
    case 'TIMESTAMP':
    case 'GEOGRAPHY':
    case 'JSON':
      return STREAMED.mismatch(field, '', text)
    default:
      return 'Unable to parse'
  }
}

const WORDS: Partial<Record<Field['type'], string>> = {
  STRING: 'string',
  INTEGER: 'integer',
  FLOAT: 'double',
  BOOLEAN: 'boolean',
  BYTES: 'bytes',
}

function jsonProblem(field: Field, text: string): string {
  const word = WORDS[field.type]
  return word === undefined ? STREAMED.mismatch(field, '', text) : `Could not convert value to ${word}.`
}
