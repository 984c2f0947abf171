import { rm } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Comparison } from '@imagery/viewer/contract/comparison'
import type { Filter } from '@imagery/viewer/contract/filter'
import type { UnitAttempt } from '@imagery/viewer/contract/source'
import type { ViewedColumn } from '@imagery/viewer/contract/columns'
import { CloudError } from '../../google/transport/errors.ts'
import { marksFile } from '../results/marks-file.ts'
import type { Target } from '../session/target.ts'
import type { Viewed } from './api.ts'
import { rowsFile, rowsFolder, thumbnailsFolder, tidyFolder } from './cache-folder.ts'
import { viewedColumns } from './columns.ts'
import { exportedRows } from './exports.ts'
import { CurrentRows } from './current-rows.ts'
import { columnOf } from './filter-sql.ts'
import { followRun, type RunChanges } from './follow-run.ts'
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
import { counted, countText } from '../../contracts/count-text.ts'

export interface ViewingOptions {
  target: Target
  /** The user's cache folder of imagery: rows and thumbnails are in a folder of it. */
  cacheFolder: string
  /** The user's configuration folder of imagery, which has the marks. */
  configurationFolder: string
  /** How to follow a run in progress; undefined if its rows are not read again. */
  changes?: RunChanges | undefined
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
  /** How often, at most, the rows of a run in progress are read again, and what each reading is billed for. */
  following: { everyMs: number; billedBytes: number } | undefined
  /** Ends with the signal, or with the run. Rejects for a bug only. */
  followed: Promise<void>
  close(): Promise<void>
}

