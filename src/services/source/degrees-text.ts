/** A coordinate of a place. */
export type Coordinate = 'latitude' | 'longitude'

const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/

/** With a point for thousands instead, the number would be more than 180. */
const DECIMAL_COMMA = /^([+-]?\d{1,3}),(\d+)$/

const DEGREES = String.raw`(?<degrees>\d{1,3}(?:[.,]\d+)?)\s*(?:°|º|˚|deg(?:rees)?\.?)?`
const MINUTES = String.raw`(?<minutes>\d{1,2}(?:[.,]\d+)?)\s*(?:['′’‘]|min\.?)`
const SECONDS = String.raw`(?<seconds>\d{1,2}(?:[.,]\d+)?)\s*(?:["″”“]|''|′′|’’|sec\.?)`

/** `42.36°`, `N 42.36`, `42°21.6'N`, and `42 deg 21' 36.50" N`, as ExifTool writes it. */
const MARKED = new RegExp(
  String.raw`^(?<sign>[+-])?(?<before>[NSEW])?\s*${DEGREES}(?:\s*${MINUTES}(?:\s*${SECONDS})?)?\s*(?<after>[NSEW])?$`,
  'i',
)

/** The letters of each coordinate. O is east in German and west in Spanish, so it is none of them. */
const LETTERS: Record<Coordinate, string> = { latitude: 'NS', longitude: 'EW' }

/**
 * Reads a latitude or a longitude as people and programs write it, where that can mean only one place. Returns undefined
 * for everything else.
 */
export function readDegrees(text: string, coordinate: Coordinate): number | undefined {
  // Spreadsheets and web pages write the minus sign of typography.
  const plain = text.trim().replace(/^\u2212/, '-')
  if (NUMBER.test(plain)) return finite(plain)
  if (DECIMAL_COMMA.test(plain)) return finite(plain.replace(',', '.'))
  return readMarked(plain, coordinate)
}

function readMarked(text: string, coordinate: Coordinate): number | undefined {
  const { sign, before, after, degrees = '', minutes, seconds } = MARKED.exec(text)?.groups ?? {}
  const letter = (before ?? after)?.toUpperCase()
  const isTwofold = before !== undefined && after !== undefined
  if (
    degrees === '' ||
    isTwofold ||
    (letter !== undefined && (sign !== undefined || !LETTERS[coordinate].includes(letter)))
  )
    return undefined
  const parts = [degrees, minutes, seconds].filter((part) => part !== undefined).map((part) => part.replace(',', '.'))
  // Only the last part can have a fraction.
  if (parts.slice(0, -1).some((part) => part.includes('.')) || parts.slice(1).some((part) => Number(part) >= 60))
    return undefined
  const size = parts.reduce((sum, part, index) => sum + Number(part) / 60 ** index, 0)
  return sign === '-' || letter === 'S' || letter === 'W' ? -size : size
}

/**
 * Reads a coordinate whose half of the Earth is in a column of its own, as in EXIF: `N`, `South`, `W`. A value that says
 * so itself must agree.
 */
export function readDegreesWithHalf(text: string, half: string, coordinate: Coordinate): number | undefined {
  const value = readDegrees(text, coordinate)
  const saysItself = value !== undefined && (value <= 0 || /[NSEW]\s*$|^\s*[NSEW]/i.test(text))
  if (half.trim() === '') return saysItself ? value : undefined
  const letter = HALF.exec(half.trim())?.[0].charAt(0).toUpperCase()
  if (value === undefined || letter === undefined || !LETTERS[coordinate].includes(letter)) return undefined
  const isNegative = letter === 'S' || letter === 'W'
  if (!saysItself) return isNegative ? -value : value
  return value === 0 || value < 0 === isNegative ? value : undefined
}

const HALF = /^(?:[NSEW]|north|south|east|west)$/i

function finite(text: string): number | undefined {
  return Number.isFinite(Number(text)) ? Number(text) : undefined
}
