import { GoogleError } from '../../kernel/errors.ts'
import { typed, type Typed } from './sql/analysis.ts'
import { structOf } from './sql/analyze-constructors.ts'
import { constants, fromText, literal } from './sql/literals.ts'
import { microsecondText } from './sql/runtime/time-text.ts'
import { parseFloat64, parseInt64 } from './sql/runtime/float-text.ts'
import { canonicalPoint } from './sql/runtime/points.ts'
import { arrayOf, duckType, scalarByName, typeName, type SqlType } from './sql/types.ts'

/** https://cloud.google.com/bigquery/docs/reference/rest/v2/QueryParameter */
interface ParameterType {
  type: string
  arrayType?: ParameterType
  structTypes?: { name?: string; type: ParameterType }[]
}

interface ParameterValue {
  value?: string | null
  arrayValues?: ParameterValue[]
  structValues?: Record<string, ParameterValue>
}

interface QueryParameter {
  name?: string
  parameterType?: ParameterType
  parameterValue?: ParameterValue
}

const invalid = (message: string): GoogleError =>
  new GoogleError('INVALID_ARGUMENT', message, { reason: 'invalidQuery', location: 'query' })

/** Query parameters as typed constants: by name, or in order. */
export function parseParameters(value: unknown, mode: unknown): { named: Map<string, Typed>; positional: Typed[] } {
  const parameters = (value ?? []) as QueryParameter[]
  const named = new Map<string, Typed>()
  const positional: Typed[] = []
  for (const [index, parameter] of parameters.entries()) {
    const what = parameter.name ? `@${parameter.name}` : `number ${index + 1}`
    if (!parameter.parameterType) throw invalid(`Query parameter ${what} has no type`)
    const constant = parameterValue(parameterType(parameter.parameterType, what), parameter.parameterValue ?? {}, what)
    if (parameter.name) named.set(parameter.name.toLowerCase(), constant)
    else positional.push(constant)
  }
  if (named.size > 0 && positional.length > 0)
    throw invalid('Query parameters must be either all named or all positional')
  if (typeof mode === 'string' && mode.toUpperCase() === 'POSITIONAL' && named.size > 0)
    throw invalid('Named parameters in a query whose parameterMode is POSITIONAL')
  return { named, positional }
}

function parameterType(type: ParameterType, what: string): SqlType {
  const name = String(type.type).toUpperCase()
  if (name === 'ARRAY') {
    if (!type.arrayType) throw invalid(`Query parameter ${what} has no element type`)
    return arrayOf(parameterType(type.arrayType, what))
  }
  if (name === 'STRUCT') {
    return {
      kind: 'STRUCT',
      fields: (type.structTypes ?? []).map((field) => ({
        name: field.name || null,
        type: parameterType(field.type, what),
      })),
    }
  }
  const scalar = scalarByName(name === 'FLOAT' ? 'FLOAT64' : name)
  if (!scalar) throw invalid(`Invalid type of query parameter ${what}: ${String(type.type)}`)
  return scalar
}

function parameterValue(type: SqlType, value: ParameterValue, what: string): Typed {
  if (type.kind === 'ARRAY') {
    const items = (value.arrayValues ?? []).map((item) => parameterValue(type.element, item, what))
    if (items.length === 0) return typed(`CAST([] AS ${duckType(type)})`, type, 0)
    return typed(`[${items.map((item) => item.sql).join(', ')}]`, type, 0)
  }
  if (type.kind === 'STRUCT') {
    if (!value.structValues) return typed(constants.null(type), type, 0)
    const values = type.fields.map((field, index) =>
      parameterValue(field.type, value.structValues?.[field.name ?? String(index)] ?? {}, what),
    )
    return structOf(type.fields, values, 0)
  }
  const text: unknown = value.value
  if (text === undefined || text === null) return typed(constants.null(type), type, 0)
  const constant = typeof text === 'object' ? undefined : scalar(String(text), type)
  if (!constant)
    throw invalid(
      `Invalid value for type: ${typeName(type)} is not a valid value for query parameter ${what}: ${JSON.stringify(text)}`,
    )
  return constant
}

function scalar(text: string, type: SqlType): Typed | undefined {
  switch (type.kind) {
    case 'STRING':
      return literal({ type: 'STRING', value: text }, 0)
    case 'INT64': {
      const value = parseInt64(text)
      return value === undefined ? undefined : literal({ type: 'INT64', value }, 0)
    }
    case 'FLOAT64': {
      const value = parseFloat64(text)
      if (value === undefined) return undefined
      return Number.isFinite(value)
        ? literal({ type: 'FLOAT64', value, text: String(value) }, 0)
        : typed(constants.float64(value), type, 0)
    }
    case 'BOOL':
      return /^(true|false)$/i.test(text) ? literal({ type: 'BOOL', value: /^true$/i.test(text) }, 0) : undefined
    case 'BYTES':
      return literal({ type: 'BYTES', value: Buffer.from(text, 'base64') }, 0)
    case 'GEOGRAPHY': {
      const point = canonicalPoint(text)
      return point === undefined ? undefined : typed(fromText(point, type)!, type, 0)
    }
    default: {
      const sql = fromText(type.kind === 'TIMESTAMP' ? microsecondText(text) : text, type)
      return sql === undefined ? undefined : typed(sql, type, 0)
    }
  }
}
