import { describe, expect, test } from 'vitest'
import { ManualClock } from '@imagery/local-cloud/internal/kernel/clock'
import { CloudError } from '../../src/google/transport/errors.ts'
import type { FinalRow } from '../../src/run-data/run-tables.ts'
import { FinalRows } from '../../src/runtime/ledger/final-rows.ts'
import { SPEC } from './fixtures.ts'

const row = (unit_id: string, generation = 0, status: FinalRow['status'] = 'ok'): FinalRow => ({
  unit_id,
  generation,
  status,
  cause: null,
})

/** A ledger with a few rows, whose queries take `queryMs`. */
function ledger(rows: readonly FinalRow[], queryMs = 0) {
  const clock = new ManualClock()
  const queries: string[][] = []
  const finalRows = new FinalRows({
    clock,
    async read(_, units) {
      const ids = units.map(({ unitId }) => unitId)
      queries.push(ids)
      if (queryMs > 0) await new Promise<void>((resolve) => clock.after(queryMs, resolve))
      return rows.filter(({ unit_id }) => ids.includes(unit_id))
    },
  })
  const find = (unitId: string, generation = 0) => finalRows.find(SPEC, { unitId, bucket: 3, generation })
  return { clock, queries, find }
}

describe('queries for final rows', () => {
  test('at nearly the same time share one query, and each gets its own answer', async () => {
    const { clock, queries, find } = ledger([row('a'), row('b', 1, 'failed')])
    const answers = Promise.all([find('a'), find('a'), find('b', 2), find('b', 1), find('c')])
    await clock.advance(100)
    expect((await answers).map((found) => found?.status)).toEqual(['ok', 'ok', undefined, 'failed', undefined])
    expect(queries).toEqual([['a', 'b', 'c']])
  })

  test('wait while a query runs: only one runs at a time', async () => {
    const { clock, queries, find } = ledger([row('a'), row('b')], 1_000)
    const answers = [find('a')]
    await clock.advance(150)
    answers.push(find('b'), find('c'))
    await clock.advance(800)
    expect(queries).toEqual([['a']])
    await clock.advance(1_100)
    expect((await Promise.all(answers)).map((found) => found?.unit_id)).toEqual(['a', 'b', undefined])
    expect(queries).toEqual([['a'], ['b', 'c']])
  })

  test('are split if one query would be too large', async () => {
    const { clock, queries, find } = ledger([])
    const units = Array.from({ length: 2_500 }, (_, index) => `unit-${index}`)
    const answers = Promise.all(units.map((unit) => find(unit)))
    await clock.advance(100)
    await answers
    expect(queries.map(({ length }) => length)).toEqual([1_000, 1_000, 500])
    expect(queries.flat()).toEqual(units)
  })

  test('prefer an answer to a failure if a unit has several rows of one generation', async () => {
    const { clock, find } = ledger([row('a', 0, 'failed'), row('a'), row('a', 0, 'throttled')])
    const answer = find('a')
    await clock.advance(100)
    expect((await answer)?.status).toBe('ok')
  })

  test.each([
    ['an answer of an earlier generation ends the unit', [row('a', 0)], 'ok'],
    ['a failure of an earlier generation does not: a retry asked for another try', [row('a', 0, 'failed')], undefined],
    ['a failure of the same generation ends it', [row('a', 1, 'failed')], 'failed'],
    ['a failure of a later generation ends it', [row('a', 2, 'throttled'), row('a', 0, 'failed')], 'throttled'],
  ])('in generation 1: %s', async (_what, rows, status) => {
    const { clock, find } = ledger(rows)
    const answer = find('a', 1)
    await clock.advance(100)
    expect((await answer)?.status).toBe(status)
  })

  test('fail when BigQuery does not answer, and the next ones run', async () => {
    const { clock, queries, find } = ledger([row('a')], 60_000)
    const late = find('a').catch((error: unknown) => error)
    await clock.advance(10_200)
    expect(await late).toMatchObject({ status: 'DEADLINE_EXCEEDED', retryable: true })
    const next = find('b').catch((error: unknown) => error)
    await clock.advance(10_200)
    expect(await next).toBeInstanceOf(CloudError)
    expect(queries).toEqual([['a'], ['b']])
  })
})
