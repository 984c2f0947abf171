import type { Mark, ReviewProgress } from '../../contract/review.ts'
import { SourceError } from '../../contract/source-error.ts'
import type { ResultsSource } from '../../contract/source.ts'

type MarksSource = Pick<ResultsSource, 'marks' | 'reviewProgress' | 'saveMark' | 'clearMark'>

interface Step {
  unitId: string
  before: Mark | null
}

/** A change that is shown and not yet saved. */
interface Pending {
  mark: Mark | null
  writes: number
}

/** What of a review is shown. */
export interface ShownReview {
  /** Undefined until they are loaded. */
  of: ReadonlyMap<string, Mark> | undefined
  progress: ReviewProgress | undefined
  error: Error | undefined
  canUndo: boolean
}

/**
 * The marks of a run. A change shows at once. If it cannot be saved, what was saved last shows again, with an error that
 * stays until the marks are loaded again: a later change that is saved must not hide that an earlier one is lost.
 */
export class ReviewMarks {
  readonly #source: MarksSource
  readonly #saved = new Map<string, Mark>()
  readonly #pending = new Map<string, Pending>()
  readonly #listeners = new Set<() => void>()
  #steps: readonly Step[] = []
  /** Requests go one after the other, so that the last change of a unit wins, and no list is older than a change. */
  #queue: Promise<unknown> = Promise.resolve()
  #shown: ShownReview = { of: undefined, progress: undefined, error: undefined, canUndo: false }

  constructor(source: MarksSource) {
    this.#source = source
  }

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Is another object whenever something has changed. */
  shown = (): ShownReview => this.#shown

  /** Reads the marks again. */
  load = (): void => this.#load({ keepsError: false })

  /** Reads the marks again after the rows of the run have changed. */
  rowsChanged(): void {
    this.#load({ keepsError: this.#shown.error !== undefined })
  }

  /** Saves a mark, or clears the unit's mark with null. */
  save = (unitId: string, mark: Mark | null): void => {
    const before = this.#shown.of?.get(unitId) ?? null
    this.#steps = [...this.#steps, { unitId, before }]
    this.#write(unitId, mark)
  }

  /** Takes back the last change. Returns its unit, or undefined without one. */
  undo = (): string | undefined => {
    const last = this.#steps.at(-1)
    if (last === undefined) return undefined
    this.#steps = this.#steps.slice(0, -1)
    this.#write(last.unitId, last.before)
    return last.unitId
  }

  #load({ keepsError }: { keepsError: boolean }): void {
    this.#inTurn(async () => {
      try {
        const [list, progress] = await Promise.all([this.#source.marks(), this.#source.reviewProgress()])
        this.#saved.clear()
        for (const mark of list) this.#saved.set(mark.unit_id, mark)
        this.#show({ of: this.#all(), progress, ...(keepsError ? {} : { error: undefined }) })
      } catch (reason) {
        this.#show({ error: reason as Error })
      }
    })
  }

  #write(unitId: string, mark: Mark | null): void {
    this.#pending.set(unitId, { mark, writes: (this.#pending.get(unitId)?.writes ?? 0) + 1 })
    this.#show({ of: this.#all() })
    this.#inTurn(async () => {
      try {
        const progress = await (mark === null ? this.#source.clearMark(unitId) : this.#source.saveMark(mark))
        put(this.#saved, unitId, mark)
        this.#done(unitId)
        this.#show({ of: this.#all(), progress })
      } catch (reason) {
        this.#done(unitId)
        // What was shown before a lost change may be lost too.
        this.#steps = this.#steps.filter((step) => step.unitId !== unitId)
        this.#show({ of: this.#all(), error: notSaved(unitId, reason as Error) })
      }
    })
  }

  #done(unitId: string): void {
    const { mark, writes } = this.#pending.get(unitId)!
    if (writes > 1) this.#pending.set(unitId, { mark, writes: writes - 1 })
    else this.#pending.delete(unitId)
  }

  /** The saved marks, with the changes that are on their way. */
  #all(): ReadonlyMap<string, Mark> {
    const all = new Map(this.#saved)
    for (const [unitId, { mark }] of this.#pending) put(all, unitId, mark)
    return all
  }

  #inTurn(work: () => Promise<void>): void {
    this.#queue = this.#queue.then(work)
  }

  #show(change: Partial<ShownReview>): void {
    this.#shown = { ...this.#shown, ...change, canUndo: this.#steps.length > 0 }
    for (const listener of this.#listeners) listener()
  }
}

function put(marks: Map<string, Mark>, unitId: string, mark: Mark | null): void {
  if (mark === null) marks.delete(unitId)
  else marks.set(unitId, mark)
}

function notSaved(unitId: string, reason: Error): SourceError {
  const suggestions = reason instanceof SourceError ? reason.suggestions : []
  return new SourceError(`The mark of ${unitId} is not saved: ${reason.message}`, suggestions)
}
