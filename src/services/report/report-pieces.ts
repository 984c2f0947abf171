import type { Row } from '@imagery/viewer/contract/columns'
import { REPORT_LAYOUT, type ReportHead } from '@imagery/viewer/contract/report'
import { BLOCK_ROWS, headElement, imageElement, rawElement, rowsElement } from './data-elements.ts'
import type { RunImages } from '../view/images.ts'
import { embeddedImage, type Absence, type Embedding } from './embedded-image.ts'
import { ImagePlan } from './image-plan.ts'
import type { Template } from './template.ts'
import { countText, counted } from '../../contracts/count-text.ts'

export interface ReportContent {
  template: Template
  head: Omit<ReportHead, 'layout'>
  /** The rows in the order of their units' IDs, page by page. */
  rows: AsyncIterable<Row[]>
  /** Pages of raw answers by attempt ID. */
  rawAnswers: AsyncIterable<ReadonlyMap<string, string>>
  images: RunImages
  embedding: Embedding
  mostImages: number
}

/** The images of a report, counted while it is written. */
export interface ImageCounts extends Record<Absence, number> {
  /** Different images that the rows name. */
  named: number
  embedded: number
  /** Images beyond the limit. */
  left_out: number
}

export interface ReportProgress {
  counts: ImageCounts
  rows: number
  /** Called when there is progress to show. */
  detail: (text: string) => void
}

/** Images in flight: with `full`, each can have 64 MiB. */
const IMAGES_AT_ONCE = { thumbnails: 8, full: 3 } as const

/** Yields a report piece by piece. Nothing is read before the first piece is asked for, and few images are in memory at once. */
export async function* reportPieces(content: ReportContent, progress: ReportProgress): AsyncGenerator<string> {
  const { template, head, embedding } = content
  const plan = new ImagePlan()
  yield template.before
  const names = head.run.columns.map(({ name }) => name)
  for await (const rows of blocks(content.rows)) {
    for (const row of rows) plan.add(row)
    progress.rows += rows.length
    progress.detail(counted(progress.rows, 'row'))
    yield rowsElement(names, rows)
  }
  for await (const answers of content.rawAnswers) if (answers.size > 0) yield rawElement(answers)
  progress.counts.named = plan.count
  if (embedding !== 'none') yield* imageElements(plan, { ...content, embedding }, progress)
  yield headElement({
    layout: REPORT_LAYOUT,
    ...head,
    run: { ...head.run, is_live: false, can_review: false, has_images: progress.counts.embedded > 0 },
  })
  yield template.after
}

async function* blocks(pages: AsyncIterable<Row[]>): AsyncGenerator<Row[]> {
  let block: Row[] = []
  for await (const page of pages) {
    block.push(...page)
    if (block.length < BLOCK_ROWS) continue
    yield block
    block = []
  }
  if (block.length > 0) yield block
}

async function* imageElements(
  plan: ImagePlan,
  {
    images,
    embedding,
    mostImages,
  }: Pick<ReportContent, 'images' | 'mostImages'> & { embedding: Exclude<Embedding, 'none'> },
  { counts, detail }: ReportProgress,
): AsyncGenerator<string> {
  const all = plan.inOrder()
  const ahead: { number: number; found: ReturnType<typeof embeddedImage> }[] = []
  let next = 0
  for (;;) {
    // Images that are not there leave room for others.
    const free = mostImages - counts.embedded
    for (; next < all.length && ahead.length < Math.min(free, IMAGES_AT_ONCE[embedding]); next += 1) {
      const { number, uri } = all[next]!
      const found = embeddedImage(images, uri, embedding)
      // An earlier image may fail before this one is awaited.
      found.catch(() => undefined)
      ahead.push({ number, found })
    }
    const first = ahead.shift()
    if (!first) break
    const image = await first.found
    if (typeof image === 'string') counts[image] += 1
    else {
      counts.embedded += 1
      yield imageElement(first.number, image)
    }
    detail(`${countText(counts.embedded)} of ${counted(Math.min(mostImages, all.length), 'image')}`)
  }
  counts.left_out = all.length - next
}
