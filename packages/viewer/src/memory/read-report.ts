import type { Value } from '../contract/columns.ts'
import {
  imageElementId,
  ImageNumbers,
  REPORT_LAYOUT,
  rowImages,
  type ReportHead,
  type RowBlock,
} from '../contract/report.ts'
import { SourceError } from '../contract/source-error.ts'
import type { ResultsSource } from '../contract/source.ts'
import { ReportRows } from './rows-of-report.ts'
import { memorySource, type FindImage } from './source.ts'

/** The elements of a page that a report's data is in. */
export interface ReportElements {
  /** Returns the texts of the elements with a `data-report` of this kind, in the order of the page. */
  texts(kind: 'head' | 'rows' | 'raw'): string[]
  /** Returns the text of the element with an ID, or undefined. */
  text(id: string): string | undefined
}

/**
 * Reads the data of a report. Images stay where they are until they are shown.
 *
 * @throws SourceError for a file that is not whole, or of another version
 */
export async function readReport(elements: ReportElements): Promise<ResultsSource> {
  const [headText] = elements.texts('head')
  if (headText === undefined)
    throw new SourceError('This report is not whole: its end is missing', [
      'Copy the file again, or write the report again',
    ])
  const head = (await unpacked(headText)) as ReportHead
  if (head.layout !== REPORT_LAYOUT)
    throw new SourceError('This report was written for another version of its app', ['Write the report again'])
  const raw = new Map<string, string>()
  for (const text of elements.texts('raw'))
    for (const [id, answer] of Object.entries((await unpacked(text)) as Record<string, string>)) raw.set(id, answer)
  const rows = new ReportRows(head.run.columns)
  for (const text of elements.texts('rows')) rows.add((await unpacked(text)) as RowBlock)
  const images = imagesIn(elements, rows.valuesOf('gcs_uris'))
  return memorySource(head, rows.all(raw), images, (name) => rows.valuesOf(name))
}

/**
 * An image of one size stands for both: a report has each only once.
 *
 * @param uris the list of each row
 */
function imagesIn(elements: ReportElements, uris: readonly Value[]): FindImage {
  const numbers = new ImageNumbers()
  for (const list of uris) for (const { gcs_uri: uri } of rowImages({ gcs_uris: list })) numbers.add(uri)
  return (uri) => {
    const number = numbers.get(uri)
    const text = number === undefined ? undefined : elements.text(imageElementId(number))
    return text === undefined ? null : `data:${text}`
  }
}

/** Returns the value that base64 of gzip of JSON stands for. A page from a file may not fetch, so it decodes by itself. */
async function unpacked(text: string): Promise<unknown> {
  const binary = atob(text)
  const bytes = new Uint8Array(binary.length)
  for (let at = 0; at < binary.length; at += 1) bytes[at] = binary.charCodeAt(at)
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'))
  return JSON.parse(await new Response(stream).text()) as unknown
}
