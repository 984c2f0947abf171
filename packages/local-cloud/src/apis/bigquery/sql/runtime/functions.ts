import {
  BIGINT,
  BLOB,
  BOOLEAN,
  DOUBLE,
  DuckDBListValue,
  LIST,
  VARCHAR,
  DuckDBBlobValue,
  type DuckDBConnection,
  type DuckDBType,
  type DuckDBValue,
} from '@duckdb/node-api'
import { fingerprint64 } from 'farmhash-modern'
import { floatText, parseFloat64, parseInt64 } from './float-text.ts'
import { jsonElement, jsonMember, jsonQuery, jsonQueryArray, jsonType, jsonValue, jsonValueArray } from './json-path.ts'
import { canonicalJson, jsonString } from './json-document.ts'
import { dividedRounded, numericProduct, numericQuotient, parseNumeric, scaledDecimal } from './numeric-text.ts'
import { canonicalPoint, pointCoordinates, pointText, wkbPoint } from './points.ts'
import { define, register, type Definition } from './scalar-function.ts'
import { seriesEnd, seriesLength } from './series.ts'
import { pad, repeat, replace, reverse, right, substr, trimEnd, trimSet, trimStart } from './strings.ts'
import {
  dateText,
  datetimeText,
  MAX_MICROS,
  MIN_MICROS,
  parseDate,
  parseDatetime,
  parseTime,
  parseTimestamp,
  timestampToText,
  timeText,
} from './time-text.ts'
import { formatTime } from './time-format.ts'

/** Conversions: undefined means that the value has none, which is an error for CAST and NULL for SAFE_CAST. */
const conversions: Record<string, Definition & { message: (value: unknown) => string }> = {
  float_to_int: convert(DOUBLE, BIGINT, floatToInt, (value) =>
    Number.isFinite(value)
      ? `int64 out of range: ${floatText(value as number)}`
      : `Illegal conversion of non-finite floating point number to an integer: ${floatText(value as number)}`,
  ),
  float_to_numeric: convert(
    DOUBLE,
    VARCHAR,
    (value: number) => (Number.isFinite(value) ? parseNumeric(exactText(value), 'NUMERIC') : undefined),
    (value) => `Invalid NUMERIC value: ${floatText(value as number)}`,
  ),
  float_to_string: convert(DOUBLE, VARCHAR, floatText, String),
  numeric_to_int: convert(VARCHAR, BIGINT, numericToInt, (value) => `int64 out of range: ${String(value)}`),
  string_to_int: convert(VARCHAR, BIGINT, parseInt64, (value) => `Bad int64 value: ${String(value)}`),
  string_to_float: convert(VARCHAR, DOUBLE, parseFloat64, (value) => `Bad double value: ${String(value)}`),
  string_to_numeric: convert(
    VARCHAR,
    VARCHAR,
    (text: string) => parseNumeric(text, 'NUMERIC'),
    (value) => `Invalid NUMERIC value: ${String(value)}`,
  ),
  string_to_bool: convert(VARCHAR, BOOLEAN, parseBool, (value) => `Bad bool value: ${String(value)}`),
  string_to_date: convert(
    VARCHAR,
    VARCHAR,
    (text: string) => parseDate(text.trim()),
    (value) => `Invalid date: '${String(value)}'`,
  ),
  string_to_datetime: convert(VARCHAR, BIGINT, parseDatetime, (value) => `Invalid datetime string "${String(value)}"`),
  string_to_time: convert(VARCHAR, VARCHAR, parseTime, (value) => `Invalid time string "${String(value)}"`),
  string_to_timestamp: convert(
    VARCHAR,
    BIGINT,
    (text: string) => parseTimestamp(withoutNamedZone(text)),
    (value) => `Invalid timestamp: '${String(value)}'`,
  ),
  bytes_to_string: convert(BLOB, VARCHAR, bytesToString, () => 'Invalid cast of bytes to UTF8 string'),
}

function convert(
  from: DuckDBType,
  to: DuckDBType,
  evaluate: Definition['evaluate'],
  message: (value: unknown) => string,
): Definition & { message: (value: unknown) => string } {
  return { ...define([from], to, evaluate), message }
}

const MAX_INT64 = 2n ** 63n - 1n
const MIN_INT64 = -(2n ** 63n)

