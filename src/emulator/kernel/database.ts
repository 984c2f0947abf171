import { mkdirSync } from 'node:fs'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'

/**
 * Opens (or creates) one API's SQLite file and brings its schema up to date.
 *
 * The write-ahead log with `synchronous = NORMAL` keeps every committed transaction when the
 * process is killed; only a power cut may cost the last ones
 * (https://www.sqlite.org/pragma.html#pragma_synchronous).
 *
 * @param migrations SQL scripts; the file's `user_version` counts those already applied
 */
export function openDatabase(file: string, migrations: readonly string[]): DatabaseSync {
  mkdirSync(path.dirname(file), { recursive: true })
  const database = new DatabaseSync(file)
  database.exec(
    'PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON; PRAGMA busy_timeout = 5000',
  )
  const applied = Number(database.prepare('PRAGMA user_version').get()?.['user_version'] ?? 0)
  for (const [index, script] of migrations.entries()) {
    if (index < applied) continue
    transaction(database, () => database.exec(`${script}; PRAGMA user_version = ${index + 1}`))
  }
  return database
}

/** Runs `work` inside one transaction: all of it is kept, or none. Not re-entrant. */
export function transaction<Result>(database: DatabaseSync, work: () => Result): Result {
  database.exec('BEGIN IMMEDIATE')
  try {
    const result = work()
    database.exec('COMMIT')
    return result
  } catch (error) {
    database.exec('ROLLBACK')
    throw error
  }
}
