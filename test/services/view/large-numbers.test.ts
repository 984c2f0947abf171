import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Filter } from '@imagery/viewer/contract/filter'
import type { Page, Summary } from '@imagery/viewer/contract/source'
import { serveRows, type ServedRun } from './served-run.ts'

const FIELDS = [
  { name: 'unit_id', type: 'STRING' },
  { name: 'status', type: 'STRING' },
  { name: 'whole', type: 'INTEGER' },
  { name: 'real', type: 'FLOAT' },
  { name: 'decimal', type: 'BIGNUMERIC' },
]

const ROWS = [
  { unit_id: 'a', status: 'ok', whole: '-9223372036854775808', real: 1e300, decimal: '1e25' },
  { unit_id: 'b', status: 'ok', whole: '9223372036854775807', real: -4e20, decimal: '123456789012345678901234567890' },
  { unit_id: 'c', status: 'ok', whole: 5, real: 'NaN', decimal: '2' },
]

let served: ServedRun

beforeAll(async () => {
  served = await serveRows(FIELDS, ROWS)
})
afterAll(() => served.close())

async function units(filter: Filter): Promise<string[]> {
  const answer = await served.ask('/api/page', { body: { filter, sort: null, offset: 0, limit: 10 } })
  expect(answer.status, answer.text).toBe(200)
  return (answer.json() as Page).rows.map(({ unit_id: id }) => id)
}

describe('numbers that no 64-bit integer holds', () => {
  test('are filtered by each bin of their chart, alone and with a search', async () => {
    const { charts } = (await served.ask('/api/summary', { body: { filter: [] } })).json() as Summary
    const histograms = charts.filter((chart) => chart.type === 'histogram')
    expect(histograms.map(({ column }) => column)).toEqual(['whole', 'real', 'decimal'])
    for (const { column, bins } of histograms)
      for (const [index, { from, to, rows }] of bins.entries()) {
        const range = { column, from, to, closed: index === bins.length - 1 }
        expect(await units([range]), `${column} from ${from}`).toHaveLength(rows)
        if (rows > 0)
          expect(await units([range, { search: 'A' }])).toEqual((await units([range])).filter((id) => id === 'a'))
      }
  })

  test('are found by their value, and no other text stands for NaN', async () => {
    expect(await units([{ column: 'real', is: [1e300] }])).toEqual(['a'])
    expect(await units([{ column: 'real', is: ['-4e20'] }])).toEqual(['b'])
    expect(await units([{ column: 'real', is: ['NaN'] }])).toEqual(['c'])
    expect(await units([{ column: 'real', is: ['tall'] }])).toEqual([])
  })
})
