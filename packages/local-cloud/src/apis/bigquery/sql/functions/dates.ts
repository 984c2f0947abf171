import { quote, typed, type Typed } from '../analysis.ts'
import { coerce } from '../coercion.ts'
import { explicitCast } from '../cast.ts'
import { SqlFailure, unsupported } from '../failure.ts'
import { constants } from '../literals.ts'
import { unknownFormatElement } from '../runtime/time-format.ts'
import { DATE, DATETIME, INT64, STRING, TIMESTAMP, TIME, typeName, type ScalarType } from '../types.ts'
import { FIXED_PARTS, instant, localTime, operand, partOf, truncated, weekShift, zoneArgument } from './date-parts.ts'
import { signature, type PlainFunctions, type SpecialFunction, type SpecialFunctions } from './signature.ts'

const fromEpoch =
  (unit: bigint) =>
  ([count]: readonly string[]): string =>
    `make_timestamp(bq_check_micros(${count} * CAST(${unit} AS BIGINT)))`
const toEpoch =
  (unit: bigint) =>
  ([time]: readonly string[]): string =>
    `bq_floor_divide(epoch_us(${time}), CAST(${unit} AS BIGINT))`

/** https://cloud.google.com/bigquery/docs/reference/standard-sql/timestamp_functions */
export const dates: PlainFunctions = {
  TIMESTAMP_SECONDS: [signature([INT64], TIMESTAMP, fromEpoch(1_000_000n))],
  TIMESTAMP_MILLIS: [signature([INT64], TIMESTAMP, fromEpoch(1000n))],
  TIMESTAMP_MICROS: [signature([INT64], TIMESTAMP, fromEpoch(1n))],
  UNIX_SECONDS: [signature([TIMESTAMP], INT64, toEpoch(1_000_000n))],
  UNIX_MILLIS: [signature([TIMESTAMP], INT64, toEpoch(1000n))],
  UNIX_MICROS: [signature([TIMESTAMP], INT64, ([time]) => `epoch_us(${time})`)],
  UNIX_DATE: [signature([DATE], INT64, ([date]) => `CAST(date_diff('day', DATE '1970-01-01', ${date}) AS BIGINT)`)],
}

/** `F(value, INTERVAL n PART)`, forwards or backwards. */
const shifted =
  (type: ScalarType, sign: 1 | -1, parts: readonly string[]): SpecialFunction =>
  (call, at, place) => {
    const value = coerce(operand(call.args[0], call.name, at, place), type)
    const interval = call.args[1]?.value
    if (!value || interval?.kind !== 'interval' || call.args.length !== 2) {
      throw new SqlFailure(`No matching signature for function ${call.name}`, at)
    }
    const amount = coerce(place.analysis.rules.expression(interval.amount, place), INT64)
    if (!amount) throw new SqlFailure('Interval value must be coercible to INT64 type', interval.at)
    if (!parts.includes(interval.part)) {
      throw new SqlFailure(`${call.name} does not support the ${interval.part} date part`, interval.at)
    }
    const count = sign === 1 ? amount.sql : `(-(${amount.sql}))`
    const base = type.kind === 'DATE' ? `CAST(${value.sql} AS TIMESTAMP)` : value.sql
    const unit = FIXED_PARTS[interval.part] ?? (interval.part === 'WEEK' ? FIXED_PARTS['DAY']! * 7n : undefined)
    const months = { MONTH: 1, QUARTER: 3, YEAR: 12 }[interval.part]
    const micros = unit
      ? `epoch_us(${base}) + ${count} * CAST(${unit} AS BIGINT)`
      : `epoch_us(${base} + to_months(CAST(${count} * ${months} AS INTEGER)))`
    const time = `make_timestamp(bq_check_micros(${micros}))`
    return typed(type.kind === 'DATE' ? `CAST(${time} AS DATE)` : time, type, at, [value, amount])
  }

const TIMESTAMP_PARTS = ['MICROSECOND', 'MILLISECOND', 'SECOND', 'MINUTE', 'HOUR', 'DAY']
const DATE_PARTS = ['DAY', 'WEEK', 'MONTH', 'QUARTER', 'YEAR']

