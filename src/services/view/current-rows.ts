import type { About } from './about.ts'
import type { ResultsDatabase } from './results-database.ts'

interface Held {
  database: ResultsDatabase
  /** Deletes what belongs to it, once it is closed. */
  remove: () => Promise<void>
  users: number
}

/** The rows as they are now. While a run is in progress, newer ones replace them; requests in progress keep theirs. */
export class CurrentRows {
  #held: Held

  constructor(database: ResultsDatabase, remove: () => Promise<void>) {
    this.#held = { database, remove, users: 0 }
  }

  get about(): About {
    return this.#held.database.about
  }

  /** Runs work with the rows of now, which stay open until it is done. */
  async use<Result>(work: (database: ResultsDatabase) => Promise<Result>): Promise<Result> {
    const held = this.#held
    held.users += 1
    try {
      return await work(held.database)
    } finally {
      await this.#leave(held)
    }
  }

  /** Yields from the rows of now, which stay open until the last value. */
  async *stream<Value>(work: (database: ResultsDatabase) => AsyncIterable<Value>): AsyncGenerator<Value> {
    const held = this.#held
    held.users += 1
    try {
      yield* work(held.database)
    } finally {
      await this.#leave(held)
    }
  }

  async replace(database: ResultsDatabase, remove: () => Promise<void>): Promise<void> {
    const old = this.#held
    this.#held = { database, remove, users: 0 }
    old.users += 1
    await this.#leave(old)
  }

  /** Call it when no request is in progress. */
  async close(): Promise<void> {
    const { database, remove } = this.#held
    database.close()
    await remove()
  }

  async #leave(held: Held): Promise<void> {
    held.users -= 1
    if (held === this.#held || held.users > 0) return
    held.database.close()
    await held.remove()
  }
}
