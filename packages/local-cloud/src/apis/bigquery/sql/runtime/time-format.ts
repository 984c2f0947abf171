import { dateText, timeText } from './time-text.ts'

/**
 * FORMAT_TIMESTAMP and its kin, for the elements that do not depend on a locale.
 * https://cloud.google.com/bigquery/docs/reference/standard-sql/format-elements#format_elements_date_time
 */
const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday']
const MONTHS = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
]

interface Moment {
  date: Date
  micros: bigint
  ofDay: bigint
}

const two = (value: number): string => String(value).padStart(2, '0')
const spaced = (value: number): string => String(value).padStart(2, ' ')
const twelve = (hour: number): number => hour % 12 || 12
const dayOfYear = ({ date }: Moment): number =>
  Math.floor((Date.UTC(2000, date.getUTCMonth(), date.getUTCDate()) - Date.UTC(2000, 0, 1)) / 86_400_000) +
  1 -
  (date.getUTCMonth() > 1 && !isLeap(date.getUTCFullYear()) ? 1 : 0)
const isLeap = (year: number): boolean => (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0

const ELEMENTS: Record<string, (moment: Moment) => string> = {
  '%': () => '%',
  n: () => '\n',
  t: () => '\t',
  Y: ({ date }) => String(date.getUTCFullYear()),
  E4Y: ({ date }) => String(date.getUTCFullYear()).padStart(4, '0'),
  y: ({ date }) => two(date.getUTCFullYear() % 100),
  C: ({ date }) => two(Math.floor(date.getUTCFullYear() / 100)),
  m: ({ date }) => two(date.getUTCMonth() + 1),
  d: ({ date }) => two(date.getUTCDate()),
  e: ({ date }) => spaced(date.getUTCDate()),
  j: (moment) => String(dayOfYear(moment)).padStart(3, '0'),
  a: ({ date }) => DAYS[date.getUTCDay()]!.slice(0, 3),
  A: ({ date }) => DAYS[date.getUTCDay()]!,
  b: ({ date }) => MONTHS[date.getUTCMonth()]!.slice(0, 3),
  h: ({ date }) => MONTHS[date.getUTCMonth()]!.slice(0, 3),
  B: ({ date }) => MONTHS[date.getUTCMonth()]!,
  u: ({ date }) => String(date.getUTCDay() || 7),
  w: ({ date }) => String(date.getUTCDay()),
  Q: ({ date }) => String(Math.floor(date.getUTCMonth() / 3) + 1),
  F: ({ micros }) => dateText(micros),
  D: ({ date }) => `${two(date.getUTCMonth() + 1)}/${two(date.getUTCDate())}/${two(date.getUTCFullYear() % 100)}`,
  x: ({ date }) => `${two(date.getUTCMonth() + 1)}/${two(date.getUTCDate())}/${two(date.getUTCFullYear() % 100)}`,
  H: ({ date }) => two(date.getUTCHours()),
  k: ({ date }) => spaced(date.getUTCHours()),
  I: ({ date }) => two(twelve(date.getUTCHours())),
  l: ({ date }) => spaced(twelve(date.getUTCHours())),
  M: ({ date }) => two(date.getUTCMinutes()),
  S: ({ date }) => two(date.getUTCSeconds()),
  p: ({ date }) => (date.getUTCHours() < 12 ? 'AM' : 'PM'),
  R: ({ date }) => `${two(date.getUTCHours())}:${two(date.getUTCMinutes())}`,
  T: ({ ofDay }) => timeText(ofDay).slice(0, 8),
  X: ({ ofDay }) => timeText(ofDay).slice(0, 8),
  E3S: (moment) => fraction(moment, 3),
  E6S: (moment) => fraction(moment, 6),
  'E*S': (moment) => fraction(moment, 6).replace(/\.?0+$/, ''),
  s: ({ micros }) => String((micros - (((micros % 1_000_000n) + 1_000_000n) % 1_000_000n)) / 1_000_000n),
  Z: () => 'UTC',
  z: () => '+0000',
  Ez: () => '+00:00',
}

function fraction({ ofDay }: Moment, digits: number): string {
  const micros = ofDay % 60_000_000n
  return `${two(Number(micros / 1_000_000n))}.${String(micros % 1_000_000n)
    .padStart(6, '0')
    .slice(0, digits)}`
}

const ELEMENT = /%(E4Y|E[36*]S|Ez|[\s\S]|$)/g
const CLOCK = new Set(['H', 'k', 'I', 'l', 'M', 'S', 'p', 'R', 'T', 'X', 'E3S', 'E6S', 'E*S'])
const ZONED = new Set(['s', 'Z', 'z', 'Ez'])

/** The first element of a format that is not known here, or that the type does not have. */
export function unknownFormatElement(format: string, type: string): string | undefined {
  for (const [text, name = ''] of format.matchAll(ELEMENT)) {
    const wrong = (type === 'DATE' && CLOCK.has(name)) || (type !== 'TIMESTAMP' && ZONED.has(name))
    if (!Object.hasOwn(ELEMENTS, name) || wrong) return text
  }
  return undefined
}

export function formatTime(format: string, micros: bigint): string {
  const perDay = 86_400_000_000n
  const ofDay = ((micros % perDay) + perDay) % perDay
  const moment = { date: new Date(Math.floor(Number(micros) / 1000)), micros, ofDay }
  return format.replaceAll(ELEMENT, (_, name: string) => ELEMENTS[name]!(moment))
}