/** Half away from zero. */
function floatToInt(value: number): bigint | undefined {
  if (!Number.isFinite(value)) return undefined
  const rounded = BigInt(Math.sign(value)) * BigInt(roundHalfUp(Math.abs(value)))
  return rounded <= MAX_INT64 && rounded >= MIN_INT64 ? rounded : undefined
}

function roundHalfUp(magnitude: number): number {
  const floor = Math.floor(magnitude)
  return magnitude - floor >= 0.5 ? floor + 1 : floor
}

function numericToInt(text: string): bigint | undefined {
  const rounded = dividedRounded(scaledDecimal(text, 'NUMERIC')!, 10n ** 9n)
  return rounded <= MAX_INT64 && rounded >= MIN_INT64 ? rounded : undefined
}

/** All decimal digits of a FLOAT64. */
function exactText(value: number): string {
  const text = String(value)
  return text.includes('e') ? text : value.toFixed(Math.min(100, 30))
}

function parseBool(text: string): boolean | undefined {
  const lower = text.toLowerCase()
  return lower === 'true' ? true : lower === 'false' ? false : undefined
}

/** A zone by name would need its history; it is refused, not treated as an invalid timestamp. */
function withoutNamedZone(text: string): string {
  if (/ (?!utc$)[a-z]+\/[a-z_/+-]+$/i.test(text.trim()) || / (?!utc$)[a-z]{3,}\d*$/i.test(text.trim())) {
    throw new Error(
      `bq:a time zone by name in a timestamp's text (${text}) is not emulated by the local cloud; see packages/local-cloud/docs/emulator-support.md`,
    )
  }
  return text
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function bytesToString(value: DuckDBBlobValue): string | undefined {
  try {
    return decoder.decode(value.bytes)
  } catch (error) {
    if (error instanceof TypeError) return undefined
    throw error
  }
}

function finite(value: number): number {
  if (value === Infinity || value === -Infinity) throw new Error('bq:double overflow')
  return value
}

/** BigQuery raises an error where a function has no value; NaN stays NaN. */
const math =
  (evaluate: (x: number, y?: number) => number, name: string) =>
  (x: number, y?: number): number => {
    const value = evaluate(x, y)
    const isWrong =
      (Number.isNaN(value) && !Number.isNaN(x) && !Number.isNaN(y ?? 0)) ||
      (!Number.isFinite(value) && !Number.isNaN(value) && Number.isFinite(x))
    if (isWrong)
      throw new Error(
        `bq:Floating point error in function: ${name}(${[x, y].filter((arg) => arg !== undefined).join(', ')})`,
      )
    return value
  }

function checkedMicros(micros: bigint): bigint {
  if (micros < MIN_MICROS || micros > MAX_MICROS) throw new Error(`bq:timestamp overflow: ${micros} microseconds`)
  return micros
}

function intDivide(x: bigint, y: bigint): bigint {
  if (y === 0n) throw new Error(`bq:division by zero: ${x} / ${y}`)
  const quotient = x / y
  if (quotient > MAX_INT64) throw new Error(`bq:int64 overflow: DIV(${x}, ${y})`)
  return quotient
}

function floorDivide(x: bigint, y: bigint): bigint {
  return (x - (((x % y) + y) % y)) / y
}

function parsedPoint(text: string): string {
  const point = canonicalPoint(text)
  if (point === undefined)
    throw new Error(
      'bq:ST_GeogFromText of anything but a point is not emulated by the local cloud; see packages/local-cloud/docs/emulator-support.md',
    )
  return point
}

function xOrY(text: string, index: 0 | 1): number | undefined {
  return text === 'POINT EMPTY' ? undefined : pointCoordinates(text)?.[index]
}

function parsedJson(text: string): string {
  const json = canonicalJson(text)
  if (json === undefined) throw new Error(`bq:Invalid input to PARSE_JSON: ${text.slice(0, 100)}`)
  return json
}

/** Numbers that a FLOAT64 cannot keep are written as strings. */
function numericJson(value: string): string {
  const text = parseNumeric(value, 'NUMERIC')!
  return /^-?\d+$/.test(text) &&
    Math.abs(Number(text)) <= 2 ** 53 &&
    BigInt(text) <= 2n ** 53n &&
    BigInt(text) >= -(2n ** 53n)
    ? text
    : `"${text}"`
}

/** Rounds the exact value, half away from zero. */
function roundTo(x: number, digits: bigint): number {
  if (!Number.isFinite(x) || digits > 100n) return x
  const magnitude = Math.abs(x)
  if (digits >= 0n) return Math.sign(x) * Number(magnitude.toFixed(Number(digits)))
  if (digits < -309n) return 0
  const unit = 10n ** -digits
  const whole = BigInt(Math.floor(magnitude))
  return Math.sign(x) * Number(((whole * 2n + unit) / (unit * 2n)) * unit)
}

const text = [VARCHAR]
const texts = [VARCHAR, VARCHAR]
const list = (values: string[] | undefined): DuckDBValue => (values === undefined ? null : new DuckDBListValue(values))

const functions: Record<string, Definition> = {
  // What DuckDB's own functions are about to make, counted beforehand.
  within: { ...define([BIGINT], BOOLEAN, () => true), bytes: (size: bigint) => Number(size) },
  series_end: {
    ...define([BIGINT, BIGINT, BIGINT], BIGINT, seriesEnd),
    bytes: (from: bigint, to: bigint, step: bigint) => 8 * seriesLength(from, to, step),
  },
  farm_string: define(text, BIGINT, (value: string) => BigInt.asIntN(64, fingerprint64(value))),
  farm_bytes: define([BLOB], BIGINT, (value: DuckDBBlobValue) => BigInt.asIntN(64, fingerprint64(value.bytes))),
  finite: define([DOUBLE], DOUBLE, finite),
  safe_finite: define([DOUBLE], DOUBLE, (value: number) => (Math.abs(value) === Infinity ? undefined : value)),
  ieee_divide: define([DOUBLE, DOUBLE], DOUBLE, (x: number, y: number) => x / y),
  int_divide: define([BIGINT, BIGINT], BIGINT, intDivide),
  floor_divide: define([BIGINT, BIGINT], BIGINT, floorDivide),
  numeric_multiply: define(texts, VARCHAR, numericProduct),
  numeric_divide: define(texts, VARCHAR, numericQuotient),
  numeric_to_string: define(text, VARCHAR, (value: string) => parseNumeric(value, 'NUMERIC')),
  round: define([DOUBLE, BIGINT], DOUBLE, roundTo),
  sqrt: define(
    [DOUBLE],
    DOUBLE,
    math((x) => Math.sqrt(x), 'SQRT'),
  ),
  pow: define(
    [DOUBLE, DOUBLE],
    DOUBLE,
    math((x, y) => x ** y!, 'POW'),
  ),
  exp: define(
    [DOUBLE],
    DOUBLE,
    math((x) => Math.exp(x), 'EXP'),
  ),
  ln: define(
    [DOUBLE],
    DOUBLE,
    math((x) => Math.log(x), 'LN'),
  ),
  log10: define(
    [DOUBLE],
    DOUBLE,
    math((x) => Math.log10(x), 'LOG10'),
  ),
  lower: define(text, VARCHAR, (value: string) => value.toLowerCase()),
  upper: define(text, VARCHAR, (value: string) => value.toUpperCase()),
  trim: define(text, VARCHAR, (value: string) => trimEnd(trimStart(value))),
  ltrim: define(text, VARCHAR, trimStart),
  rtrim: define(text, VARCHAR, trimEnd),
  trim_set: define(texts, VARCHAR, (value: string, set: string) => trimSet(value, set, 'both')),
  ltrim_set: define(texts, VARCHAR, (value: string, set: string) => trimSet(value, set, 'start')),
  rtrim_set: define(texts, VARCHAR, (value: string, set: string) => trimSet(value, set, 'end')),
  substr: define([VARCHAR, BIGINT, BIGINT], VARCHAR, substr),
  right: define([VARCHAR, BIGINT], VARCHAR, right),
  repeat: define([VARCHAR, BIGINT], VARCHAR, repeat),
  reverse: define(text, VARCHAR, reverse),
  replace: define([VARCHAR, VARCHAR, VARCHAR], VARCHAR, replace),
  lpad: define([VARCHAR, BIGINT, VARCHAR], VARCHAR, (value: string, length: bigint, pattern: string) =>
    pad(value, length, pattern, 'left'),
  ),
  rpad: define([VARCHAR, BIGINT, VARCHAR], VARCHAR, (value: string, length: bigint, pattern: string) =>
    pad(value, length, pattern, 'right'),
  ),
  date_to_string: define([BIGINT], VARCHAR, dateText),
  datetime_to_string: define([BIGINT], VARCHAR, (micros: bigint) => datetimeText(micros)),
  time_to_string: define([BIGINT], VARCHAR, timeText),
  timestamp_to_string: define([BIGINT], VARCHAR, timestampToText),
  timestamp_to_json: define([BIGINT], VARCHAR, (micros: bigint) => `${datetimeText(micros, 'T')}Z`),
  format_time: define([VARCHAR, BIGINT], VARCHAR, formatTime),
  check_micros: define([BIGINT], BIGINT, checkedMicros),
  json_value: define(texts, VARCHAR, jsonValue),
  json_query: define(texts, VARCHAR, (document: string, path: string) => jsonQuery(document, path, true)),
  json_query_text: define(texts, VARCHAR, (document: string, path: string) => jsonQuery(document, path, false)),
  json_query_array: define(texts, LIST(VARCHAR), (document: string, path: string) =>
    list(jsonQueryArray(document, path)),
  ),
  json_value_array: define(texts, LIST(VARCHAR), (document: string, path: string) =>
    list(jsonValueArray(document, path)),
  ),
  json_member: define(texts, VARCHAR, jsonMember),
  json_element: define([VARCHAR, BIGINT], VARCHAR, jsonElement),
  json_type: define(text, VARCHAR, jsonType),
  parse_json: define(text, VARCHAR, parsedJson),
  json_of_string: define(text, VARCHAR, jsonString),
  json_of_float: define([DOUBLE], VARCHAR, (value: number) =>
    Number.isFinite(value)
      ? floatText(value)
      : `"${Number.isNaN(value) ? 'NaN' : value > 0 ? 'Infinity' : '-Infinity'}"`,
  ),
  json_of_int: define([BIGINT], VARCHAR, (value: bigint) =>
    value > 2n ** 53n || value < -(2n ** 53n) ? `"${value}"` : String(value),
  ),
  json_of_numeric: define(text, VARCHAR, numericJson),
  geogpoint: define([DOUBLE, DOUBLE], VARCHAR, pointText),
  geogfromtext: define(text, VARCHAR, parsedPoint),
  geogfromwkb: define([BLOB], VARCHAR, (value: DuckDBBlobValue) => {
    const point = wkbPoint(value.bytes)
    if (point === undefined) throw new Error('bq:ST_GeogFromWKB failed: the bytes are no point on Earth in WKB')
    return point
  }),
  safe_geogfromwkb: define([BLOB], VARCHAR, (value: DuckDBBlobValue) => wkbPoint(value.bytes)),
  from_hex: define(text, BLOB, (digits: string) => {
    // The words of `FromHex` in google/googlesql, `functions/string.cc`.
    const offset = digits.search(/[^0-9a-f]/i)
    if (offset >= 0)
      throw new Error(`bq:Failed to decode invalid hexadecimal string due to character at offset ${offset}: ${digits}`)
    return new DuckDBBlobValue(Buffer.from(digits.length % 2 === 1 ? `0${digits}` : digits, 'hex'))
  }),
  st_x: define(text, DOUBLE, (point: string) => xOrY(point, 0)),
  st_y: define(text, DOUBLE, (point: string) => xOrY(point, 1)),
}

/** Makes every function known to the database as `bq_<name>`; all of its connections see them. */
export function registerFunctions(connection: DuckDBConnection): void {
  for (const [name, definition] of Object.entries(functions)) register(connection, `bq_${name}`, definition)
  for (const [name, { message, ...definition }] of Object.entries(conversions)) {
    register(connection, `bq_safe_${name}`, definition)
    register(connection, `bq_${name}`, {
      ...definition,
      evaluate: (value: unknown) => {
        const converted = definition.evaluate(value)
        if (converted === undefined) throw new Error(`bq:${message(value)}`)
        return converted
      },
    })
  }
}
