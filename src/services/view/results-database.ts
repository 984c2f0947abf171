import type { Filter, ReviewState } from '@imagery/viewer/contract/filter'
import type { Page, PageRequest, PageRow, Points, Summary } from '@imagery/viewer/contract/source'
import type { ReviewPlan } from '@imagery/viewer/contract/review'
import { LAYOUT, type About } from './about.ts'
import { Connections, openDuckDb, rowsOf } from './database.ts'
import { Dictionaries } from './dictionaries.ts'
import { drawReview } from './draw-review.ts'
import { KeptRows, type Kept } from './kept-rows.ts'
import { keptPage, rowsAfter } from './page.ts'
import { pointsOf } from './points.ts'
import { failedUnits, storedUnit, type StoredUnit } from './stored-unit.ts'
import { summaryOf } from './summary.ts'

/** The rows of a run in a local DuckDB file, which is only read. Marks are beside it, in memory. */
export class ResultsDatabase {
  readonly about: About
  readonly #connections: Connections
  readonly #kept: KeptRows
  readonly #dictionaries: Dictionaries

  private constructor(about: About, connections: Connections, dictionaries: Dictionaries) {
    this.about = about
    this.#dictionaries = dictionaries
    this.#connections = connections
    this.#kept = new KeptRows(about)
  }

  /** Opens a file that `loadResults` has written. Returns undefined if it is of another version, or damaged. */
  static async open(file: string): Promise<ResultsDatabase | undefined> {
    const instance = await openDuckDb(file, { isReadOnly: true }).catch(() => undefined)
    if (!instance) return undefined
    const connections = new Connections(instance, file)
    // The file is a cache: one that says nothing about itself is written again.
    const about = await connections
      .use((connection) => rowsOf(connection, 'SELECT document FROM about'))
      .then((found) => JSON.parse(String(found[0]?.[0])) as About)
      .catch(() => undefined)
    if (about?.layout !== LAYOUT) {
      connections.close()
      return undefined
    }
    const dictionaries = await connections.use(async (connection) => {
      await connection.run("ATTACH ':memory:' AS kept (READ_WRITE)")
      await connection.run("ATTACH ':memory:' AS marks (READ_WRITE)")
      await connection.run('CREATE TABLE marks.units (unit_id VARCHAR, state VARCHAR)')
      await connection.run('SET enable_external_access = false')
      return Dictionaries.read(connection, about)
    })
    return new ResultsDatabase(about, connections, dictionaries)
  }

  async summary(filter: Filter): Promise<Summary> {
    return this.#withKept(filter, (kept) =>
      this.#connections.use((connection) => summaryOf(connection, kept, this.about, this.#dictionaries)),
    )
  }

  async page(request: PageRequest): Promise<Page> {
    return this.#withKept(request.filter, (kept) =>
      this.#connections.use((connection) => keptPage(connection, kept, this.about, request)),
    )
  }

  async points(filter: Filter, color: string | null): Promise<Points> {
    return this.#withKept(filter, (kept) =>
      this.#connections.use((connection) => pointsOf(connection, kept, this.about, color)),
    )
  }

  /** Returns a unit with all its values, or undefined if the run has no such unit. */
  async unit(unitId: string): Promise<StoredUnit | undefined> {
    return this.#connections.use((connection) => storedUnit(connection, this.about, unitId))
  }

  /** Returns those of some units that have no answer because they failed. */
  async failedOf(unitIds: readonly string[]): Promise<ReadonlySet<string>> {
    return this.#connections.use((connection) => failedUnits(connection, unitIds))
  }

  /** Yields the rows that a filter keeps, page by page, in the order of their units' IDs. */
  async *pages(filter: Filter): AsyncGenerator<PageRow[]> {
    for (let after = -1; ;) {
      const { rows, last } = await this.#withKept(filter, (kept) =>
        this.#connections.use((connection) => rowsAfter(connection, kept, this.about, { after, limit: EXPORT_ROWS })),
      )
      if (rows.length > 0) yield rows
      if (rows.length < EXPORT_ROWS) return
      after = last
    }
  }

  /** Draws units to review. */
  async drawReview(plan: ReviewPlan): Promise<string[]> {
    return this.#connections.use((connection) => drawReview(connection, this.about, plan))
  }

  /** Replaces what reviewers have decided. */
  async setReviews(states: ReadonlyMap<string, ReviewState>): Promise<void> {
    await this.#connections.use(async (connection) => {
      await connection.run('DELETE FROM marks.units')
      const appender = await connection.createAppender('units', 'main', 'marks')
      for (const [unitId, state] of states) {
        appender.appendVarchar(unitId)
        appender.appendVarchar(state)
        appender.endRow()
      }
      appender.closeSync()
      await this.#kept.forgetReviews(connection)
    })
  }

  close(): void {
    this.#connections.close()
  }

  async #withKept<Result>(filter: Filter, work: (kept: Kept) => Promise<Result>): Promise<Result> {
    const lease = await this.#connections.use((connection) => this.#kept.take(connection, filter))
    try {
      return await work(lease.kept)
    } finally {
      await lease.release()
    }
  }
}

/** Rows of an export that are in memory at once. */
const EXPORT_ROWS = 2_000
