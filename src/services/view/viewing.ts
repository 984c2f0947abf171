import { rm } from 'node:fs/promises'
import type { UnitAttempt } from '@imagery/viewer/contract/source'
import { CloudError } from '../../google/transport/errors.ts'
import type { Target } from '../session/target.ts'
import type { Viewed } from './app.ts'
import { rowsFile, tidyFolder } from './cache-folder.ts'
import { viewedColumns } from './columns.ts'
import { loadResults } from './load.ts'
import type { OpenedRun } from './open-run.ts'
import { ResultsDatabase } from './results-database.ts'
import { storedColumns } from './stored-columns.ts'
import { unitAttempts, unitDetail } from './unit-detail.ts'
import { viewedRun } from './viewed-run.ts'

export interface ViewingOptions {
  target: Target
  /** The folder for local files of rows. */
  folder: string
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
  const { database, file } = await openRows(run, options)
  const counted = await database.summary([])
  const attempts = new Map<string, UnitAttempt[]>()
  const columns = database.about.columns.map(({ column }) => column)
  return {
    rows: database.about.rows,
    run: async () => viewedRun(run, database.about, counted),
    summary: (filter) => database.summary(filter),
    page: (request) => database.page(request),
    points: (filter, color) => database.points(filter, color),
    async unit(unitId) {
      const stored = await database.unit(unitId)
      if (!stored) return undefined
      const known = attempts.get(unitId) ?? (await readAttempts(run, unitId, columns))
      attempts.set(unitId, known)
      return unitDetail(stored, {
        runId: run.runId,
        table: run.rows.table,
        columns,
        flags: options.target.flags,
        attempts: known,
        isLocal: options.target.kind === 'local',
      })
    },
    onChange: () => () => undefined,
    async close() {
      database.close()
      if (run.rows.version === undefined) await rm(file, { force: true, maxRetries: 3 })
    },
  }
}

/** The ledger can be gone, or the user may not read it: the current answer is still there. */
async function readAttempts(
  { spec }: OpenedRun,
  unitId: string,
  columns: Parameters<typeof unitAttempts>[2],
): Promise<UnitAttempt[]> {
  if (!spec) return []
  return unitAttempts(spec, unitId, columns).catch((error: unknown) => {
    if (error instanceof CloudError && (error.status === 'NOT_FOUND' || error.status === 'PERMISSION_DENIED')) return []
    throw error
  })
}

async function openRows(
  { runId, spec, rows }: OpenedRun,
  { target, folder, signal, detail }: ViewingOptions,
): Promise<{ database: ResultsDatabase; file: string }> {
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
