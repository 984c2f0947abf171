import { noSignature, quote, typed, type Typed } from './analysis.ts'
import { balanced, bounded, once, tooDeep } from './bounds.ts'
import { explicitCast } from './cast.ts'
import { coerce, unify } from './coercion.ts'
import { SqlFailure, unsupported } from './failure.ts'
import { BOOL, BYTES, FLOAT64, INT64, isNumber, isOrderable, NUMERIC, STRING, typeName, type SqlType } from './types.ts'

/**
 * Operators by type. Where DuckDB's own operator differs (division by zero, NaN, overflow of
 * floating point, NUMERIC rounding) GoogleSQL's rule is written out.
 * https://cloud.google.com/bigquery/docs/reference/standard-sql/operators
 */
export function unary(operator: '-' | '+' | '~' | 'NOT', operand: Typed, at: number): Typed {
  if (operator === 'NOT') return typed(`(NOT ${boolean(operand, 'NOT').sql})`, BOOL, at, [operand])
  const fits = operator === '~' ? operand.type.kind === 'INT64' : isNumber(operand.type)
  if (!fits) throw noSignature(`operator ${operator}`, [operand], typeName, at)
  if (operator === '+') return operand
  return typed(`(${operator}(${operand.sql}))`, operand.type, at, [operand])
}

export function binary(operator: string, left: Typed, right: Typed, at: number): Typed {
  switch (operator) {
    case 'AND':
    case 'OR': {
      const [a, b] = [boolean(left, operator), boolean(right, operator)]
      return typed(`(${a.sql} ${operator} ${b.sql})`, BOOL, at, [a, b])
    }
    case '=':
    case '!=':
    case '<':
    case '>':
    case '<=':
    case '>=':
      return compare(operator, left, right, at)
    case 'IS DISTINCT FROM':
    case 'IS NOT DISTINCT FROM': {
      const { values } = unify([left, right], `operator ${operator}`, at)
      if (!isOrderable(values[0]!.type)) throw unsupported(`${operator} of ${typeName(left.type)}`, at)
      return typed(`(${values[0]!.sql} ${operator} ${values[1]!.sql})`, BOOL, at, values)
    }
    case '+':
    case '-':
    case '*':
      return arithmetic(operator, left, right, at)
    case '/':
      return divide(left, right, at)
    case '&':
    case '|':
    case '^':
    case '<<':
    case '>>':
      return bitwise(operator, left, right, at)
    default:
      throw unsupported(`operator ${operator}`, at)
  }
}

function boolean(value: Typed, operator: string): Typed {
  const converted = coerce(value, BOOL)
  if (!converted) throw noSignature(`operator ${operator}`, [value], typeName, value.at)
  return converted
}

/** Both operands as the widest of INT64, NUMERIC and FLOAT64. */
function numbers(
  what: string,
  left: Typed,
  right: Typed,
  at: number,
  least: SqlType,
): { type: SqlType; a: string; b: string } {
  refuseNullLiterals(what, [left, right], at)
  const usable = [left, right].every((value) => isNumber(value.type) || value.literal?.type === 'NULL')
  if (!usable) throw noSignature(what, [left, right], typeName, at)
  const { type, values } = unify([left, right], what, at)
  const wide = type.kind === 'INT64' && least.kind !== 'INT64' ? least : type
  const [a, b] = values.map((value) => coerce(value, wide)!.sql) as [string, string]
  return { type: wide, a, b }
}

/** BigQuery takes a literal NULL as an operand for a mistake. */
function refuseNullLiterals(what: string, operands: readonly Typed[], at: number): void {
  if (operands.some((operand) => operand.literal?.type === 'NULL')) {
    throw new SqlFailure(`Operands of ${what.replace('operator ', '')} cannot be literal NULL`, at)
  }
}

