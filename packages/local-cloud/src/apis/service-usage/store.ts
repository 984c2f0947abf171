import type { DatabaseSync } from 'node:sqlite'
import { openDatabase, transaction } from '../../kernel/database.ts'
import { OPERATIONS_TABLE } from '../../kernel/rest-operations.ts'

const MIGRATIONS = ['CREATE TABLE enabled_services (name TEXT PRIMARY KEY)', OPERATIONS_TABLE]

/** Which services the project uses, in `<directory>/service-usage.sqlite`. */
export class ServiceStore {
  readonly database: DatabaseSync
  /** Asked at every call of every API, so it is kept here as well. */
  readonly #enabled: Set<string>

  /** @param initially what a project that was never opened before has enabled */
  constructor(file: string, initially: readonly string[]) {
    this.database = openDatabase(file, MIGRATIONS)
    const rows = this.database.prepare('SELECT name FROM enabled_services').all()
    this.#enabled = new Set(rows.map(({ name }) => String(name)))
    // Service Usage itself cannot be disabled, so only a new project has nothing.
    if (this.#enabled.size === 0) this.enable(initially)
  }

  isEnabled(name: string): boolean {
    return this.#enabled.has(name)
  }

  get enabledCount(): number {
    return this.#enabled.size
  }

  /** All of them or, when the disk refuses, none. */
  enable(names: readonly string[]): void {
    transaction(this.database, () => {
      const insert = this.database.prepare('INSERT OR IGNORE INTO enabled_services (name) VALUES (?)')
      for (const name of names) insert.run(name)
    })
    for (const name of names) this.#enabled.add(name)
  }

  disable(name: string): void {
    this.database.prepare('DELETE FROM enabled_services WHERE name = ?').run(name)
    this.#enabled.delete(name)
  }

  close(): void {
    this.database.close()
  }
}
