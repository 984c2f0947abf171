import { quote, typed, type Place, type Typed } from '../analysis.ts'
import { coerce, nullOf } from '../coercion.ts'
import { SqlFailure, unsupported } from '../failure.ts'
import { parseJsonPath } from '../runtime/json-path.ts'
import { jsonString } from '../runtime/json-document.ts'
import type { Call } from '../syntax.ts'
import { arrayOf, JSON_TYPE, STRING, typeName, type SqlType } from '../types.ts'
import { passing, signature, type PlainFunctions, type SpecialFunction, type SpecialFunctions } from './signature.ts'

/** https://cloud.google.com/bigquery/docs/reference/standard-sql/json_functions */
export const json: PlainFunctions = {
  PARSE_JSON: [signature([STRING], JSON_TYPE, passing('bq_parse_json'))],
  JSON_TYPE: [signature([JSON_TYPE], STRING, passing('bq_json_type'))],
}

/** The document and the JSONPath, which must be constant (BigQuery requires it). */
function documentAndPath(call: Call, at: number, place: Place): { document: Typed; path: string } {
  const [given, path] = call.args.map((arg) => place.analysis.rules.expression(arg.value, place))
  const document = given?.literal?.type === 'NULL' ? nullOf(STRING, given.at) : given
  const isJson = document && (document.type.kind === 'JSON' || document.type.kind === 'STRING')
  if (!isJson || call.args.length > 2) {
    throw new SqlFailure(
      `No matching signature for function ${call.name} for argument types: ${document ? typeName(document.type) : 'none'}`,
      at,
    )
  }
  if (!path) return { document, path: quote('$') }
  if (path.literal?.type !== 'STRING')
    throw new SqlFailure('JSONPath must be a string literal or query parameter', path.at)
  if (!parseJsonPath(path.literal.value))
    throw unsupported(`the JSONPath ${JSON.stringify(path.literal.value)}`, path.at)
  return { document, path: path.sql }
}

const lookup =
  (name: string, returns: (document: Typed) => SqlType): SpecialFunction =>
  (call, at, place) => {
    const { document, path } = documentAndPath(call, at, place)
    return typed(`${name}(${document.sql}, ${path})`, returns(document), at, [document])
  }

/** JSON in gives JSON, text gives text. */
const queried: SpecialFunction = (call, at, place) => {
  const { document, path } = documentAndPath(call, at, place)
  const name = document.type.kind === 'JSON' ? 'bq_json_query' : 'bq_json_query_text'
  return typed(`${name}(${document.sql}, ${path})`, document.type, at, [document])
}

export const jsonSpecials: SpecialFunctions = {
  JSON_VALUE: lookup('bq_json_value', () => STRING),
  JSON_EXTRACT_SCALAR: lookup('bq_json_value', () => STRING),
  JSON_QUERY: (call, at, place) => queried(call, at, place),
  JSON_EXTRACT: (call, at, place) => queried(call, at, place),
  JSON_QUERY_ARRAY: lookup('bq_json_query_array', (document) => arrayOf(document.type)),
  JSON_EXTRACT_ARRAY: lookup('bq_json_query_array', (document) => arrayOf(document.type)),
  JSON_VALUE_ARRAY: lookup('bq_json_value_array', () => arrayOf(STRING)),
  TO_JSON_STRING: (call, at, place) => {
    const [value, pretty] = call.args.map((arg) => place.analysis.rules.expression(arg.value, place))
    if (!value) throw new SqlFailure('No matching signature for function TO_JSON_STRING', at)
    if (pretty && !(pretty.literal?.type === 'BOOL' && !pretty.literal.value))
      throw unsupported('TO_JSON_STRING with pretty_print', at)
    if (value.volatile) throw unsupported('TO_JSON_STRING of an expression that differs with each evaluation', at)
    return typed(`coalesce(${jsonOf(coerce(value, value.type)!.sql, value.type)}, 'null')`, STRING, at, [value])
  },
}

/** DuckDB's text for a value's JSON; NULL for NULL. https://cloud.google.com/bigquery/docs/reference/standard-sql/json_functions#json_encodings */
function jsonOf(sql: string, type: SqlType, depth = 0): string {
  switch (type.kind) {
    case 'BOOL':
      return `CAST(${sql} AS VARCHAR)`
    case 'INT64':
      return `bq_json_of_int(${sql})`
    case 'FLOAT64':
      return `bq_json_of_float(${sql})`
    case 'NUMERIC':
      return `bq_json_of_numeric(CAST(${sql} AS VARCHAR))`
    case 'STRING':
      return `bq_json_of_string(${sql})`
    case 'BYTES':
      return `('"' || base64(${sql}) || '"')`
    case 'DATE':
      return `('"' || bq_date_to_string(epoch_us(CAST(${sql} AS TIMESTAMP))) || '"')`
    case 'TIMESTAMP':
      return `('"' || bq_timestamp_to_json(epoch_us(${sql})) || '"')`
    case 'DATETIME':
      return `('"' || replace(bq_datetime_to_string(epoch_us(${sql})), ' ', 'T') || '"')`
    case 'JSON':
      return sql
    case 'ARRAY': {
      const item = `e${depth}`
      const items = `list_transform(${sql}, lambda ${item}: coalesce(${jsonOf(item, type.element, depth + 1)}, 'null'))`
      return `('[' || array_to_string(${items}, ',') || ']')`
    }
    case 'STRUCT': {
      const members = type.fields.map((field, index) => {
        const member = jsonOf(`struct_extract(${sql}, 'f${index}')`, field.type, depth)
        return `${quote(`${jsonString(field.name ?? '')}:`)} || coalesce(${member}, 'null')`
      })
      return `CASE WHEN ${sql} IS NOT NULL THEN '{' || ${members.join(` || ',' || `)} || '}' END`
    }
    default:
      throw unsupported(`TO_JSON_STRING of ${typeName(type)}`)
  }
}
