import { createHash } from 'node:crypto'
import { readdir, rm, stat, utimes } from 'node:fs/promises'
import path from 'node:path'
import { chmodSync } from 'node:fs'
import { makeFolder } from '../local/make-folder.ts'
import { LAYOUT } from './about.ts'

/** Runs whose rows stay on this machine, so that the next start need not read them again. */
const MOST_RUNS = 8

/** The files of all runs together. The newest stays, however large it is. */
const MOST_BYTES = 4 * 1024 ** 3

/** A file of a command that was killed while it wrote. */
const ABANDONED_MS = 24 * 3_600_000

/** The folder of the rows of runs, in the user's cache folder. */
export function rowsFolder(cacheFolder: string): string {
  return path.join(cacheFolder, 'view', 'rows')
}

/** The folder of thumbnails, in the user's cache folder. */
export function thumbnailsFolder(cacheFolder: string): string {
  return path.join(cacheFolder, 'view', 'thumbnails')
}

/** Removes what the viewer keeps of a run on this machine: its rows and thumbnails. A review's marks are the user's own. */
export async function forgetViewedRun(cacheFolder: string, runId: string): Promise<void> {
  for (const folder of [rowsFolder(cacheFolder), thumbnailsFolder(cacheFolder)]) {
    const names = await readdir(folder).catch(() => [])
    const own = names.filter((name) => name.startsWith(`${runId}-`))
    // On Windows, a viewer that is open keeps its file, and removes it when it ends or is started again.
    for (const name of own) await rm(path.join(folder, name), { recursive: true, force: true }).catch(() => undefined)
  }
}

/**
 * Returns the name of the local file of a run's rows. Another table, or the same after a change, has another name.
 *
 * @param folder in the user's cache folder; only the user may read it
 * @param rows.version undefined for rows that change: their file belongs to this process
 */
export function rowsFile(
  folder: string,
  rows: { target: string; runId: string; table: string; version: string | undefined },
): string {
  makeFolder(folder)
  chmodSync(folder, 0o700)
  const text = JSON.stringify([LAYOUT, rows.target, rows.table, rows.version ?? `${process.pid}-${Date.now()}`])
  const name = createHash('sha256').update(text).digest('hex').slice(0, 16)
  return path.join(folder, `${rows.runId}-${name}${rows.version === undefined ? '.live' : ''}.duckdb`)
}

/** Removes the files that were used longest ago, and what a killed command has left. */
export async function tidyFolder(folder: string, used: string): Promise<void> {
  // Marks the file as the newest.
  await utimes(used, new Date(), new Date()).catch(() => undefined)
  const names = await readdir(folder).catch(() => [])
  const files = await Promise.all(
    names.map(async (name) => {
      const file = path.join(folder, name)
      const status = await stat(file).catch(() => undefined)
      return status && { file, bytes: status.size, usedMs: status.mtimeMs }
    }),
  )
  const known = files.filter((file) => file !== undefined).toSorted((a, b) => b.usedMs - a.usedMs)
  const whole = known.filter(({ file }) => file.endsWith('.duckdb') && !file.endsWith('.live.duckdb'))
  let bytes = 0
  const kept = new Set(
    whole.filter((file, index) => index === 0 || (index < MOST_RUNS && (bytes += file.bytes) <= MOST_BYTES)),
  )
  for (const file of known) {
    const isAbandoned = !whole.includes(file) && Date.now() - file.usedMs > ABANDONED_MS
    const isOld = whole.includes(file) && !kept.has(file)
    // On Windows, a file that another command has open cannot be removed.
    if (isAbandoned || isOld) await rm(file.file, { recursive: true, force: true }).catch(() => undefined)
  }
}
