import type { Filter } from '../../contract/filter.ts'
import type { PageRow, ResultsSource } from '../../contract/source.ts'
import type { Sort } from '../state/view-state.ts'

export const PAGE_SIZE = 100
/** More pages than this are forgotten, oldest first. */
const KEPT_PAGES = 200

interface LoadedPage {
  rows: readonly PageRow[]
  version: number
}

/** The rows that a filter keeps, in an order, loaded a page at a time when they are needed. */
export class RowPages {
  readonly #source: ResultsSource
  readonly #filter: Filter
  readonly #sort: Sort | null
  readonly #pages = new Map<number, LoadedPage>()
  readonly #loading = new Map<number, Promise<void>>()
  readonly #listeners = new Set<() => void>()
  #version = 0
  #snapshot = 0
  /** Rows that the filter keeps; undefined before the first answer. */
  total: number | undefined
  error: Error | undefined

  constructor(source: ResultsSource, filter: Filter, sort: Sort | null) {
    this.#source = source
    this.#filter = filter
    this.#sort = sort
  }

  row(index: number): PageRow | undefined {
    return this.#pages.get(Math.floor(index / PAGE_SIZE))?.rows[index % PAGE_SIZE]
  }

  /** Loads the rows from `first` to `last`, both included, that are not here or have changed. */
  need(first: number, last: number): void {
    for (
      let page = Math.floor(Math.max(0, first) / PAGE_SIZE);
      page <= Math.floor(Math.max(0, last) / PAGE_SIZE);
      page++
    ) {
      if (this.#pages.get(page)?.version !== this.#version && this.error === undefined) void this.#load(page)
    }
  }

  /** Returns the row at a place, which may have to be loaded. */
  async rowAt(index: number): Promise<PageRow | undefined> {
    const page = Math.floor(index / PAGE_SIZE)
    if (!this.#pages.has(page)) await this.#load(page)
    if (this.error !== undefined) throw this.error
    return this.row(index)
  }

  /** Keeps the rows on the screen until the changed ones arrive. */
  rowsChanged(): void {
    this.#version++
    this.error = undefined
    this.#notify()
  }

  retry = (): void => this.rowsChanged()

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Changes whenever something here did. */
  snapshot = (): number => this.#snapshot

  #notify(): void {
    this.#snapshot++
    for (const listener of this.#listeners) listener()
  }

  #load(page: number): Promise<void> {
    const inProgress = this.#loading.get(page)
    if (inProgress !== undefined) return inProgress
    const loading = this.#fetch(page).finally(() => this.#loading.delete(page))
    this.#loading.set(page, loading)
    return loading
  }

  async #fetch(page: number): Promise<void> {
    const version = this.#version
    try {
      const answer = await this.#source.page({
        filter: this.#filter,
        sort: this.#sort,
        offset: page * PAGE_SIZE,
        limit: PAGE_SIZE,
      })
      this.total = answer.total
      this.#pages.delete(page)
      this.#pages.set(page, { rows: answer.rows, version })
      for (const oldest of this.#pages.keys()) {
        if (this.#pages.size <= KEPT_PAGES) break
        this.#pages.delete(oldest)
      }
    } catch (error) {
      this.error = error as Error
    }
    this.#notify()
  }
}