const difference =
  (type: ScalarType): SpecialFunction =>
  (call, at, place) => {
    const [left, right] = [0, 1].map((index) => coerce(operand(call.args[index], call.name, at, place), type)) as [
      Typed,
      Typed,
    ]
    if (!left || !right) throw new SqlFailure(`No matching signature for function ${call.name}`, at)
    const part = partOf(call.args[2], call.name, at)
    const inputs = [left, right]
    const unit = FIXED_PARTS[part]
    if (type.kind === 'TIMESTAMP') {
      if (!unit) throw new SqlFailure(`TIMESTAMP_DIFF does not support the ${part} date part`, at)
      return typed(
        `bq_int_divide(epoch_us(${left.sql}) - epoch_us(${right.sql}), CAST(${unit} AS BIGINT))`,
        INT64,
        at,
        inputs,
      )
    }
    const shift = weekShift(part)
    if (shift !== undefined) {
      // 1970-01-01 was a Thursday: three days into a week that begins on Monday.
      const [a, b] = inputs.map(
        (value) =>
          `bq_floor_divide(date_diff('day', DATE '1970-01-01', CAST(${value.sql} AS DATE)) + ${3 + shift}, CAST(7 AS BIGINT))`,
      )
      return typed(`(${a} - ${b})`, INT64, at, inputs)
    }
    const known =
      type.kind === 'DATE'
        ? ['DAY', 'MONTH', 'QUARTER', 'YEAR', 'ISOYEAR']
        : [...TIMESTAMP_PARTS, 'MONTH', 'QUARTER', 'YEAR', 'ISOYEAR']
    if (!known.includes(part)) throw new SqlFailure(`${call.name} does not support the ${part} date part`, at)
    return typed(`CAST(date_diff('${part.toLowerCase()}', ${right.sql}, ${left.sql}) AS BIGINT)`, INT64, at, inputs)
  }

const truncation =
  (type: ScalarType): SpecialFunction =>
  (call, at, place) => {
    const value = coerce(operand(call.args[0], call.name, at, place), type)
    if (!value) throw new SqlFailure(`No matching signature for function ${call.name}`, at)
    const part = partOf(call.args[1], call.name, at)
    const zone = zoneArgument(call.args[2], place)
    if (type.kind === 'TIMESTAMP') {
      return typed(instant(truncated(localTime(value.sql, zone), part, at), zone), type, at, [value])
    }
    if (type.kind === 'DATE' && TIMESTAMP_PARTS.slice(0, 5).includes(part)) {
      throw new SqlFailure(`DATE_TRUNC does not support the ${part} date part`, at)
    }
    const base = type.kind === 'DATE' ? `CAST(${value.sql} AS TIMESTAMP)` : value.sql
    const sql = truncated(base, part, at)
    return typed(type.kind === 'DATE' ? `CAST(${sql} AS DATE)` : sql, type, at, [value])
  }

const format =
  (type: ScalarType): SpecialFunction =>
  (call, at, place) => {
    const pattern = operand(call.args[0], call.name, at, place)
    const value = coerce(operand(call.args[1], call.name, at, place), type)
    if (!value || pattern.type.kind !== 'STRING')
      throw new SqlFailure(`No matching signature for function ${call.name}`, at)
    if (pattern.literal?.type !== 'STRING')
      throw unsupported(`${call.name} with a format that is not a literal or a parameter`, at)
    const unknown = unknownFormatElement(pattern.literal.value, type.kind)
    if (unknown) throw unsupported(`the format element ${unknown} of ${call.name}`, pattern.at)
    const zone = zoneArgument(call.args[2], place)
    if (zone && localTime('x', zone) !== 'x' && /%[zZsc]/.test(pattern.literal.value)) {
      throw unsupported(`zone-dependent elements of ${call.name} in a zone other than UTC`, at)
    }
    const time = type.kind === 'DATE' ? `CAST(${value.sql} AS TIMESTAMP)` : localTime(value.sql, zone)
    return typed(`bq_format_time(${quote(pattern.literal.value)}, epoch_us(${time}))`, STRING, at, [value])
  }

const now =
  (type: ScalarType, cast: string): SpecialFunction =>
  (call, at, place) => {
    const zone = zoneArgument(call.args[0], place)
    if (zone && type.kind === 'TIMESTAMP')
      throw new SqlFailure('No matching signature for function CURRENT_TIMESTAMP', at)
    const local = localTime(constants.micros(place.analysis.nowMicros), zone)
    return typed(cast ? `CAST(${local} AS ${cast})` : local, type, at)
  }

