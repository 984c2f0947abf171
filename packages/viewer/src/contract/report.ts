import type { Value } from './columns.ts'
import type { ViewedRun } from './run.ts'

/**
 * A report is one HTML file: the app, and in the place of this mark its data. The data is in script elements that are no
 * scripts (`type="text/plain"`), whose text is base64, so that no value can end an element or the page.
 *
 * | `data-report` | text |
 * |---|---|
 * | `rows` | base64 of gzip of JSON: a RowBlock. One or several, in the order of the units' IDs |
 * | `raw` | base64 of gzip of JSON: raw answers by attempt ID. Any number |
 * | `image`, with `id` | an image: its media type, `;base64,` and its bytes, as in a data: URL |
 * | `head` | base64 of gzip of JSON: a ReportHead. One, the last: only after the rows are their figures known |
 */
export const REPORT_MARK = '<!--imagery report-->'

/** Changes when this version of the app cannot read the data of an earlier one. */
export const REPORT_LAYOUT = 1

export interface ReportHead {
  layout: typeof REPORT_LAYOUT
  run: ViewedRun
  /** The flags of the run's cloud in a command, with a leading space. */
  flags: string
  /** Whether the images are in Google Cloud, so that its console shows them. */
  is_on_google: boolean
}

/** Some rows of a report, by column. */
export interface RowBlock {
  rows: number
  columns: { [name: string]: PackedColumn }
}

/** The values of a column, one per row; or its distinct values, and for each row an index into them. */
export type PackedColumn = Value[] | { values: Value[]; codes: number[] }

/** Packs the values of a column, one per row, so that equal values are written once if there are many of them. */
export function packedColumn(values: Value[]): PackedColumn {
  const codes = new Map<string, number>()
  const keys = values.map((value) => JSON.stringify(value))
  for (const key of keys) {
    if (!codes.has(key)) codes.set(key, codes.size)
    if (codes.size > values.length / 2) return values
  }
  return { values: [...codes.keys()].map((key) => JSON.parse(key) as Value), codes: keys.map((key) => codes.get(key)!) }
}

/**
 * Numbers the images of a report, by URI, in the order in which the rows name them. Both who writes a report and who reads
 * it number them, so that a report needs no list of them.
 */
export class ImageNumbers {
  readonly #numbers = new Map<string, number>()

  /** Returns the number of an image, a new one for a new URI. */
  add(uri: string): number {
    const known = this.#numbers.get(uri)
    if (known !== undefined) return known
    this.#numbers.set(uri, this.#numbers.size)
    return this.#numbers.size - 1
  }

  get(uri: string): number | undefined {
    return this.#numbers.get(uri)
  }
}

/** The ID of an image's element. */
export function imageElementId(number: number): string {
  return `image-${number}`
}

/** The images that a row names, in the order in which the model saw them. */
export function rowImages(values: { [name: string]: Value }): { observation_id: string | null; gcs_uri: string }[] {
  const uris = values['gcs_uris']
  const ids = values['observation_ids']
  return (Array.isArray(uris) ? uris : []).map((uri, index) => {
    const id = Array.isArray(ids) ? ids[index] : null
    return { observation_id: typeof id === 'string' ? id : null, gcs_uri: String(uri) }
  })
}