/** Reads a run's rows into a local file, unless they are there already, and opens it. Follows a run in progress. */
export async function viewRun(opened: OpenedRun, options: ViewingOptions): Promise<Viewing> {
  const { target, cacheFolder, configurationFolder, changes } = options
  const closing = new AbortController()
  let run = opened
  const first = await openRows(run, options)
  const current = new CurrentRows(first.database, first.remove)
  let counted = await current.use((database) => database.summary([]))
  const review = new Reviewing(new MarksLog(marksFile(configurationFolder, run.runId)), current)
  const thumbnails = new ThumbnailCache(thumbnailsFolder(cacheFolder), run.runId)
  await thumbnails.tidy()
  const images = new RunImages(thumbnails, options.readImage)
  let attempts = attemptsReader(run)
  const listeners = new Set<() => void>()
  const read = async (newer: OpenedRun): Promise<void> => {
    const { database, remove } = await openRows(newer, { ...options, signal, detail: () => undefined })
    if (signal.aborted) {
      database.close()
      return remove()
    }
    counted = await database.summary([])
    run = newer
    attempts = attemptsReader(run)
    await current.replace(database, remove)
    for (const listener of listeners) listener()
  }
  const signal = AbortSignal.any([options.signal, closing.signal])
  const followed = changes && isLive(run) ? followRun(run, changes, { read, signal }) : Promise.resolve()
  // The command looks at it when it ends.
  followed.catch(() => undefined)
  return {
    rows: current.about.rows,
    following:
      changes && isLive(opened) ? { everyMs: changes.readMs(opened), billedBytes: opened.rows.billedBytes } : undefined,
    followed,
    run: async () => viewedRun(run, current.about, { ...counted, is_live: isLive(run), flags: target.flags }),
    summary: (filter) => withReviews(review, filter, () => current.use((database) => database.summary(filter))),
    page: (request) => withReviews(review, request.filter, () => current.use((database) => database.page(request))),
    points: (filter, color) =>
      withReviews(review, filter, () => current.use((database) => database.points(filter, color))),
    async unit(unitId) {
      const stored = await current.use((database) => database.unit(unitId))
      if (!stored) return undefined
      const columns = current.about.columns.map(({ column }) => column)
      const [tries, mark] = await Promise.all([attempts(unitId, columns), review.markOf(unitId)])
      const { table } = run.rows
      const isLocal = target.kind === 'local'
      return unitDetail(stored, { runId: run.runId, table, flags: target.flags, attempts: tries, mark, isLocal })
    },
    async image(unitId, index, size) {
      const stored = await current.use((database) => database.unit(unitId))
      const uri = stored && imagesOf(stored.values)[index]?.gcs_uri
      if (uri === undefined) return undefined
      return size === 'full' ? images.full(uri) : images.thumbnail(uri)
    },
    exportRows(format, filter, names) {
      const { about } = current
      const chosen =
        names.length === 0
          ? about.columns.map(({ column }) => column)
          : names.map((name) => columnOf(about, name).column)
      return exportedRows(format, chosen, pagesOf(current, review, filter))
    },
    exportMarks: (format) => review.exported(format),
    comparison: async () => options.compare?.(),
    marks: () => review.marks(),
    saveMark: (mark) => review.save(mark),
    clearMark: (unitId) => review.clear(unitId, Date.now()),
    reviewProgress: () => review.progress(),
    drawReview: (plan) => review.draw(plan),
    onChange(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    async close() {
      closing.abort()
      // A call without an answer must not hold up the end of the command.
      await Promise.race([followed, sleep(MOST_END_MS, undefined, { ref: false })])
      await current.close()
    },
  }
}

/** How long the end of a reading of rows is waited for. */
const MOST_END_MS = 2_000

/** Whether there can be new rows. A stopped run gets none until it is resumed. */
function isLive({ rows, report }: OpenedRun): boolean {
  return rows.version === undefined && report?.stopped === undefined
}

async function withReviews<Result>(review: Reviewing, filter: Filter, work: () => Promise<Result>): Promise<Result> {
  if (filter.some((condition) => 'review' in condition)) await review.tell()
  return work()
}

async function* pagesOf(current: CurrentRows, review: Reviewing, filter: Filter): ReturnType<ResultsDatabase['pages']> {
  await withReviews(review, filter, async () => undefined)
  yield* current.stream((database) => database.pages(filter))
}

/** Returns a function that reads the attempts of a unit once. */
function attemptsReader({
  spec,
}: OpenedRun): (unitId: string, columns: readonly ViewedColumn[]) => Promise<UnitAttempt[]> {
  const known = new Map<string, UnitAttempt[]>()
  return async (unitId, columns) => {
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

/** The rows of a run in a local file, and what deletes the file if only this process can use it. */
export async function openRows(
  { runId, spec, answers, rows }: OpenedRun,
  { target, cacheFolder, signal, detail }: Pick<ViewingOptions, 'target' | 'cacheFolder' | 'signal' | 'detail'>,
): Promise<{ database: ResultsDatabase; remove: () => Promise<void> }> {
  const folder = rowsFolder(cacheFolder)
  const isKept = rows.version !== undefined
  const file = rowsFile(folder, { target: target.key, runId, table: rows.table, version: rows.version })
  const remove = async (): Promise<void> => {
    if (!isKept) await rm(file, { force: true, maxRetries: 3 })
  }
  const known = isKept ? await ResultsDatabase.open(file) : undefined
  if (known) {
    await tidyFolder(folder, file)
    return { database: known, remove }
  }
  const texts = new Set(rows.fields.filter(({ type }) => /NUMERIC/.test(type ?? '')).map(({ name }) => name))
  const columns = storedColumns(viewedColumns(rows.fields, spec?.profile, answers), (name) => texts.has(name))
  const { count } = rows
  const progress = (read: number): void =>
    detail(count === undefined ? counted(read, 'row') : `${countText(read)} of ${counted(count, 'row')}`)
  await loadResults(file, { columns, pages: rows.read(), signal, progress })
  await tidyFolder(folder, file)
  const database = await ResultsDatabase.open(file)
  if (!database) throw new Error(`${file} was just written and cannot be read`)
  return { database, remove }
}
