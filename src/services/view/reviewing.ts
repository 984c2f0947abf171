import type { ReviewState } from '@imagery/viewer/contract/filter'
import type { Mark, ReviewPlan, ReviewProgress } from '@imagery/viewer/contract/review'
import type { ExportFormat } from '@imagery/viewer/contract/source'
import { exportedMarks } from './exports.ts'
import { InvalidRequest } from './invalid-request.ts'
import type { CurrentRows } from './current-rows.ts'
import type { MarksLog } from './marks-log.ts'
import type { ResultsDatabase } from './results-database.ts'
import { reviewProgress, reviewState } from './review-progress.ts'
import { countText } from '../../contracts/count-text.ts'

/** A note is no longer than this. */
const MOST_NOTE_CHARACTERS = 10_000

/** The review of a run: its marks, and what they say. */
export class Reviewing {
  readonly #log: MarksLog
  readonly #rows: CurrentRows
  #told: { marks: ReadonlyMap<string, Mark>; database: ResultsDatabase } | undefined
  #telling: Promise<unknown> = Promise.resolve()

  constructor(log: MarksLog, rows: CurrentRows) {
    this.#log = log
    this.#rows = rows
  }

  async marks(): Promise<Mark[]> {
    return [...(await this.#log.marks()).values()]
  }

  async markOf(unitId: string): Promise<Mark | null> {
    return (await this.#log.marks()).get(unitId) ?? null
  }

  /** @throws InvalidRequest for a unit or a column that the run does not have */
  async save(mark: Mark): Promise<ReviewProgress> {
    if (mark.note.length > MOST_NOTE_CHARACTERS)
      throw new InvalidRequest(`a note has at most ${countText(MOST_NOTE_CHARACTERS)} characters`)
    if (!Number.isFinite(Date.parse(mark.marked_at))) throw new InvalidRequest('marked_at is not a time')
    const answers = this.answerColumns()
    const unknown = Object.keys(mark.columns).find((name) => !answers.includes(name))
    if (unknown !== undefined) throw new InvalidRequest(`the answer has no column ${unknown}`)
    const unit = await this.#rows.use((database) => database.unit(mark.unit_id))
    if (!unit) throw new InvalidRequest(`this run has no asset ${mark.unit_id}`)
    await this.#log.add(mark)
    return this.progress()
  }

  async clear(unitId: string, nowMs: number): Promise<ReviewProgress> {
    // Without a mark there is nothing to remove, and any text could be written.
    if (await this.markOf(unitId)) await this.#log.add({ unit_id: unitId, cleared_at: new Date(nowMs).toISOString() })
    return this.progress()
  }

  async progress(): Promise<ReviewProgress> {
    const marks = await this.#log.marks()
    const failed = await this.#rows.use((database) => database.failedOf([...marks.keys()]))
    return reviewProgress(marks.values(), this.answerColumns(), failed)
  }

  async draw(plan: ReviewPlan): Promise<string[]> {
    await this.tell()
    return this.#rows.use((database) => database.drawReview(plan))
  }

  async exported(format: ExportFormat): Promise<string> {
    return exportedMarks(format, await this.marks(), this.answerColumns())
  }

  /** Tells the database what reviewers have decided, for filters. */
  async tell(): Promise<void> {
    const told = this.#telling.then(() => this.#tell())
    this.#telling = told.catch(() => undefined)
    await told
  }

  async #tell(): Promise<void> {
    const marks = await this.#log.marks()
    await this.#rows.use(async (database) => {
      if (this.#told?.marks === marks && this.#told.database === database) return
      const failed = await database.failedOf([...marks.keys()])
      const states = [...marks].map(([id, mark]): [string, ReviewState] => [id, reviewState(mark, failed.has(id))])
      await database.setReviews(new Map(states.filter(([, state]) => state !== 'none')))
      this.#told = { marks, database }
    })
  }

  answerColumns(): string[] {
    return this.#rows.about.columns.filter(({ column }) => column.role === 'answer').map(({ column }) => column.name)
  }
}
