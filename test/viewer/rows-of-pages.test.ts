import { describe, expect, test } from 'vitest'
import type { Page, PageRequest, ResultsSource } from '@imagery/viewer/contract/source'
import { findRow } from '../../packages/viewer/src/app/data/find-row.ts'
import { PAGE_SIZE, RowPages } from '../../packages/viewer/src/app/data/row-pages.ts'

const unit = (index: number): string => `pole-${String(index).padStart(6, '0')}`

/** Rows in the order of their IDs, and the offsets that were asked for. */
function pagesOf(units: string[]): { pages: RowPages; asked: number[]; fail: (error: Error | undefined) => void } {
  const asked: number[] = []
  let failure: Error | undefined
  const source: Pick<ResultsSource, 'page'> = {
    page: ({ offset, limit }: PageRequest): Promise<Page> => {
      asked.push(offset)
      if (failure !== undefined) return Promise.reject(failure)
      return Promise.resolve({
        total: units.length,
        rows: units
          .slice(offset, offset + limit)
          .map((unit_id) => ({ unit_id, asset_id: unit_id, status: 'ok', values: { unit_id }, images: 0 })),
      })
    },
  }
  const pages = new RowPages(source as ResultsSource, [], null)
  return { pages, asked, fail: (error) => (failure = error) }
}

describe('rows that come by the page', () => {
  test('are asked for once, and again after they changed, while the old ones stay', async () => {
    const { pages, asked } = pagesOf(Array.from({ length: 1000 }, (_, index) => unit(index)))
    pages.need(150, 320)
    pages.need(150, 320)
    expect((await pages.rowAt(320))?.unit_id).toBe(unit(320))
    expect(asked).toEqual([PAGE_SIZE, 2 * PAGE_SIZE, 3 * PAGE_SIZE])
    pages.rowsChanged()
    expect(pages.row(320)?.unit_id).toBe(unit(320))
    pages.need(320, 320)
    expect(asked.at(-1)).toBe(3 * PAGE_SIZE)
    expect(asked).toHaveLength(4)
  })

  test('say what went wrong until they are tried again', async () => {
    const { pages, asked, fail } = pagesOf([unit(0)])
    fail(new Error('gone'))
    await expect(pages.rowAt(0)).rejects.toThrow('gone')
    pages.need(0, 0)
    expect(asked).toHaveLength(1)
    fail(undefined)
    pages.retry()
    expect((await pages.rowAt(0))?.unit_id).toBe(unit(0))
  })

  test('forget what was seen long ago, so that a walk through a million rows needs no more memory', async () => {
    const { pages } = pagesOf(Array.from({ length: 30_000 }, (_, index) => unit(index)))
    for (let index = 0; index < 30_000; index += PAGE_SIZE) await pages.rowAt(index)
    expect(pages.row(0)).toBeUndefined()
    expect(pages.row(29_999)?.unit_id).toBe(unit(29_999))
  })

  test('find the place of a unit with few requests, also among letters that JavaScript would sort differently', async () => {
    const { pages, asked } = pagesOf(Array.from({ length: 100_000 }, (_, index) => unit(index)))
    expect(await findRow(pages, unit(73_123))).toBe(73_123)
    expect(asked.length).toBeLessThan(14)
    expect(await findRow(pages, 'pole-0731235')).toBeNull()
    // U+FF21 comes before U+1F600 by code points, and after it by UTF-16.
    const odd = pagesOf(['a', '\uff21', '\u{1f600}', '\u{1f600}b'])
    expect(await Promise.all(['a', '\uff21', '\u{1f600}', 'z'].map((id) => findRow(odd.pages, id)))).toEqual([
      0,
      1,
      2,
      null,
    ])
    expect(await findRow(pagesOf([]).pages, 'a')).toBeNull()
  })
})