function arithmetic(operator: '+' | '-' | '*', left: Typed, right: Typed, at: number): Typed {
  const isDate = (value: Typed): boolean => ['DATE', 'TIMESTAMP', 'DATETIME', 'TIME'].includes(value.type.kind)
  if (isDate(left) || isDate(right)) throw unsupported(`operator ${operator} on dates and times`, at)
  const { type, a, b } = numbers(`operator ${operator}`, left, right, at, INT64)
  const plain = `(${a} ${operator} ${b})`
  const inputs = [left, right]
  if (type.kind === 'FLOAT64') return typed(`bq_finite${plain}`, type, at, inputs)
  if (type.kind === 'INT64') return typed(plain, type, at, inputs)
  if (operator === '*') {
    return typed(
      `CAST(bq_numeric_multiply(CAST(${a} AS VARCHAR), CAST(${b} AS VARCHAR)) AS DECIMAL(38,9))`,
      type,
      at,
      inputs,
    )
  }
  return typed(`CAST(${plain} AS DECIMAL(38,9))`, type, at, inputs)
}

/** Division never yields INT64; a zero divisor is an error. */
export function divide(left: Typed, right: Typed, at: number): Typed {
  const { type, a, b } = numbers('operator /', left, right, at, FLOAT64)
  if (type.kind === 'NUMERIC') {
    return typed(
      `CAST(bq_numeric_divide(CAST(${a} AS VARCHAR), CAST(${b} AS VARCHAR)) AS DECIMAL(38,9))`,
      NUMERIC,
      at,
      [left, right],
    )
  }
  const sql = once([a, b], (dividend, divisor) => `(${dividend} / ${notZero(divisor, dividend, '/', true)})`)
  return typed(`bq_finite(${sql})`, FLOAT64, at, [left, right])
}

/** The divisor, or BigQuery's error where it is zero. */
export function notZero(divisor: string, dividend: string, operator: '/' | 'MOD', isFloat: boolean): string {
  if (/^CAST\('?-?[1-9][\d.]*'? AS (BIGINT|DOUBLE)\)$/.test(divisor)) return divisor
  const shown = isFloat ? `bq_float_to_string(${dividend})` : `CAST(${dividend} AS VARCHAR)`
  const message =
    operator === '/'
      ? `'bq:division by zero: ' || ${shown} || ' / 0'`
      : `'bq:division by zero: MOD(' || ${shown} || ', 0)'`
  return `CASE WHEN ${divisor} = 0 AND ${dividend} IS NOT NULL THEN error(${message}) ELSE ${divisor} END`
}

function bitwise(operator: string, left: Typed, right: Typed, at: number): Typed {
  const [a, b] = [coerce(left, INT64), coerce(right, INT64)]
  if (!a || !b) throw noSignature(`operator ${operator}`, [left, right], typeName, at)
  if (operator === '<<' || operator === '>>') throw unsupported(`operator ${operator}`, at)
  const sql = operator === '^' ? `xor(${a.sql}, ${b.sql})` : `(${a.sql} ${operator} ${b.sql})`
  return typed(sql, INT64, at, [a, b])
}

/** A chain of `||`. */
export function concatenation(parts: Typed[], at: number): Typed {
  refuseNullLiterals('||', parts, at)
  return concatenate(parts, 'operator ||', at)
}

/** `||` and CONCAT: NULL if any part is. Beside a STRING, numbers and dates are written as text. */
export function concatenate(parts: Typed[], what: string, at: number): Typed {
  const known = parts.filter((part) => part.literal?.type !== 'NULL')
  const array = known.find((part) => part.type.kind === 'ARRAY')
  if (array) {
    const { type, values } = unify(parts, what, at)
    return typed(
      joined(values, (text) => `len(${text}) * ${ITEM_BYTES}`),
      type,
      at,
      values,
    )
  }
  const isBytes = known.length > 0 && known.every((part) => part.type.kind === 'BYTES')
  const target = isBytes ? BYTES : STRING
  const values = parts.map((part) => {
    if (
      part.type.kind === 'STRUCT' ||
      part.type.kind === 'GEOGRAPHY' ||
      part.type.kind === 'JSON' ||
      (!isBytes && part.type.kind === 'BYTES')
    ) {
      throw noSignature(what, parts, typeName, at)
    }
    return coerce(part, target) ?? explicitCast(part, target, false, at)
  })
  const length = isBytes ? 'octet_length' : 'strlen'
  return typed(
    joined(values, (text) => `${length}(${text})`),
    target,
    at,
    values,
  )
}

