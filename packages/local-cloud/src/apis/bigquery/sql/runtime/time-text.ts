/**
 * Dates and times as text, in the forms that BigQuery reads and writes.
 * https://cloud.google.com/bigquery/docs/reference/standard-sql/data-types#timestamp_type
 */
const DATE_PART = String.raw`(\d{4})-(\d{1,2})-(\d{1,2})`
const TIME_PART = String.raw`(\d{1,2}):(\d{1,2}):(\d{1,2})(?:\.(\d{0,6}))?`
const DATE = new RegExp(`^${DATE_PART}$`)
const TIME = new RegExp(`^${TIME_PART}$`)
const DATETIME = new RegExp(`^${DATE_PART}(?:[ T]${TIME_PART})?$`, 'i')
const TIMESTAMP = new RegExp(
  String.raw`^${DATE_PART}(?:[ T]${TIME_PART}(?:(Z)|([+-]\d{1,2}(?::\d{2})?)| (UTC))?)?$`,
  'i',
)

const MICROS_PER_DAY = 86_400_000_000n
/** 0001-01-01 and 9999-12-31 23:59:59.999999, in microseconds since 1970. */
export const MIN_MICROS = -62_135_596_800_000_000n
export const MAX_MICROS = 253_402_300_799_999_999n

function dayMicros(year: string, month: string, day: string): bigint | undefined {
  const [y, m, d] = [Number(year), Number(month), Number(day)]
  if (y < 1 || m < 1 || m > 12 || d < 1) return undefined
  const date = new Date(0)
  date.setUTCFullYear(y, m - 1, d)
  if (date.getUTCMonth() !== m - 1 || date.getUTCDate() !== d) return undefined
  return BigInt(date.getTime()) * 1000n
}

function timeMicros(hour?: string, minute?: string, second?: string, fraction = ''): bigint | undefined {
  if (hour === undefined) return 0n
  const [h, m, s] = [Number(hour), Number(minute), Number(second)]
  if (h > 23 || m > 59 || s > 60) return undefined
  return BigInt(h * 3600 + m * 60 + s) * 1_000_000n + BigInt(fraction.padEnd(6, '0'))
}

/** `YYYY-MM-DD`, or undefined when the text is no date. */
export function parseDate(text: string): string | undefined {
  const match = DATE.exec(text.trim())
  if (!match || dayMicros(match[1]!, match[2]!, match[3]!) === undefined) return undefined
  return `${match[1]}-${match[2]!.padStart(2, '0')}-${match[3]!.padStart(2, '0')}`
}

/** `HH:MM:SS[.ffffff]`, or undefined. */
export function parseTime(text: string): string | undefined {
  const match = TIME.exec(text.trim())
  const micros = match ? timeMicros(match[1], match[2], match[3], match[4]) : undefined
  return micros === undefined ? undefined : timeText(micros)
}

/** Microseconds since 1970 as if in UTC, or undefined. */
export function parseDatetime(text: string): bigint | undefined {
  const match = DATETIME.exec(text.trim())
  if (!match) return undefined
  const day = dayMicros(match[1]!, match[2]!, match[3]!)
  const time = timeMicros(match[4], match[5], match[6], match[7])
  return day === undefined || time === undefined ? undefined : day + time
}

/** Microseconds since 1970, or undefined. Without a zone the text is in UTC, BigQuery's default. */
export function parseTimestamp(text: string, defaultZone = 'UTC'): bigint | undefined {
  const match = TIMESTAMP.exec(text.trim())
  if (!match) return undefined
  const day = dayMicros(match[1]!, match[2]!, match[3]!)
  const time = timeMicros(match[4], match[5], match[6], match[7])
  if (day === undefined || time === undefined) return undefined
  const offset = zoneOffset(match[9] ?? match[10] ?? (match[8] ? 'UTC' : defaultZone))
  if (offset === undefined) return undefined
  const micros = day + time - offset
  return micros >= MIN_MICROS && micros <= MAX_MICROS ? micros : undefined
}

/**
 * The text of a TIMESTAMP with at most six digits of fraction. Google's clients send nine or twelve;
 * those beyond the sixth can only be zeros here, else the text stays as it is, which no parser takes.
 */
export function microsecondText(text: string): string {
  return text.replace(/(\.\d{6})0{1,6}(?!\d)/, '$1')
}

/** Microseconds east of UTC. Zones other than UTC and fixed offsets are not known here. */
function zoneOffset(zone: string): bigint | undefined {
  if (/^(utc|etc\/utc|z)$/i.test(zone)) return 0n
  const match = /^([+-])(\d{1,2})(?::(\d{2}))?$/.exec(zone)
  if (!match) return undefined
  const minutes = Number(match[2]) * 60 + Number(match[3] ?? 0)
  if (minutes > 14 * 60 || Number(match[3] ?? 0) > 59) return undefined
  return BigInt(match[1] === '-' ? -minutes : minutes) * 60_000_000n
}

/** Parts of a time since 1970, with the microseconds of the day. */
function split(micros: bigint): { date: Date; ofDay: bigint } {
  const ofDay = ((micros % MICROS_PER_DAY) + MICROS_PER_DAY) % MICROS_PER_DAY
  return { date: new Date(Number((micros - ofDay) / 1000n)), ofDay }
}

export function dateText(micros: bigint): string {
  const { date } = split(micros)
  const parts = [date.getUTCMonth() + 1, date.getUTCDate()].map((part) => String(part).padStart(2, '0'))
  return `${String(date.getUTCFullYear()).padStart(4, '0')}-${parts.join('-')}`
}

/** The time of a day: no fraction, milliseconds or microseconds, whichever is exact. */
export function timeText(ofDay: bigint): string {
  const seconds = Number(ofDay / 1_000_000n)
  const parts = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60]
  const fraction = String(ofDay % 1_000_000n).padStart(6, '0')
  const shown = fraction === '000000' ? '' : fraction.endsWith('000') ? `.${fraction.slice(0, 3)}` : `.${fraction}`
  return `${parts.map((part) => String(part).padStart(2, '0')).join(':')}${shown}`
}

/** `2026-01-02 03:04:05.5+00`: CAST(TIMESTAMP AS STRING). */
export function timestampToText(micros: bigint): string {
  return `${datetimeText(micros)}+00`
}

/** `2026-01-02 03:04:05`: CAST(DATETIME AS STRING); `separator` is `T` in results and JSON. */
export function datetimeText(micros: bigint, separator = ' '): string {
  return `${dateText(micros)}${separator}${timeText(split(micros).ofDay)}`
}
