import { scaledDecimal } from './sql/runtime/numeric-text.ts'
import { MAX_MICROS, microsecondText, MIN_MICROS, parseTimestamp } from './sql/runtime/time-text.ts'

const PARTS =
  /^(\d{4})([-/])(\d{1,2})\2(\d{1,2})[ T](\d{1,2}:\d{1,2})(:\d{1,2}(?:\.\d*)?)? ?(z|utc|[+-]\d{1,2}(?::\d{2})?)?$/i

/**
 * A TIMESTAMP as load jobs read it, in microseconds since 1970: with dashes or slashes, without seconds, with an offset
 * after a space, and never without a time of day
 * (https://cloud.google.com/bigquery/docs/loading-data-cloud-storage-csv#data_types).
 */
export function loadedTimestamp(text: string): bigint | undefined {
  const parts = PARTS.exec(text.trim())
  if (!parts) return undefined
  const [, year, , month, day, time, seconds = ':00', zone = 'UTC'] = parts
  const isNamed = zone.toLowerCase() === 'utc'
  return parseTimestamp(microsecondText(`${year}-${month}-${day} ${time}${seconds}${isNamed ? ' UTC' : zone}`))
}

/**
 * Unix time as text, in microseconds since 1970. The page above has two examples of the same time, 1534680695 and
 * 1.534680695e12: seconds, and milliseconds where seconds would be after 9999.
 */
export function epochMicros(text: string): bigint | undefined {
  const scaled = /^[+-]?\d+(\.\d*)?([eE][+-]?\d+)?$/.test(text.trim())
    ? scaledDecimal(text.trim(), 'NUMERIC')
    : undefined
  if (scaled === undefined) return undefined
  return [scaled / 1000n, scaled / 1_000_000n].find((micros) => micros >= MIN_MICROS && micros <= MAX_MICROS)
}
