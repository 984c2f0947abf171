import { typed, type Place, type Typed } from '../analysis.ts'
import { coerce } from '../coercion.ts'
import { SqlFailure, unsupported } from '../failure.ts'
import type { Argument } from '../syntax.ts'
import { DATE, DATETIME, INT64, STRING, TIME, typeName } from '../types.ts'

/** Microseconds of the parts that always last the same. */
export const FIXED_PARTS: Record<string, bigint> = {
  MICROSECOND: 1n,
  MILLISECOND: 1000n,
  SECOND: 1_000_000n,
  MINUTE: 60_000_000n,
  HOUR: 3_600_000_000n,
  DAY: 86_400_000_000n,
}

const WEEKDAYS = ['SUNDAY', 'MONDAY', 'TUESDAY', 'WEDNESDAY', 'THURSDAY', 'FRIDAY', 'SATURDAY']

/** The date part an argument names. */
export function partOf(argument: Argument | undefined, name: string, at: number): string {
  if (!argument?.part)
    throw new SqlFailure(
      `A valid date part name is required but found none for function ${name}`,
      argument?.value.at ?? at,
    )
  return argument.part
}

/** Days to add so that the week begins on a Monday, as DuckDB's weeks do; undefined when the part is no week. */
export function weekShift(part: string): number | undefined {
  if (part === 'ISOWEEK') return 0
  if (part === 'WEEK') return 1
  const day = /^WEEK\((\w+)\)$/.exec(part)?.[1]
  const index = day === undefined ? -1 : WEEKDAYS.indexOf(day)
  return index < 0 ? undefined : (8 - index) % 7
}

/** A constant time zone, checked; `UTC` needs no conversion. */
export function zoneName(zone: Typed): string {
  if (zone.literal?.type !== 'STRING') throw unsupported('a time zone that is not a literal or a parameter', zone.at)
  const name = zone.literal.value
  if (/^(utc|etc\/utc)$/i.test(name)) return 'UTC'
  if (/^[+-]/.test(name)) throw unsupported(`the time zone ${name}`, zone.at)
  if (!Intl.supportedValuesOf('timeZone').includes(name)) throw new SqlFailure(`Invalid time zone: ${name}`, zone.at)
  return name
}

/** A TIMESTAMP's text in DuckDB as local civil time of a zone. */
export function localTime(sql: string, zone: Typed | undefined): string {
  const name = zone ? zoneName(zone) : 'UTC'
  return name === 'UTC' ? sql : `timezone('${name}', timezone('UTC', ${sql}))`
}

/** The TIMESTAMP of a local civil time. */
export function instant(sql: string, zone: Typed | undefined): string {
  const name = zone ? zoneName(zone) : 'UTC'
  return name === 'UTC' ? sql : `timezone('UTC', timezone('${name}', ${sql}))`
}

const CALENDAR_PARTS: Record<string, (sql: string) => string> = {
  YEAR: (sql) => `date_part('year', ${sql})`,
  ISOYEAR: (sql) => `date_part('isoyear', ${sql})`,
  QUARTER: (sql) => `date_part('quarter', ${sql})`,
  MONTH: (sql) => `date_part('month', ${sql})`,
  WEEK: (sql) => `CAST(strftime(${sql}, '%U') AS BIGINT)`,
  ISOWEEK: (sql) => `date_part('week', ${sql})`,
  DAY: (sql) => `date_part('day', ${sql})`,
  DAYOFWEEK: (sql) => `(date_part('dow', ${sql}) + 1)`,
  DAYOFYEAR: (sql) => `date_part('doy', ${sql})`,
}

const CLOCK_PARTS: Record<string, (sql: string) => string> = {
  HOUR: (sql) => `date_part('hour', ${sql})`,
  MINUTE: (sql) => `date_part('minute', ${sql})`,
  SECOND: (sql) => `date_part('second', ${sql})`,
  MILLISECOND: (sql) => `(date_part('millisecond', ${sql}) % 1000)`,
  MICROSECOND: (sql) => `(date_part('microsecond', ${sql}) % 1000000)`,
}

/** EXTRACT: https://cloud.google.com/bigquery/docs/reference/standard-sql/timestamp_functions#extract */
export function extract(part: string, operand: Typed, zone: Typed | undefined, at: number): Typed {
  const { kind } = operand.type
  if (!['TIMESTAMP', 'DATETIME', 'DATE', 'TIME'].includes(kind)) {
    throw new SqlFailure(`No matching signature for function EXTRACT for argument types: ${typeName(operand.type)}`, at)
  }
  if (zone && kind !== 'TIMESTAMP')
    throw new SqlFailure('EXTRACT from a value other than TIMESTAMP cannot have AT TIME ZONE', at)
  const local = kind === 'TIMESTAMP' ? localTime(operand.sql, zone) : operand.sql
  if (kind !== 'DATE' && kind !== 'TIME') {
    if (part === 'DATE') return typed(`CAST(${local} AS DATE)`, DATE, at, [operand])
    if (part === 'TIME') return typed(`CAST(${local} AS TIME)`, TIME, at, [operand])
    if (part === 'DATETIME' && kind === 'TIMESTAMP') return typed(local, DATETIME, at, [operand])
  }
  const calendar = kind === 'TIME' || !Object.hasOwn(CALENDAR_PARTS, part) ? undefined : CALENDAR_PARTS[part]
  const clock = kind === 'DATE' || !Object.hasOwn(CLOCK_PARTS, part) ? undefined : CLOCK_PARTS[part]
  const convert = calendar ?? clock
  if (convert) return typed(`CAST(${convert(local)} AS BIGINT)`, INT64, at, [operand])
  if (part.startsWith('WEEK(')) throw unsupported(`EXTRACT(${part})`, at)
  throw new SqlFailure(`EXTRACT from ${kind} does not support the ${part} date part`, at)
}

/** The civil time truncated to a part. `sql` is a DuckDB TIMESTAMP. */
export function truncated(sql: string, part: string, at: number): string {
  const shift = weekShift(part)
  if (shift !== undefined) return `(date_trunc('week', ${sql} + to_days(${shift})) - to_days(${shift}))`
  const known = ['MICROSECOND', 'MILLISECOND', 'SECOND', 'MINUTE', 'HOUR', 'DAY', 'MONTH', 'QUARTER', 'YEAR', 'ISOYEAR']
  if (!known.includes(part)) throw new SqlFailure(`Unsupported date part ${part}`, at)
  return `date_trunc('${part.toLowerCase()}', ${sql})`
}

/** The arguments of a call as expressions, except those that are date parts. */
export function operand(argument: Argument | undefined, name: string, at: number, place: Place): Typed {
  if (!argument) throw new SqlFailure(`No matching signature for function ${name}`, at)
  return place.analysis.rules.expression(argument.value, place)
}

export function zoneArgument(argument: Argument | undefined, place: Place): Typed | undefined {
  if (!argument) return undefined
  const zone = place.analysis.rules.expression(argument.value, place)
  return coerce(zone, STRING)
}