/** BigQuery has such a bound for `A || B || C || …`, which it does not document: https://cloud.google.com/bigquery/docs/troubleshoot-queries */
const MAX_PARTS = 1_000

/** What an element of a list takes at least. */
export const ITEM_BYTES = 16

function joined(values: readonly Typed[], size: (text: string) => string): string {
  if (values.length === 1) return values[0]!.sql
  if (values.length > MAX_PARTS) throw tooDeep(values[0]!.at)
  const texts = values.map((value) => value.sql)
  return once(texts, (...parts) =>
    bounded(
      balanced(parts, (left, right) => `(${left} || ${right})`),
      balanced(parts.map(size), (left, right) => `(${left} + ${right})`),
    ),
  )
}

type Comparison = '=' | '!=' | '<' | '>' | '<=' | '>='

export function compare(operator: Comparison, left: Typed, right: Typed, at: number): Typed {
  refuseNullLiterals(operator, [left, right], at)
  const { values } = unify([left, right], `operator ${operator}`, at)
  return typed(comparison(operator, values[0]!, values[1]!, at), BOOL, at, values)
}

/** Equality as CASE and NULLIF test it, which take a literal NULL. */
export function equality(left: Typed, right: Typed, what: string, at: number): Typed {
  const { values } = unify([left, right], what, at)
  return typed(comparison('=', values[0]!, values[1]!, at), BOOL, at, values)
}

/** The comparison of two values of one type. */
function comparison(operator: Comparison, a: Typed, b: Typed, at: number): string {
  const { type } = a
  if (type.kind === 'ARRAY' || type.kind === 'JSON' || type.kind === 'GEOGRAPHY') {
    const name = typeName(type)
    const message =
      operator === '='
        ? `Equality is not defined for arguments of type ${name}`
        : `${operator === '!=' ? 'Inequality' : operator === '<' || operator === '<=' ? 'Less than' : 'Greater than'} is not defined for arguments of type ${name}`
    throw new SqlFailure(message, at)
  }
  if (!isOrderable(type)) throw unsupported(`operator ${operator} of ${typeName(type)}`, at)
  if (type.kind !== 'FLOAT64') return `(${a.sql} ${operator} ${b.sql})`
  return once([a.sql, b.sql], (left, right) => floatComparison(operator, left, right))
}

/** A constant that is a number. */
const FINITE = /^CAST\('[-\d.e+]+' AS DOUBLE\)$/

/** Comparisons with NaN are false, except for `!=`; DuckDB treats NaN as the greatest value and equal to itself. */
function floatComparison(operator: Comparison, a: string, b: string): string {
  const isFinite = (sql: string): boolean => FINITE.test(sql)
  if (isFinite(b)) {
    return operator === '>' || operator === '>='
      ? `(${a} ${operator} ${b} AND NOT isnan(${a}))`
      : `(${a} ${operator} ${b})`
  }
  if (isFinite(a)) {
    return operator === '<' || operator === '<='
      ? `(${a} ${operator} ${b} AND NOT isnan(${b}))`
      : `(${a} ${operator} ${b})`
  }
  const nan = operator === '!=' ? 'true' : 'false'
  return (
    `CASE WHEN ${a} IS NULL OR ${b} IS NULL THEN NULL WHEN isnan(${a}) OR isnan(${b}) THEN ${nan} ` +
    `ELSE ${a} ${operator} ${b} END`
  )
}

