import type { Dice } from './seeds.ts'

/** A value as a table writes it, and what it means: a time in microseconds since 1970, or a place. */
export interface Written<Meaning> {
  text: string
  /** Null for what cannot be read. */
  meaning: Meaning | null
}

const MONTHS = 'January February March April May June July August September October November December'.split(' ')
const DAYS = 'Sunday Monday Tuesday Wednesday Thursday Friday Saturday'.split(' ')

const two = (value: number): string => String(value).padStart(2, '0')

interface Moment {
  year: number
  month: number
  day: number
  hour: number
  minute: number
  second: number
  weekday: number
  /** Digits after the second, at most 9. */
  fraction: string
}

/** How people write a moment, and to which unit that is exact, in seconds. `zone` is an offset in minutes. */
const FORMS: readonly { exactTo: 1 | 60 | 86_400 | 0; zoned?: true; write: (at: Moment, zone: string) => string }[] = [
  { exactTo: 0, zoned: true, write: (at, zone) => `${date(at, '-')}T${clock(at)}${fraction(at)}${zone}` },
  { exactTo: 0, zoned: true, write: (at, zone) => `${date(at, '-')} ${clock(at)}${fraction(at)}${zone}` },
  { exactTo: 0, write: (at) => `${date(at, ':')} ${clock(at)}${fraction(at)}` },
  { exactTo: 1, write: (at) => `${date(at, '/')} ${clock(at)} UTC` },
  { exactTo: 1, write: (at) => `${date(at, '-')}t${clock(at)}z` },
  { exactTo: 1, write: (at) => `${at.year}${two(at.month)}${two(at.day)}T${clock(at).replaceAll(':', '')}Z` },
  { exactTo: 1, write: (at) => `${at.year}${two(at.month)}${two(at.day)}${clock(at).replaceAll(':', '')}` },
  {
    exactTo: 1,
    write: (at) =>
      `${DAYS[at.weekday]!.slice(0, 3)}, ${two(at.day)} ${MONTHS[at.month - 1]!.slice(0, 3)} ${at.year} ${clock(at)} GMT`,
  },
  { exactTo: 86_400, write: (at) => `${at.day} ${MONTHS[at.month - 1]} ${at.year}` },
  {
    exactTo: 60,
    write: (at) =>
      `${MONTHS[at.month - 1]!.slice(0, 3)} ${at.day}, ${at.year} ${at.hour % 12 || 12}:${two(at.minute)} ${at.hour < 12 ? 'AM' : 'pm'}`,
  },
  { exactTo: 60, write: (at) => `${date(at, '-')}T${two(at.hour)}:${two(at.minute)}` },
  { exactTo: 86_400, write: (at) => `  ${date(at, '-')} ` },
  { exactTo: 86_400, write: (at) => `${at.year}/${at.month}/${at.day}` },
]

const date = (at: Moment, mark: string): string => [at.year, two(at.month), two(at.day)].join(mark)
const clock = (at: Moment): string => [at.hour, at.minute, at.second].map(two).join(':')
const fraction = (at: Moment): string => (at.fraction === '' ? '' : `.${at.fraction}`)

const UNREADABLE_TIMES = [
  '03/11/2026',
  '3.11.26 10:00',
  'yesterday',
  '0000:00:00 00:00:00',
  '2026-02-30',
  '2026-13-01',
  '2026-11-03 24:30',
  '12:30',
  '1',
  '-1793739517',
  '20261',
  'NaN',
  'null',
  '2026-11-03T20:58:37+99:00',
  '２０２６-１１-０３',
  'T',
  '{}',
  '2026-11-03T20:58:37Z; DROP TABLE x',
  '99999-01-01',
  '1e999',
  '0x7fffffff',
  '00010101000000+14',
]

