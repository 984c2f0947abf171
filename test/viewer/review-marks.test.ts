import { describe, expect, test } from 'vitest'
import type { Mark, ReviewProgress, Verdict } from '@imagery/viewer/contract/review'
import { ReviewMarks } from '../../packages/viewer/src/app/review/review-marks.ts'

function mark(unitId: string, verdict: Verdict): Mark {
  return { unit_id: unitId, verdict, columns: {}, note: '', marked_at: '2026-12-01T00:00:00Z' }
}

/** A source that keeps marks, and answers a write when the test says so. */
class HeldSource {
  readonly kept = new Map<string, Mark>()
  readonly waiting: { save: () => void; fail: () => void }[] = []

  marks = async (): Promise<Mark[]> => [...this.kept.values()]
  reviewProgress = async (): Promise<ReviewProgress> => this.#progress()
  saveMark = async (mark: Mark): Promise<ReviewProgress> => this.#held(() => this.kept.set(mark.unit_id, mark))
  clearMark = async (unitId: string): Promise<ReviewProgress> => this.#held(() => this.kept.delete(unitId))

  /** Answers the write that waits. */
  async answer(how: 'save' | 'fail'): Promise<void> {
    await expect.poll(() => this.waiting.length, { interval: 1 }).toBe(1)
    this.waiting.shift()![how]()
  }

  #held(change: () => unknown): Promise<ReviewProgress> {
    return new Promise((resolve, reject) => {
      const save = (): void => {
        change()
        resolve(this.#progress())
      }
      this.waiting.push({ save, fail: () => reject(new Error('no network')) })
    })
  }

  #progress(): ReviewProgress {
    const answers = { right: 0, wrong: 0, unsure: 0, accuracy: null }
    return { marked: this.kept.size, answers, columns: [] }
  }
}

async function loaded(source: HeldSource): Promise<{ marks: ReviewMarks; verdict: (id: string) => unknown }> {
  const marks = new ReviewMarks(source)
  marks.load()
  await expect.poll(() => marks.shown().of, { interval: 1 }).toBeDefined()
  return { marks, verdict: (id) => marks.shown().of!.get(id)?.verdict }
}

async function expectError(marks: ReviewMarks, message: string | undefined): Promise<void> {
  await expect.poll(() => marks.shown().error?.message, { interval: 1 }).toBe(message)
}

describe('marks on their way to the server', () => {
  test('show at once, and what was saved last if two in a row cannot be saved', async () => {
    const source = new HeldSource()
    source.kept.set('a', mark('a', 'unsure'))
    const { marks, verdict } = await loaded(source)
    marks.save('a', mark('a', 'right'))
    marks.save('a', mark('a', 'wrong'))
    expect(verdict('a')).toBe('wrong')
    await source.answer('fail')
    await expectError(marks, 'The mark of a is not saved: no network')
    expect(verdict('a')).toBe('wrong')
    await source.answer('fail')
    await expect.poll(() => verdict('a'), { interval: 1 }).toBe('unsure')
    expect(marks.shown().canUndo).toBe(false)
  })

  test('show the second one if only the first cannot be saved', async () => {
    const source = new HeldSource()
    const { marks, verdict } = await loaded(source)
    marks.save('a', mark('a', 'right'))
    marks.save('a', mark('a', 'wrong'))
    await source.answer('fail')
    await source.answer('save')
    await expect.poll(() => marks.shown().progress?.marked, { interval: 1 }).toBe(1)
    expect(verdict('a')).toBe('wrong')
  })

  test('say that one is lost until the marks are loaded again, also when the next is saved and rows change', async () => {
    const source = new HeldSource()
    const { marks, verdict } = await loaded(source)
    marks.save('a', mark('a', 'right'))
    await source.answer('fail')
    marks.save('b', mark('b', 'right'))
    await source.answer('save')
    marks.rowsChanged()
    marks.save('c', mark('c', 'right'))
    // A list that is read meanwhile does not take it away.
    expect(verdict('c')).toBe('right')
    await source.answer('save')
    await expect.poll(() => marks.shown().progress?.marked, { interval: 1 }).toBe(2)
    expect([verdict('a'), verdict('b'), verdict('c')]).toEqual([undefined, 'right', 'right'])
    await expectError(marks, 'The mark of a is not saved: no network')
    marks.load()
    await expectError(marks, undefined)
  })

  test('are taken back one by one', async () => {
    const source = new HeldSource()
    const { marks, verdict } = await loaded(source)
    marks.save('a', mark('a', 'right'))
    await source.answer('save')
    marks.save('a', mark('a', 'wrong'))
    await source.answer('save')
    expect(marks.undo()).toBe('a')
    expect(verdict('a')).toBe('right')
    await source.answer('save')
    expect(marks.undo()).toBe('a')
    await source.answer('save')
    await expect.poll(() => source.kept.size, { interval: 1 }).toBe(0)
    expect(marks.undo()).toBeUndefined()
  })
})