export function between(operand: Typed, low: Typed, high: Typed, negated: boolean, at: number): Typed {
  const { values } = unify([operand, low, high], 'operator BETWEEN', at)
  const [value, least, most] = values as [Typed, Typed, Typed]
  if (value.volatile) throw unsupported('BETWEEN over an expression that differs with each evaluation', at)
  const inside = once([value.sql, least.sql, most.sql], (sql, from, to) => {
    const [middle, low, high] = [
      { ...value, sql },
      { ...least, sql: from },
      { ...most, sql: to },
    ]
    return `(${comparison('>=', middle, low, at)} AND ${comparison('<=', middle, high, at)})`
  })
  return typed(negated ? `(NOT ${inside})` : inside, BOOL, at, values)
}

export function inList(operand: Typed, items: Typed[], negated: boolean, at: number): Typed {
  const { type, values } = unify([operand, ...items], 'operator IN', at)
  const [value, ...list] = values as [Typed, ...Typed[]]
  // No constant is NaN, and DuckDB looks a value up in a list of them at once.
  const isPlain = type.kind === 'FLOAT64' && list.every(({ sql }) => FINITE.test(sql))
  if ((type.kind === 'FLOAT64' && !isPlain) || type.kind === 'STRUCT') {
    if (value.volatile) throw unsupported('IN over an expression that differs with each evaluation', at)
    const texts = [value, ...list].map(({ sql }) => sql)
    const any = once(texts, (operand, ...others) => {
      const tests = others.map((sql, index) =>
        comparison('=', { ...value, sql: operand }, { ...list[index]!, sql }, at),
      )
      return `(${tests.join(' OR ')})`
    })
    return typed(negated ? `(NOT ${any})` : any, BOOL, at, values)
  }
  if (!isOrderable(type)) throw unsupported(`IN of ${typeName(type)}`, at)
  return typed(
    `(${value.sql} ${negated ? 'NOT IN' : 'IN'} (${list.map((item) => item.sql).join(', ')}))`,
    BOOL,
    at,
    values,
  )
}

export function isTest(operand: Typed, what: 'NULL' | 'TRUE' | 'FALSE', negated: boolean, at: number): Typed {
  const value = what === 'NULL' ? operand : boolean(operand, `IS ${what}`)
  return typed(`(${value.sql} IS ${negated ? 'NOT ' : ''}${what})`, BOOL, at, [value])
}

export function like(operand: Typed, pattern: Typed, negated: boolean, at: number): Typed {
  refuseNullLiterals('LIKE', [operand, pattern], at)
  const [value, wanted] = [coerce(operand, STRING), coerce(pattern, STRING)]
  if (!value || !wanted) {
    if (operand.type.kind === 'BYTES') throw unsupported('LIKE of BYTES', at)
    throw noSignature('operator LIKE', [operand, pattern], typeName, at)
  }
  // DuckDB matches nothing where BigQuery refuses a backslash that escapes nothing.
  if (wanted.literal?.type !== 'STRING')
    throw unsupported('LIKE with a pattern that is not a literal or a parameter', pattern.at)
  if (/(?<!\\)(\\\\)*\\$/.test(wanted.literal.value)) throw new SqlFailure('LIKE pattern ends with a backslash')
  const inside = likePattern(value.sql, wanted.sql, wanted.literal.value)
  return typed(negated ? `(NOT ${inside})` : inside, BOOL, at, [value, wanted])
}

/** A prefix, a suffix, a part or the whole, which DuckDB finds in one pass. */
const SIMPLE_PATTERN = /^%?(?:[^%_\\]|\\[^])*%?$/

/** For any other pattern DuckDB tries every place for every `%`, which may take it years; a regular expression of RE2 does not. */
function likePattern(sql: string, pattern: string, text: string): string {
  if (SIMPLE_PATTERN.test(text)) return `(${sql} LIKE ${pattern} ESCAPE '\\')`
  const expression = text.replaceAll(/\\([^])|([^])/g, (_, escaped?: string, plain?: string) => {
    if (plain === '%') return '.*'
    if (plain === '_') return '.'
    return (escaped ?? plain)!.replace(/[\\^$.|?*+()[\]{}]/, String.raw`\$&`)
  })
  return `regexp_full_match(${sql}, ${quote(expression)}, 's')`
}
