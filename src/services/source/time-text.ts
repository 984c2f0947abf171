import {
  EPOCH,
  MONTH_NAMES,
  PLAIN_TIME,
  TEN_DIGITS,
  TIME_FORMS,
  TWELVE_DIGITS,
  YEAR_LAST,
} from '../../contracts/time-forms.ts'

/** Why a text is not read as a time. */
export type TimeFault = 'ambiguous' | 'unreadable'

const matcher = (pattern: string): RegExp => new RegExp(pattern, 'i')

const FORMS = TIME_FORMS.map(({ pattern, plain }) => ({
  pattern: matcher(pattern),
  plain: plain.replaceAll('\\', '$'),
}))
const PLAIN = matcher(PLAIN_TIME)
const SINCE_1970 = matcher(EPOCH)
const MINUTES = matcher(TWELVE_DIGITS)
const AMBIGUOUS = [matcher(YEAR_LAST), matcher(TEN_DIGITS)]

/** BigQuery's range (https://cloud.google.com/bigquery/docs/reference/standard-sql/data-types#timestamp_type). */
const EARLIEST = Date.parse('0001-01-01T00:00:00Z')
const LATEST = Date.parse('9999-12-31T23:59:59Z')

/** BigQuery's most distant zones are 14 hours from UTC. */
const MOST_OFFSET_MINUTES = 14 * 60

/**
 * Reads a time as people write it. A time without a zone is UTC, as in BigQuery. The result is in BigQuery's form, with
 * microseconds: `2026-11-03T20:58:37.000000Z`. `textTime` in src/run-data/sql/times.ts does the same in SQL.
 */
export function readTime(text: string): { time: string } | { fault: TimeFault } {
  const given = text.trim()
  if (AMBIGUOUS.some((pattern) => pattern.test(given))) return { fault: 'ambiguous' }
  if (SINCE_1970.test(given) && !MINUTES.test(given)) return fromEpoch(given)
  const form = FORMS.find(({ pattern }) => pattern.test(given))
  const plain = PLAIN.exec(form ? given.replace(form.pattern, form.plain) : given)
  return plain ? instant(plain) : { fault: 'unreadable' }
}

function fromEpoch(given: string): { time: string } {
  const [whole = '', fraction = ''] = given.split('.')
  const { length } = whole
  const seconds = length <= 10 ? length : length <= 13 ? length - 3 : length <= 16 ? length - 6 : length - 9
  const digits = `${whole.slice(seconds)}${fraction}`.padEnd(6, '0').slice(0, 6)
  return { time: withMicroseconds(Number(whole.slice(0, seconds)) * 1_000, digits) }
}

function instant(groups: RegExpExecArray): { time: string } | { fault: TimeFault } {
  const [, year, monthText = '', day, hourText = '0', minute = '0', second = '0', fraction = '', half, zone] = groups
  const month = /\d/.test(monthText) ? Number(monthText) : monthOf(monthText)
  let hour = Number(hourText)
  if (half !== undefined) {
    if (hour < 1 || hour > 12) return { fault: 'unreadable' }
    hour = (hour % 12) + (half.toLowerCase() === 'p' ? 12 : 0)
  }
  const date = new Date(0)
  date.setUTCFullYear(Number(year), month - 1, Number(day))
  const isDate = Number(year) >= 1 && date.getUTCMonth() === month - 1 && date.getUTCDate() === Number(day)
  if (!isDate || hour > 23) return { fault: 'unreadable' }
  const offset = zoneMinutes(zone)
  if (offset === undefined) return { fault: 'unreadable' }
  const milliseconds = date.getTime() + ((hour * 60 + Number(minute) - offset) * 60 + Number(second)) * 1_000
  const inRange = milliseconds >= EARLIEST && milliseconds <= LATEST
  if (!inRange) return { fault: 'unreadable' }
  return { time: withMicroseconds(milliseconds, fraction.padEnd(6, '0').slice(0, 6)) }
}

function monthOf(name: string): number {
  return Math.floor((MONTH_NAMES.indexOf(` ${name.toLowerCase()}`) + 4) / 4)
}

/** Returns the minutes before UTC, or undefined for a zone that does not exist. */
function zoneMinutes(zone: string | undefined): number | undefined {
  const offset = /([+-])(\d{1,2}):?(\d{2})?$/.exec(zone ?? '')
  if (!offset) return 0
  const [, sign, hours, minutes = '0'] = offset
  const total = Number(hours) * 60 + Number(minutes)
  if (total > MOST_OFFSET_MINUTES || Number(minutes) > 59) return undefined
  return sign === '-' ? -total : total
}

function withMicroseconds(milliseconds: number, digits: string): string {
  return `${new Date(milliseconds).toISOString().slice(0, 19)}.${digits}Z`
}
