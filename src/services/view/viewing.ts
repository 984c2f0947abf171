import { rm } from 'node:fs/promises'
import path from 'node:path'
import type { Comparison } from '@imagery/viewer/contract/comparison'
import type { Filter } from '@imagery/viewer/contract/filter'
import type { UnitAttempt } from '@imagery/viewer/contract/source'
import type { ViewedColumn } from '@imagery/viewer/contract/columns'
import { CloudError } from '../../google/transport/errors.ts'
import { marksFile } from '../results/marks-file.ts'
import type { Target } from '../session/target.ts'
import type { Viewed } from './api.ts'
import { rowsFile, tidyFolder } from './cache-folder.ts'
import { viewedColumns } from './columns.ts'
import { exportedRows } from './exports.ts'
import { columnOf } from './filter-sql.ts'
import { RunImages } from './images.ts'
import { loadResults } from './load.ts'
import { MarksLog } from './marks-log.ts'
import type { OpenedRun } from './open-run.ts'
import { ResultsDatabase } from './results-database.ts'
import { Reviewing } from './reviewing.ts'
import { storedColumns } from './stored-columns.ts'
import { ThumbnailCache } from './thumbnail-cache.ts'
import { imagesOf, unitAttempts, unitDetail } from './unit-detail.ts'
import { viewedRun } from './viewed-run.ts'

export interface ViewingOptions {
  target: Target
  /** The user's cache folder of imagery: rows and thumbnails are in a folder of it. */
  cacheFolder: string
  /** The user's configuration folder of imagery, which has the marks. */
  configurationFolder: string
  /** Compares with a second run; undefined without one. */
  compare: (() => Promise<Comparison>) | undefined
  /** Returns the bytes of an object; by default from Cloud Storage, with the user's own credentials. */
  readImage?: (uri: string) => Promise<Buffer>
  signal: AbortSignal
  /** Called with what there is to say about the reading of the rows. */
  detail: (text: string) => void
}

/** A run whose rows are on this machine, ready to be served. */
export interface Viewing extends Viewed {
  rows: number
  close(): Promise<void>
}

/** Reads a run's rows into a local file, unless they are there already, and opens it. */
export async function viewRun(run: OpenedRun, options: ViewingOptions): Promise<Viewing> {
  const { target, cacheFolder, configurationFolder } = options
  const { database, file } = await openRows(run, options)
  const counted = await database.summary([])
  const columns = database.about.columns.map(({ column }) => column)
  const review = new Reviewing(new MarksLog(marksFile(configurationFolder, run.runId)), () => database)
  const thumbnails = new ThumbnailCache(path.join(cacheFolder, 'view', 'thumbnails'), run.runId)
  await thumbnails.tidy()
  const images = new RunImages(thumbnails, options.readImage)
  const attempts = attemptsReader(run, columns)
  return {
    rows: database.about.rows,
    run: async () => viewedRun(run, database.about, counted),
    async summary(filter) {
      await tellReviews(review, filter)
      return database.summary(filter)
    },
    async page(request) {
      await tellReviews(review, request.filter)
      return database.page(request)
    },
    async points(filter, color) {
      await tellReviews(review, filter)
      return database.points(filter, color)
    },
    async unit(unitId) {
      const stored = await database.unit(unitId)
      if (!stored) return undefined
      const [tries, mark] = await Promise.all([attempts(unitId), review.markOf(unitId)])
      const { table } = run.rows
      const isLocal = target.kind === 'local'
      return unitDetail(stored, { runId: run.runId, table, flags: target.flags, attempts: tries, mark, isLocal })
    },
    async image(unitId, index, size) {
      const stored = await database.unit(unitId)
      const uri = stored && imagesOf(stored.values)[index]?.gcs_uri
      if (uri === undefined) return undefined
      return size === 'full' ? images.full(uri) : images.thumbnail(uri)
    },
    exportRows(format, filter, names) {
      const chosen = names.length === 0 ? columns : names.map((name) => columnOf(database.about, name).column)
      return exportedRows(format, chosen, pagesOf(database, review, filter))
    },
    exportMarks: (format) => review.exported(format),
    comparison: async () => options.compare?.(),
    marks: () => review.marks(),
    saveMark: (mark) => review.save(mark),
    clearMark: (unitId) => review.clear(unitId, Date.now()),
    reviewProgress: () => review.progress(),
    drawReview: (plan) => review.draw(plan),
    onChange: () => () => undefined,
    async close() {
      database.close()
      if (run.rows.version === undefined) await rm(file, { force: true, maxRetries: 3 })
    },
  }
}

async function tellReviews(review: Reviewing, filter: Filter): Promise<void> {
  if (filter.some((condition) => 'review' in condition)) await review.tell()
}

async function* pagesOf(
  database: ResultsDatabase,
  review: Reviewing,
  filter: Filter,
): ReturnType<ResultsDatabase['pages']> {
  await tellReviews(review, filter)
  yield* database.pages(filter)
}

/** Returns a function that reads the attempts of a unit once. */
function attemptsReader(
  { spec }: OpenedRun,
  columns: readonly ViewedColumn[],
): (unitId: string) => Promise<UnitAttempt[]> {
  const known = new Map<string, UnitAttempt[]>()
  return async (unitId) => {
    if (!spec) return []
    const found = known.get(unitId) ?? (await unitAttempts(spec, unitId, columns).catch(withoutLedger))
    known.set(unitId, found)
    return found
  }
}

/** The ledger can be gone, or the user may not read it: the current answer is still there. */
function withoutLedger(error: unknown): UnitAttempt[] {
  if (error instanceof CloudError && (error.status === 'NOT_FOUND' || error.status === 'PERMISSION_DENIED')) return []
  throw error
}

async function openRows(
  { runId, spec, rows }: OpenedRun,
  { target, cacheFolder, signal, detail }: ViewingOptions,
): Promise<{ database: ResultsDatabase; file: string }> {
  const folder = path.join(cacheFolder, 'view', 'rows')
  const file = rowsFile(folder, { target: target.key, runId, table: rows.table, version: rows.version })
  const known = rows.version === undefined ? undefined : await ResultsDatabase.open(file)
  if (known) {
    await tidyFolder(folder, file)
    return { database: known, file }
  }
  const texts = new Set(rows.fields.filter(({ type }) => /NUMERIC/.test(type ?? '')).map(({ name }) => name))
  const columns = storedColumns(viewedColumns(rows.fields, spec?.profile), (name) => texts.has(name))
  const total = rows.count === undefined ? '' : ` of ${rows.count.toLocaleString('en')}`
  const progress = (read: number): void => detail(`${read.toLocaleString('en')}${total} rows`)
  await loadResults(file, { columns, pages: rows.read(), signal, progress })
  await tidyFolder(folder, file)
  const database = await ResultsDatabase.open(file)
  if (!database) throw new Error(`${file} was just written and cannot be read`)
  return { database, file }
}
