const two = (value: number): string => String(value).padStart(2, '0')

/** The day of a time in UTC: `2026-03-14`. */
export function day(milliseconds: number): string {
  const date = new Date(milliseconds)
  if (Number.isNaN(date.getTime())) return '–'
  return `${String(date.getUTCFullYear()).padStart(4, '0')}-${two(date.getUTCMonth() + 1)}-${two(date.getUTCDate())}`
}

/** A time in UTC to the minute: `2026-03-14 09:26`. */
export function minute(milliseconds: number): string {
  const date = new Date(milliseconds)
  if (Number.isNaN(date.getTime())) return '–'
  return `${day(milliseconds)} ${two(date.getUTCHours())}:${two(date.getUTCMinutes())}`
}

/** The ends of a range of times, with no more detail than their distance needs. */
export function timeBound(milliseconds: number, width: number): string {
  return width >= 86_400_000 ? day(milliseconds) : minute(milliseconds)
}

/** A DATE, or a DATETIME: JavaScript would read it as a time in the browser's time zone. */
const WITHOUT_ZONE = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d)(?::\d\d(?:\.\d+)?)?)?$/

/**
 * An RFC 3339 time, as {@link minute} shows it. A day, or a time without a zone, stays what it is, without its seconds; a text
 * that is not a time stays as it is.
 */
export function timeText(text: string): string {
  const [, date, clock] = WITHOUT_ZONE.exec(text) ?? []
  if (date !== undefined) return clock === undefined ? date : `${date} ${clock}`
  const milliseconds = Date.parse(text)
  return Number.isNaN(milliseconds) ? text : `${minute(milliseconds)} UTC`
}
