import type { DatabaseSync } from 'node:sqlite'
import { openDatabase } from '../../kernel/database.ts'
import type { Build } from './resources.ts'

const MIGRATIONS = ['CREATE TABLE builds (id TEXT PRIMARY KEY, location TEXT NOT NULL, resource TEXT NOT NULL)']

/** Builds in `<directory>/builds.sqlite`. Listings begin with the newest. */
export class BuildStore {
  readonly #database: DatabaseSync

  constructor(file: string) {
    this.#database = openDatabase(file, MIGRATIONS)
  }

  close(): void {
    this.#database.close()
  }

  build(id: string): Build | undefined {
    return this.#read('WHERE id = ?', id)[0]
  }

  builds(location: string): Build[] {
    return this.#read('WHERE location = ? ORDER BY rowid DESC', location)
  }

  all(): Build[] {
    return this.#read('ORDER BY rowid')
  }

  put(build: Build): void {
    const [, , , location = ''] = build.name.split('/')
    // An upsert keeps the row's place in the order of submission.
    this.#database
      .prepare(
        `INSERT INTO builds (id, location, resource) VALUES (?, ?, ?)
         ON CONFLICT (id) DO UPDATE SET resource = excluded.resource`,
      )
      .run(build.id, location, JSON.stringify(build))
  }

  count(): number {
    return Number(this.#database.prepare('SELECT count(*) AS count FROM builds').get()?.['count'])
  }

  #read(clause: string, ...values: string[]): Build[] {
    const rows = this.#database.prepare(`SELECT resource FROM builds ${clause}`).all(...values)
    return rows.map((row) => JSON.parse(String(row['resource'])) as Build)
  }
}
