/** Why a text is not read as a time. */
export type TimeFault = 'ambiguous' | 'unreadable'

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec']

const CLOCK = String.raw`(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d+))?)?(?:\s*([ap])\.?m\.?)?`
const ZONE = String.raw`\s*(z|utc|gmt|[+-]\d{1,2}(?::?\d{2})?)?`

/** ISO 8601, BigQuery's own form, and EXIF's `2026:11:03 20:58:37`. A month alone is its first day. */
const YEAR_FIRST = new RegExp(String.raw`^(\d{4})([-/:.])(\d{1,2})(?:\2(\d{1,2})(?:(?:t|\s+)${CLOCK}${ZONE})?)?$`, 'i')
/** ISO 8601 without separators: `20261103T205837Z`, and the same without the T. */
const COMPACT = /^(\d{4})(\d{2})(\d{2})(?:t?(\d{2})(\d{2})(\d{2})(?:[.,](\d+))?(z|[+-]\d{2}(?::?\d{2})?)?)?$/i
/** `Tue, 03 Nov 2026 20:58:37 GMT` and `3 November 2026`. */
const DAY_MONTH = new RegExp(
  String.raw`^(?:[a-z]{3,9},?\s+)?(\d{1,2})[\s-]([a-z]{3,9})\.?[\s-](\d{4})(?:,?\s+${CLOCK}${ZONE})?$`,
  'i',
)
/** `Nov 3, 2026 8:58 PM`. */
const MONTH_DAY = new RegExp(
  String.raw`^(?:[a-z]{3,9},?\s+)?([a-z]{3,9})\.?\s+(\d{1,2}),?\s+(\d{4})(?:,?\s+${CLOCK}${ZONE})?$`,
  'i',
)
/** `03/11/2026`: the third of November or the eleventh of March. */
const YEAR_LAST = /^\d{1,2}[-/.]\d{1,2}[-/.](?:\d{4}|\d{2})(?:\D.*)?$/

/** Digits of a time since 1970: seconds, milliseconds, microseconds or nanoseconds, each from 1973 to 2096. */
const EPOCH = /^(\d{9,10}|\d{12,13}|\d{15,16}|\d{18,19})(?:\.(\d+))?$/

/** BigQuery's range (https://cloud.google.com/bigquery/docs/reference/standard-sql/data-types#timestamp_type). */
const EARLIEST = Date.parse('0001-01-01T00:00:00Z')
const LATEST = Date.parse('9999-12-31T23:59:59Z')

interface Parts {
  year: string
  month: number
  day: string
  clock?: readonly (string | undefined)[]
  zone?: string | undefined
}

/**
 * Reads a time as people write it. A time without a zone is UTC, as in BigQuery. The result is in BigQuery's form, with
 * microseconds: `2026-11-03T20:58:37.000000Z`.
 */
export function readTime(text: string): { time: string } | { fault: TimeFault } {
  const given = text.trim()
  const epoch = EPOCH.exec(given)
  const compact = epoch ? null : COMPACT.exec(given)
  if (epoch) return fromEpoch(epoch[1]!, epoch[2] ?? '')
  const parts = compact ? fromCompact(compact) : named(given)
  if (parts === undefined) return { fault: YEAR_LAST.test(given) ? 'ambiguous' : 'unreadable' }
  return instant(parts)
}

function fromEpoch(whole: string, fraction: string): { time: string } {
  const seconds =
    whole.length <= 10
      ? whole.length
      : whole.length <= 13
        ? whole.length - 3
        : whole.length <= 16
          ? whole.length - 6
          : whole.length - 9
  const digits = `${whole.slice(seconds)}${fraction}`.padEnd(6, '0').slice(0, 6)
  return { time: withMicroseconds(Number(whole.slice(0, seconds)) * 1_000, digits) }
}

function fromCompact([, year, month, day, hour, minute, second, fraction, zone]: RegExpExecArray): Parts {
  return { year: year!, month: Number(month), day: day!, clock: [hour, minute, second, fraction], zone }
}

function named(given: string): Parts | undefined {
  const first = YEAR_FIRST.exec(given)
  if (first) {
    const [, year, , month, day = '1', ...rest] = first
    return { year: year!, month: Number(month), day, clock: rest.slice(0, 5), zone: rest[5] }
  }
  const dayMonth = DAY_MONTH.exec(given)
  const monthDay = dayMonth ? null : MONTH_DAY.exec(given)
  const found = dayMonth ?? monthDay
  if (!found) return undefined
  const [, one, two, year, ...rest] = found
  const name = (dayMonth ? two! : one!).slice(0, 3).toLowerCase()
  const day = dayMonth ? one! : two!
  return { year: year!, month: MONTHS.indexOf(name) + 1, day, clock: rest.slice(0, 5), zone: rest[5] }
}

function instant({ year, month, day, clock = [], zone }: Parts): { time: string } | { fault: TimeFault } {
  const [hourText, minute = '0', second = '0', fraction = '', half] = clock
  let hour = Number(hourText ?? 0)
  if (half !== undefined) {
    if (hour < 1 || hour > 12) return { fault: 'unreadable' }
    hour = (hour % 12) + (half.toLowerCase() === 'p' ? 12 : 0)
  }
  const date = new Date(0)
  date.setUTCFullYear(Number(year), month - 1, Number(day))
  const isDate = Number(year) >= 1 && date.getUTCMonth() === month - 1 && date.getUTCDate() === Number(day)
  if (!isDate || hour > 23 || Number(minute) > 59 || Number(second) > 59) return { fault: 'unreadable' }
  const offset = zoneMinutes(zone)
  if (offset === undefined) return { fault: 'unreadable' }
  const milliseconds = date.getTime() + ((hour * 60 + Number(minute) - offset) * 60 + Number(second)) * 1_000
  const inRange = milliseconds >= EARLIEST && milliseconds <= LATEST
  if (!inRange) return { fault: 'unreadable' }
  return { time: withMicroseconds(milliseconds, fraction.padEnd(6, '0').slice(0, 6)) }
}

/** Returns the minutes before UTC, or undefined for a zone that does not exist. */
function zoneMinutes(zone: string | undefined): number | undefined {
  const offset = /^([+-])(\d{1,2}):?(\d{2})?$/.exec(zone ?? '')
  if (!offset) return 0
  const [, sign, hours, minutes = '0'] = offset
  if (Number(hours) > 14 || Number(minutes) > 59) return undefined
  return (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes))
}

function withMicroseconds(milliseconds: number, digits: string): string {
  return `${new Date(milliseconds).toISOString().slice(0, 19)}.${digits}Z`
}
