import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { createFolder } from './create-folder.ts'

/** A store's file could not be opened. */
export class DatabaseFailure extends Error {
  override readonly name = 'DatabaseFailure'
  readonly file: string

  constructor(file: string, cause: unknown) {
    super(`${file}: ${(cause as Error).message}`, { cause })
    this.file = file
  }
}

/**
 * Opens (or creates) one API's SQLite file and brings its schema up to date.
 *
 * The write-ahead log with `synchronous = NORMAL` keeps every committed transaction when the process is
 * killed; only a power failure can lose the last ones
 * (https://www.sqlite.org/pragma.html#pragma_synchronous). A new file waits for the disk only after it has its schema:
 * before that, a power failure has nothing to lose.
 *
 * @param migrations SQL scripts; the file's `user_version` counts those already applied
 * @throws DatabaseFailure that names the file when it cannot be opened
 */
export function openDatabase(file: string, migrations: readonly string[]): DatabaseSync {
  createFolder(path.dirname(file))
  const database = openFile(file)
  try {
    migrate(database, migrations)
    return database
  } catch (error) {
    database.close()
    throw new DatabaseFailure(file, error)
  }
}

function openFile(file: string): DatabaseSync {
  try {
    return new DatabaseSync(file)
  } catch (error) {
    throw new DatabaseFailure(file, error)
  }
}

function migrate(database: DatabaseSync, migrations: readonly string[]): void {
  const applied = Number(database.prepare('PRAGMA user_version').get()?.['user_version'] ?? 0)
  const synchronous = applied === 0 ? 'OFF' : 'NORMAL'
  database.exec(
    `PRAGMA busy_timeout = 5000; PRAGMA synchronous = ${synchronous}; PRAGMA journal_mode = WAL; PRAGMA foreign_keys = ON`,
  )
  for (const [index, script] of migrations.entries()) {
    if (index < applied) continue
    transaction(database, () => database.exec(`${script}; PRAGMA user_version = ${index + 1}`))
  }
  database.exec('PRAGMA synchronous = NORMAL')
}

/** Runs `work` inside one transaction: commits everything or nothing. Not reentrant. */
export function transaction<Result>(database: DatabaseSync, work: () => Result): Result {
  database.exec('BEGIN IMMEDIATE')
  try {
    const result = work()
    database.exec('COMMIT')
    return result
  } catch (error) {
    rollBack(database)
    throw error
  }
}

/**
 * After some failures, such as a full disk, SQLite has already rolled back
 * (https://www.sqlite.org/lang_transaction.html).
 */
function rollBack(database: DatabaseSync): void {
  try {
    database.exec('ROLLBACK')
  } catch (error) {
    if (!String(error).includes('no transaction is active')) throw error
  }
}