/** A time from 1974 to 2089, or a text that is none. */
export function anyTime(dice: Dice): Written<bigint> {
  if (dice.chance(15)) return { text: dice.pick(UNREADABLE_TIMES), meaning: null }
  const seconds = 126_230_400 + dice.below(3_650_000_000)
  const digits = dice.chance(50)
    ? ''
    : String(dice.below(1_000_000_000))
        .padStart(9, '0')
        .slice(0, 1 + dice.below(9))
  const micros = BigInt(digits.padEnd(6, '0').slice(0, 6))
  if (dice.chance(20)) {
    const epoch = BigInt(seconds) * 1_000_000n + micros
    return dice.pick([
      { text: String(epoch), meaning: epoch },
      { text: `${epoch}999`, meaning: epoch },
      { text: String(epoch / 1_000n), meaning: (epoch / 1_000n) * 1_000n },
      { text: String(seconds), meaning: BigInt(seconds) * 1_000_000n },
      { text: `${seconds}${digits === '' ? '' : `.${digits}`}`, meaning: epoch },
    ])
  }
  const form = dice.pick(FORMS)
  const exact = seconds - (form.exactTo > 1 ? seconds % form.exactTo : 0)
  const offset = form.zoned && dice.chance(60) ? (dice.below(53) - 24) * 30 : 0
  const zone = form.zoned ? zoneText(dice, offset) : ''
  const local = new Date((exact + offset * 60) * 1_000)
  const at: Moment = {
    year: local.getUTCFullYear(),
    month: local.getUTCMonth() + 1,
    day: local.getUTCDate(),
    hour: local.getUTCHours(),
    minute: local.getUTCMinutes(),
    second: local.getUTCSeconds(),
    weekday: local.getUTCDay(),
    fraction: digits,
  }
  return {
    text: form.write(at, zone),
    meaning: BigInt(exact) * 1_000_000n + (form.exactTo === 0 ? micros : 0n),
  }
}

function zoneText(dice: Dice, offset: number): string {
  if (offset === 0) return dice.pick(['', 'Z', '+00:00', '-0000', ' UTC'])
  const [hours, minutes] = [Math.floor(Math.abs(offset) / 60), Math.abs(offset) % 60]
  const sign = offset < 0 ? '-' : '+'
  const short = minutes === 0 ? [`${sign}${two(hours)}`] : []
  return dice.pick([`${sign}${two(hours)}:${two(minutes)}`, `${sign}${two(hours)}${two(minutes)}`, ...short])
}

export interface Place {
  latitude: number
  longitude: number
}

const NO_DEGREES = [
  "-40°1'N",
  "40°60'N",
  '40°E N',
  'N',
  '1.234,5',
  '42.360.100',
  '91',
  '-90.0000001',
  '1e400',
  'NaN',
  'Infinity',
  '0x10',
  '--1',
  '1 2',
  '１',
  '{}',
]

/** Degrees, minutes and seconds with their marks, and a letter for the half of the Earth. */
function marked(dice: Dice, most: number, letters: string): { text: string; meaning: number } {
  const [degrees, minutes, seconds] = [dice.below(most), dice.below(60), dice.below(600) / 10]
  const half = dice.pick(letters.split(''))
  const sign = 'SW'.includes(half) ? -1 : 1
  const whole = sign * (degrees + minutes / 60 + seconds / 3_600)
  return dice.pick([
    { text: `${degrees}°${minutes}'${seconds}"${half}`, meaning: whole },
    { text: `${degrees} deg ${minutes}' ${seconds.toFixed(2)}" ${half}`, meaning: whole },
    { text: `${half} ${degrees}º ${minutes}′ ${seconds}″`, meaning: whole },
    { text: `${degrees}${half.toLowerCase()}`, meaning: sign * degrees },
  ])
}

/** The degrees of a place as texts. Some are no degrees. */
export function anyPlace(dice: Dice): { latitude: string; longitude: string; meaning: Place | null } {
  const degrees = (most: number, letters: string): { text: string; meaning: number } => {
    const value = (dice.below(2_000_001) / 1_000_000 - 1) * most
    if (dice.chance(20)) return marked(dice, most, letters)
    const text = dice.pick([
      String(value),
      value.toFixed(dice.below(12)),
      value.toExponential(5),
      String(Math.trunc(value)),
      String(most),
    ])
    const isPlain = text.includes('.') && !text.includes('e')
    const written = dice.pick([text, ...(isPlain ? [text.replace('.', ','), text.replace('-', '−'), `${text}°`] : [])])
    return { text: written, meaning: Number(text) }
  }
  const [north, east] = [degrees(90, 'NS'), degrees(180, 'EW')]
  const [latitude, longitude] = [north.text, east.text]
  if (!dice.chance(20)) {
    return { latitude, longitude, meaning: { latitude: north.meaning, longitude: east.meaning } }
  }
  const wrong = dice.pick(NO_DEGREES)
  return dice.chance(50)
    ? { latitude: wrong, longitude, meaning: null }
    : { latitude, longitude: dice.pick(['181', '-180.5', '', 'x']), meaning: null }
}
