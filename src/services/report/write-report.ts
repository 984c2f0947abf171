import { stat } from 'node:fs/promises'
import path from 'node:path'
import type { Row } from '@imagery/viewer/contract/columns'
import { shellWord } from '@imagery/local-cloud/contract/shell-word'
import { ImageryError } from '../../contracts/errors.ts'
import type { Step } from '../../contracts/steps.ts'
import { writeWholeFile } from '../results/whole-file.ts'
import type { StateStore } from '../session/state-store.ts'
import type { Target } from '../session/target.ts'
import { thumbnailsFolder } from '../view/cache-folder.ts'
import { openRun, type OpenedRun } from '../view/open-run.ts'
import { RunImages } from '../view/images.ts'
import type { ResultsDatabase } from '../view/results-database.ts'
import { ThumbnailCache } from '../view/thumbnail-cache.ts'
import { viewedRun } from '../view/viewed-run.ts'
import { openRows } from '../view/viewing.ts'
import type { Embedding } from './embedded-image.ts'
import { rawAnswersOf } from './raw-answers.ts'
import { reportPieces, type ImageCounts, type ReportProgress } from './report-pieces.ts'
import { reportTemplate } from './template.ts'
import { counted, countText } from '../../contracts/count-text.ts'

export interface ReportOptions {
  target: Target
  store: StateStore
  /** The run ID or prefix that the user typed; undefined for the newest run. */
  run: string | undefined
  /** Undefined for a file named after the run. */
  file: string | undefined
  embedding: Embedding
  /** The most images; undefined for the default of the embedding. */
  mostImages: number | undefined
  /** The folder of the viewer's files. */
  viewerFolder: string
  /** The user's cache folder of imagery. */
  cacheFolder: string
  signal: AbortSignal
}

/** What was written. */
export interface WrittenReport {
  runId: string
  file: string
  bytes: number
  rows: number
  images: ImageCounts
  /** Whether the run had pending rows when it was read. */
  isPartial: boolean
}

/** A thumbnail takes about 10 KB, a photo a few MB. */
export const DEFAULT_IMAGES = { none: 0, thumbnails: 1_000, full: 50 } as const satisfies Record<Embedding, number>

/** A browser reads all rows of a report into memory. */
const MOST_ROWS = 200_000

/** What the steps of a report share. */
export interface ReportContext {
  opened?: OpenedRun
  rows?: Awaited<ReturnType<typeof openRows>>
  written?: WrittenReport
}

/**
 * Checks the name of the file, before any call.
 *
 * @throws ImageryError INVALID_FLAG for a name that no browser would open as a page
 */
export function checkReportFile(file: string | undefined): void {
  if (file === undefined || /[^/\\]\.html?$/i.test(file)) return
  if (file === '-' || file === '')
    throw new ImageryError('INVALID_FLAG', 'A report is written to a file, not to stdout', {
      suggestions: ['-o report.html'],
    })
  const { dir, name } = path.parse(file)
  throw new ImageryError('INVALID_FLAG', `-o ${file} does not end in .html, as a web page does`, {
    suggestions: [`-o ${shellWord(path.join(dir, `${name}.html`))}`],
  })
}

/** Returns the steps that write a report. Call `closeReport` at the end, also after a failure. */
export function reportSteps(options: ReportOptions): Step<ReportContext>[] {
  const { target, store, signal, embedding } = options
  return [
    {
      title: 'Find the run',
      async run(context) {
        const opened = await openRun(target, store, options.run)
        checkSize(opened)
        context.opened = opened
        return { done: opened.runId }
      },
    },
    {
      title: 'Read the rows',
      async run(context, { detail }) {
        context.rows = await openRows(context.opened!, { target, cacheFolder: options.cacheFolder, signal, detail })
        return { done: counted(context.rows.database.about.rows, 'row') }
      },
    },
    {
      title: 'Write the report',
      async run(context, { detail }) {
        const { runId, spec } = context.opened!
        const file = options.file ?? `${runId}.html`
        const { database } = context.rows!
        const run = viewedRun(context.opened!, database.about, {
          ...(await database.summary([])),
          is_live: false,
          flags: target.flags,
        })
        const thumbnails = new ThumbnailCache(thumbnailsFolder(options.cacheFolder), runId)
        const counts: ImageCounts = { named: 0, embedded: 0, missing: 0, denied: 0, unreadable: 0, left_out: 0 }
        const progress: ReportProgress = { counts, rows: 0, detail }
        const pieces = reportPieces(
          {
            template: await reportTemplate(options.viewerFolder, `imagery report ${runId}`),
            head: { run, flags: target.flags, is_on_google: target.kind !== 'local' },
            rows: valuesOf(database),
            // Only a model's answers are kept as it wrote them.
            rawAnswers: spec?.gemini === null ? nothing() : rawAnswersOf(target, store, runId),
            images: new RunImages(thumbnails),
            embedding,
            mostImages: options.mostImages ?? DEFAULT_IMAGES[embedding],
          },
          progress,
        )
        await writeWholeFile(file, pieces, signal)
        const bytes = await stat(file).then(({ size }) => size)
        context.written = { runId, file, bytes, rows: progress.rows, images: counts, isPartial: run.units.pending > 0 }
        return { done: file }
      },
    },
  ]
}

/** Closes what the steps have opened. */
export async function closeReport({ rows }: ReportContext): Promise<void> {
  rows?.database.close()
  await rows?.remove()
}

function checkSize({ runId, rows: { count = 0 } }: OpenedRun): void {
  if (count <= MOST_ROWS) return
  throw new ImageryError(
    'NOT_AVAILABLE',
    `Run ${runId} has ${countText(count)} rows. A browser reads all rows of a report into memory, so a report has at most ${countText(MOST_ROWS)}`,
    { suggestions: [`imagery view ${runId}`, `imagery results ${runId} -o results.parquet`] },
  )
}

async function* valuesOf(database: ResultsDatabase): AsyncGenerator<Row[]> {
  for await (const page of database.pages([])) yield page.map(({ values }) => values)
}

async function* nothing(): AsyncGenerator<never> {}
