import { axisIndexes, rivalPairs } from './location-headers.ts'
import {
  coordinatesWarning,
  looksLikeCoordinates,
  looksLikePoint,
  looksLikeShape,
  pointRank,
  readPoint,
} from './location-value.ts'
import { rivalsWarning, type Axes } from './unplaced-advice.ts'

/** Columns that may have locations and are not used, and why. */
export type Unplaced =
  | { columns: readonly string[]; warning: string }
  /** The axes of a map, and two of their values if they are no degrees. */
  | { columns: readonly string[]; axes: Axes; example: string | undefined }

/** The only texts that `looksLikePoint` takes begin so. */
const MAY_BE_POINT = /^\s*(?:srid|(?:multi)?point|\{|\\x0|0x0|0[01])/i

/** How the values of a pair of axes look so far. */
interface Seen {
  /** Whether each value is a number. */
  areNumbers: boolean
  areDegrees: boolean
  /** Whether each value is between 0 and 1, as parts of an image are. */
  areParts: boolean
  /** Whether each value is a small whole number, as pixels are. */
  arePixels: boolean
  example: string | undefined
}

/** Learns from the rows of a file which columns have points. */
export class PointObserver {
  readonly #arePoints: boolean[] = []
  /** Whether a column with another name has had a value, which decides what it has. */
  readonly #areKnown: boolean[] = []
  /** The first value of each column that may have a location and cannot be read, although it has coordinates. */
  readonly #coordinates: unknown[] = []
  readonly #seen: Seen = { areNumbers: true, areDegrees: true, areParts: true, arePixels: true, example: undefined }
  #axisIndexes: ReturnType<typeof axisIndexes>
  #headers = 0

  add(value: unknown, index: number, header: string): void {
    if (this.#arePoints[index] || this.#areKnown[index] || value === null || value === undefined || value === '') return
    if (pointRank(header) === undefined) {
      if (typeof value === 'string' && !MAY_BE_POINT.test(value)) this.#areKnown[index] = true
      else if (typeof value !== 'string' && (typeof value !== 'object' || Array.isArray(value)))
        this.#areKnown[index] = true
      else if (!looksLikePoint(value, header)) this.#areKnown[index] = true
      else if (readPoint(value)) this.#arePoints[index] = true
      return
    }
    this.#arePoints[index] = looksLikePoint(value, header)
    const isLost = looksLikeCoordinates(value) || looksLikeShape(value)
    if (isLost) this.#coordinates[index] ??= value
  }

  addRow(values: readonly unknown[], headers: readonly string[]): void {
    if (this.#headers !== headers.length) this.#axisIndexes = axisIndexes(headers)
    this.#headers = headers.length
    if (!this.#axisIndexes) return
    const { latitude, longitude } = this.#axisIndexes
    const [x, y] = [values[longitude], values[latitude]]
    if (isMissing(x) && isMissing(y)) return
    const seen = this.#seen
    const numbers = [x, y].map((value) =>
      /^\s*[+-]?\d+(?:[.,]\d+)?\s*$/.test(String(value)) ? Number(String(value).replace(',', '.')) : NaN,
    )
    seen.areNumbers &&= !numbers.some((number) => Number.isNaN(number))
    const isFirst = seen.example === undefined
    const areDegrees = Math.abs(numbers[0]!) <= 180 && Math.abs(numbers[1]!) <= 90
    // One that is no degree is the better example.
    if (isFirst || (seen.areDegrees && !areDegrees)) seen.example = `${String(x)}, ${String(y)}`
    seen.areDegrees &&= areDegrees
    seen.areParts &&= numbers.every((number) => number >= 0 && number <= 1)
    seen.arePixels &&= numbers.every((number) => Number.isInteger(number) && number >= 0 && number < MOST_PIXELS)
  }

  /** Returns the column with the points: by its name, or the only one with another name if no two columns have them. */
  column(headers: readonly string[], hasCoordinates: boolean): number | undefined {
    const found = [...headers.keys()].filter((index) => this.#arePoints[index])
    const rank = (index: number): number => pointRank(headers[index]!) ?? Infinity
    const [named] = found.filter((index) => rank(index) < Infinity).toSorted((one, other) => rank(one) - rank(other))
    return named ?? (found.length === 1 && !hasCoordinates ? found[0] : undefined)
  }

  /** @param names what BigQuery calls the columns, by which a caller knows those that have another use */
  unplaced(headers: readonly string[], names: readonly string[]): Unplaced[] {
    const of = (indexes: readonly number[], warning: string): Unplaced => ({
      columns: indexes.map((index) => names[index]!),
      warning,
    })
    const rivals = [
      ...rivalPairs(headers).map(({ latitude, longitude }) => [latitude, longitude]),
      ...[...headers.keys()].filter((index) => this.#arePoints[index]).map((index) => [index]),
    ]
    const { areNumbers, areDegrees, areParts, arePixels, example } = this.#seen
    const pair = this.#axisIndexes
    const hasAxes = pair && example !== undefined && areNumbers && !areParts && !arePixels
    return [
      ...Object.entries(this.#coordinates).map(([index, value]) =>
        of([Number(index)], coordinatesWarning(headers[Number(index)]!, value)),
      ),
      ...(rivals.length > 1
        ? [of(rivals.flat(), rivalsWarning(rivals.map((indexes) => indexes.map((index) => headers[index]!))))]
        : []),
      ...(hasAxes
        ? [
            {
              columns: [names[pair.longitude]!, names[pair.latitude]!],
              axes: { x: headers[pair.longitude]!, y: headers[pair.latitude]! },
              example: areDegrees ? undefined : example,
            },
          ]
        : []),
    ]
  }
}

/** More than any image has in a row or column. */
const MOST_PIXELS = 100_000

const isMissing = (value: unknown): boolean => value === null || value === undefined || value === ''
