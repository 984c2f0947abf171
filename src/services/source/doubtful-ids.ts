import { MISSING_ID, SHORTENED_ID } from '../../contracts/doubtful-ids.ts'
import { exampleText } from './unread-values.ts'
import { counted } from '../../contracts/count-text.ts'

const MISSING = new RegExp(MISSING_ID, 'i')
const SHORTENED = new RegExp(SHORTENED_ID)

/** At most this number of observations is compared; a column that has no IDs of observations shows long before. */
const MOST_OBSERVATIONS = 50_000

interface ObservationRow {
  asset: string | null
  observation: string
  snapshot: string
  image: string
  line: number
}

/** The first of the newest rows of an observation, and the line of one that is equally new and has another image. */
interface Newest extends Pick<ObservationRow, 'snapshot' | 'image' | 'line'> {
  otherLine?: number
}

/** Looks for identifiers of a file that merge what is not the same. Every one is taken as it is. */
export class DoubtfulIds {
  readonly #missing = new Map<string, number>()
  #shortened = { rows: 0, example: '' }
  readonly #newest = new Map<string, Newest>()

  addAsset(asset: string): void {
    if (MISSING.test(asset)) this.#missing.set(asset, (this.#missing.get(asset) ?? 0) + 1)
    if (!SHORTENED.test(asset)) return
    this.#shortened.rows += 1
    this.#shortened.example ||= asset
  }

  /**
   * Compares the rows of one observation that are equally new: a run uses only one of them.
   *
   * @param row `snapshot` as it sorts by age, and empty without one
   */
  addObservation(row: ObservationRow): void {
    const { asset, observation, snapshot, image, line } = row
    const key = JSON.stringify([asset, observation])
    const first = this.#newest.get(key)
    if (first === undefined && this.#newest.size >= MOST_OBSERVATIONS) return
    if (first === undefined || snapshot > first.snapshot) this.#newest.set(key, { snapshot, image, line })
    else if (snapshot === first.snapshot && image !== first.image) first.otherLine ??= line
  }

  /** One sentence for each kind. */
  warnings(): string[] {
    const { rows, example } = this.#shortened
    const shared = [...this.#newest].find(([, { otherLine }]) => otherLine !== undefined)
    return [
      ...[...this.#missing].map(([asset, count]) =>
        missingIdWarning(count, 'row', `the asset ID ${JSON.stringify(asset)}`),
      ),
      ...(rows === 0 ? [] : [shortenedIdWarning(counted(rows, 'row'), example)]),
      ...(shared === undefined ? [] : [sharedIdWarning(sharedExample(...shared))]),
    ]
  }
}

/** A sentence about rows that belong to no asset. */
export function noAssetWarning(rows: number): string {
  return `${counted(rows, 'row')} without an asset ID ${rows === 1 ? 'is' : 'are'} left out`
}

function sharedExample(key: string, { line, otherLine }: Newest): string {
  const [, observation] = JSON.parse(key) as [asset: string | null, observation: string]
  return `observation_id ${JSON.stringify(exampleText(observation))} in lines ${line} and ${otherLine}`
}

/** A sentence about asset IDs that stand for none. @param which one of them, or the only one */
export function missingIdWarning(count: number, of: 'row' | 'image', which: string): string {
  return `${counted(count, of)} ${count === 1 ? 'has' : 'have'} ${which}, which is one asset like others; leave the cell empty where there is no asset`
}

export function shortenedIdWarning(what: string, example: string): string {
  return `Asset IDs of ${what} look as if a spreadsheet had shortened them, for example ${example}; different assets can have one such ID`
}

/** A sentence about observation IDs that different images have. */
export function sharedIdWarning(example: string): string {
  return `Rows with different images have one observation ID, so only one of these images is used, for example ${example}; give the column another name if it has no IDs of observations`
}