export const dateSpecials: SpecialFunctions = {
  CURRENT_TIMESTAMP: now(TIMESTAMP, ''),
  CURRENT_DATE: now(DATE, 'DATE'),
  CURRENT_DATETIME: now(DATETIME, ''),
  CURRENT_TIME: now(TIME, 'TIME'),
  TIMESTAMP_ADD: shifted(TIMESTAMP, 1, TIMESTAMP_PARTS),
  TIMESTAMP_SUB: shifted(TIMESTAMP, -1, TIMESTAMP_PARTS),
  DATE_ADD: shifted(DATE, 1, DATE_PARTS),
  DATE_SUB: shifted(DATE, -1, DATE_PARTS),
  DATETIME_ADD: shifted(DATETIME, 1, [...TIMESTAMP_PARTS, ...DATE_PARTS]),
  DATETIME_SUB: shifted(DATETIME, -1, [...TIMESTAMP_PARTS, ...DATE_PARTS]),
  TIMESTAMP_DIFF: difference(TIMESTAMP),
  DATE_DIFF: difference(DATE),
  DATETIME_DIFF: difference(DATETIME),
  TIMESTAMP_TRUNC: truncation(TIMESTAMP),
  DATE_TRUNC: truncation(DATE),
  DATETIME_TRUNC: truncation(DATETIME),
  FORMAT_TIMESTAMP: format(TIMESTAMP),
  FORMAT_DATE: format(DATE),
  FORMAT_DATETIME: format(DATETIME),
  TIMESTAMP: (call, at, place) => {
    const value = operand(call.args[0], 'TIMESTAMP', at, place)
    const zone = zoneArgument(call.args[1], place)
    if (value.type.kind === 'STRING' && zone && localTime('x', zone) !== 'x')
      throw unsupported('TIMESTAMP(text, zone) in a zone other than UTC', at)
    if (!['STRING', 'DATE', 'DATETIME', 'TIMESTAMP'].includes(value.type.kind)) {
      throw new SqlFailure(
        `No matching signature for function TIMESTAMP for argument types: ${typeName(value.type)}`,
        at,
      )
    }
    const time = explicitCast(value, TIMESTAMP, false, at)
    return value.type.kind === 'DATE' || value.type.kind === 'DATETIME'
      ? typed(instant(time.sql, zone), TIMESTAMP, at, [value])
      : time
  },
  DATE: (call, at, place) => {
    const args = call.args.map((arg) => place.analysis.rules.expression(arg.value, place))
    const [value, second] = args
    if (args.length === 3) {
      const parts = args.map((arg) => coerce(arg, INT64))
      if (parts.includes(undefined)) throw new SqlFailure('No matching signature for function DATE', at)
      return typed(`make_date(${parts.map((part) => part!.sql).join(', ')})`, DATE, at, args)
    }
    if (
      !value ||
      !['TIMESTAMP', 'DATETIME', 'DATE', 'STRING'].includes(value.type.kind) ||
      (second && value.type.kind !== 'TIMESTAMP')
    ) {
      throw new SqlFailure('No matching signature for function DATE', at)
    }
    if (value.type.kind !== 'TIMESTAMP') return explicitCast(value, DATE, false, at)
    return typed(`CAST(${localTime(value.sql, second)} AS DATE)`, DATE, at, [value])
  },
  DATETIME: (call, at, place) => {
    const value = operand(call.args[0], 'DATETIME', at, place)
    const zone = zoneArgument(call.args[1], place)
    if (call.args.length > 2) throw unsupported(`DATETIME of ${call.args.length} arguments`, at)
    if (value.type.kind !== 'TIMESTAMP') return explicitCast(value, DATETIME, false, at)
    return typed(localTime(value.sql, zone), DATETIME, at, [value])
  },
  STRING: (call, at, place) => {
    const value = operand(call.args[0], 'STRING', at, place)
    if (call.args.length > 1 || !['TIMESTAMP', 'DATE', 'DATETIME', 'TIME'].includes(value.type.kind)) {
      throw unsupported(`STRING of ${typeName(value.type)}`, at)
    }
    return explicitCast(value, STRING, false, at)
  },
}
