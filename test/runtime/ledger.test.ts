import { describe, expect, test } from 'vitest'
import { ManualClock } from '@imagery/local-cloud/internal/kernel/clock'
import type { TableName } from '../../src/google/bigquery/bigquery.ts'
import { RowsRejected } from '../../src/google/bigquery/insert-rows.ts'
import { CloudError } from '../../src/google/transport/errors.ts'
import type { AttemptRow } from '../../src/runtime/ledger/attempt-row.ts'
import { Ledger, RowRejected } from '../../src/runtime/ledger/ledger.ts'
import { deferred } from './fixtures.ts'

const TIMED_OUT = { message: 'timeout', isTransient: true }

const TABLE: TableName = { projectId: 'demo', dataset: 'results', table: 'attempts' }

function row(id: string, extra: Record<string, unknown> = {}): AttemptRow {
  const at = '2026-01-01T00:00:00.000Z'
  return {
    run_id: 'r',
    unit_id: id,
    attempt_id: id,
    bucket: 0,
    generation: 0,
    status: 'ok',
    started_at: at,
    finished_at: at,
    ...extra,
  }
}

/** A ledger over a scripted table: `answer` is asked per request, by its number and its rows' ids. */
function setUp(answer: (request: number, ids: string[]) => Promise<void> | void = () => {}) {
  const clock = new ManualClock()
  const requests: { table: string; ids: string[]; atMs: number }[] = []
  const startMs = clock.now()
  const ledger = new Ledger({
    clock,
    insertRows: async (table, rows) => {
      const ids = rows.map((entry) => entry.insertId)
      requests.push({ table: table.table, ids, atMs: clock.now() - startMs })
      await answer(requests.length, ids)
    },
  })
  return { clock, requests, ledger }
}

function outcomes(promises: Promise<void>[]): Promise<string[]> {
  return Promise.all(
    promises.map((promise) =>
      promise.then(
        () => 'durable',
        (error: Error) => error.name,
      ),
    ),
  )
}

describe('the ledger', () => {
  test('sends a lone row within a few milliseconds and answers when it is durable', async () => {
    const stored = deferred<void>()
    const { clock, requests, ledger } = setUp(() => stored.promise)
    let isDurable = false
    const appended = ledger.append(TABLE, row('a')).then(() => (isDurable = true))
    await clock.advance(5)
    expect(requests).toHaveLength(1)
    expect(isDurable).toBe(false)
    stored.resolve()
    await appended
    expect(isDurable).toBe(true)
  })

  test('sends rows that arrive together as one request', async () => {
    const { clock, requests, ledger } = setUp()
    const appended = ['a', 'b', 'c'].map((id) => ledger.append(TABLE, row(id)))
    await clock.advance(5)
    await Promise.all(appended)
    expect(requests.map(({ ids }) => ids)).toEqual([['a', 'b', 'c']])
  })

  test('collects for longer while a request is in flight', async () => {
    const first = deferred<void>()
    const { clock, requests, ledger } = setUp((request) => (request === 1 ? first.promise : undefined))
    void ledger.append(TABLE, row('a'))
    await clock.advance(5)
    void ledger.append(TABLE, row('b'))
    await clock.advance(10)
    expect(requests).toHaveLength(1)
    void ledger.append(TABLE, row('c'))
    await clock.advance(90)
    expect(requests.map(({ ids }) => ids)).toEqual([['a'], ['b', 'c']])
    first.resolve()
    await ledger.drain()
  })

  test('does not collect when all work in progress waits for its rows', async () => {
    const first = deferred<void>()
    const { clock, requests, ledger } = setUp((request) => (request === 1 ? first.promise : undefined))
    const works = ['a', 'b', 'c', 'd'].map((id) => {
      const begins = deferred<void>()
      const ends = ledger.withWriter(async () => {
        await begins.promise
        if (id !== 'd') await ledger.append(TABLE, row(id))
      })
      return { begin: () => begins.resolve(), ends }
    })
    const [a, b, c, d] = works as [(typeof works)[0], (typeof works)[0], (typeof works)[0], (typeof works)[0]]
    a.begin()
    await clock.advance(5)
    b.begin()
    c.begin()
    await clock.advance(50)
    // The last one can still join them.
    expect(requests.map(({ ids }) => ids)).toEqual([['a']])
    d.begin()
    await d.ends
    await clock.advance(1)
    expect(requests.map(({ ids }) => ids)).toEqual([['a'], ['b', 'c']])
    first.resolve()
    await Promise.all(works.map(({ ends }) => ends))
  })

  test('sends the rows of the last work in progress at once, in one request', async () => {
    const { clock, requests, ledger } = setUp()
    const begin = deferred<void>()
    const works = Array.from({ length: 20 }, (_, index) =>
      ledger.withWriter(async () => {
        if (index > 0) await begin.promise
        await ledger.append(TABLE, row(`row-${index}`))
      }),
    )
    await clock.advance(5)
    begin.resolve()
    await Promise.all(works)
    expect(requests.map(({ ids }) => ids.length)).toEqual([1, 19])
    expect(requests[1]?.atMs).toBe(5)
  })

  test('collects rows that keep coming one by one, and sends a lone row at once again after a pause', async () => {
    const { clock, requests, ledger } = setUp()
    const appended: Promise<void>[] = []
    for (let index = 0; index < 50; index++) {
      appended.push(ledger.append(TABLE, row(`row-${index}`)))
      await clock.advance(20)
    }
    await clock.advance(100)
    await Promise.all(appended)
    expect(requests.length).toBeLessThanOrEqual(11)
    expect(requests.flatMap(({ ids }) => ids)).toEqual(appended.map((_, index) => `row-${index}`))
    await clock.advance(1_000)
    const lone = ledger.append(TABLE, row('lone'))
    await clock.advance(5)
    await lone
    expect(requests.at(-1)?.ids).toEqual(['lone'])
  })

  test('sends at most 500 rows per request, at once when it has that many', async () => {
    const { requests, ledger } = setUp()
    const appended = Array.from({ length: 500 }, (_, index) => ledger.append(TABLE, row(`a${index}`)))
    await Promise.all(appended)
    expect(requests.map(({ ids }) => ids.length)).toEqual([500])
    expect(requests[0]?.atMs).toBe(0)
  })

  test('keeps each request under 9 MB', async () => {
    const { clock, requests, ledger } = setUp()
    const large = 'x'.repeat(4_000_000)
    const appended = ['a', 'b', 'c'].map((id) => ledger.append(TABLE, row(id, { raw_answer: large })))
    await clock.advance(50)
    await Promise.all(appended)
    expect(requests.map(({ ids }) => ids)).toEqual([['a', 'b'], ['c']])
  })

  test('has at most four requests per table in flight; later rows wait until one returns', async () => {
    const answers = [deferred<void>(), deferred<void>(), deferred<void>(), deferred<void>()]
    const { clock, requests, ledger } = setUp((request) => answers[request - 1]?.promise)
    for (let index = 0; index < 6; index += 1) {
      void ledger.append(TABLE, row(`a${index}`))
      await clock.advance(100)
    }
    expect(requests.map(({ ids }) => ids)).toEqual([['a0'], ['a1'], ['a2'], ['a3']])
    answers[2]?.resolve()
    await clock.advance(0)
    expect(requests[4]?.ids).toEqual(['a4', 'a5'])
    for (const answer of answers) answer.resolve()
    await ledger.drain()
  })

  test('does not mix tables', async () => {
    const { clock, requests, ledger } = setUp()
    const appended = [ledger.append(TABLE, row('a')), ledger.append({ ...TABLE, table: 'other' }, row('b'))]
    await clock.advance(5)
    await Promise.all(appended)
    expect(requests.map(({ table, ids }) => [table, ids])).toEqual([
      ['attempts', ['a']],
      ['other', ['b']],
    ])
  })

  // "tables may take a few minutes before streaming is available": https://cloud.google.com/bigquery/docs/streaming-data-into-bigquery
  test.each(['UNAVAILABLE', 'RESOURCE_EXHAUSTED', 'INTERNAL', 'NOT_FOUND'] as const)(
    'repeats a request that failed with %s, with the same insert IDs',
    async (status) => {
      const { clock, requests, ledger } = setUp((request) => {
        if (request < 3) throw new CloudError(status, 'not now')
      })
      const appended = outcomes([ledger.append(TABLE, row('a')), ledger.append(TABLE, row('b'))])
      await clock.advance(5_000)
      expect(await appended).toEqual(['durable', 'durable'])
      expect(requests.map(({ ids }) => ids)).toEqual([
        ['a', 'b'],
        ['a', 'b'],
        ['a', 'b'],
      ])
    },
  )

  test('repeats a request that is never answered', async () => {
    const { clock, requests, ledger } = setUp((request) => (request === 1 ? new Promise(() => {}) : undefined))
    const appended = ledger.append(TABLE, row('a'))
    await clock.advance(12_000)
    await appended
    expect(requests).toHaveLength(2)
  })

  test("gives up after its time budget, with Google's own error", async () => {
    const { clock, requests, ledger } = setUp(() => {
      throw new CloudError('UNAVAILABLE', 'down')
    })
    const appended = outcomes([ledger.append(TABLE, row('a'))])
    await clock.advance(30_000)
    expect(await appended).toEqual(['CloudError'])
    expect(requests.at(-1)?.atMs).toBeLessThanOrEqual(20_000)
    expect(requests.length).toBeGreaterThan(4)
    await ledger.drain()
  })

  test('does not repeat a permanent failure', async () => {
    const { clock, requests, ledger } = setUp(() => {
      throw new CloudError('PERMISSION_DENIED', 'no')
    })
    const appended = outcomes([ledger.append(TABLE, row('a'))])
    await clock.advance(10)
    expect(await appended).toEqual(['CloudError'])
    expect(requests).toHaveLength(1)
  })

  test('a row that BigQuery refuses fails alone, after one more try on its own', async () => {
    const { clock, requests, ledger } = setUp((_request, ids) => {
      const index = ids.indexOf('bad')
      if (index >= 0)
        throw new RowsRejected('attempts', new Map([[index, { message: 'no such field', isTransient: false }]]))
    })
    const appended = outcomes(['a', 'bad', 'c'].map((id) => ledger.append(TABLE, row(id))))
    await clock.advance(10)
    expect(await appended).toEqual(['durable', 'RowRejected', 'durable'])
    expect(requests.map(({ ids }) => ids)).toEqual([['a', 'bad', 'c'], ['bad']])
  })

  // https://cloud.google.com/bigquery/docs/streaming-data-into-bigquery#troubleshooting
  test('sends a row that BigQuery did not store for its own reasons again, until it is stored', async () => {
    const { clock, requests, ledger } = setUp((request, ids) => {
      if (request < 4) throw new RowsRejected('attempts', new Map([[ids.indexOf('b'), TIMED_OUT]]))
    })
    const appended = outcomes(['a', 'b', 'c'].map((id) => ledger.append(TABLE, row(id))))
    await clock.advance(5_000)
    expect(await appended).toEqual(['durable', 'durable', 'durable'])
    expect(requests.map(({ ids }) => ids)).toEqual([['a', 'b', 'c'], ['b'], ['b'], ['b']])
  })

  test('does not refuse a row that BigQuery never stores for its own reasons, but fails it with UNAVAILABLE', async () => {
    const { clock, ledger } = setUp(() => {
      throw new RowsRejected('attempts', new Map([[0, TIMED_OUT]]))
    })
    const failure = ledger.append(TABLE, row('a')).catch((error: unknown) => error)
    await clock.advance(30_000)
    expect(await failure).toMatchObject({ name: 'CloudError', status: 'UNAVAILABLE' })
  })

  test('sends rows that stopped because of an invalid row again without it', async () => {
    const { clock, requests, ledger } = setUp((_request, ids) => {
      if (!ids.includes('bad')) return
      const refusals = ids.map((id) => ({ message: id === 'bad' ? 'no such field' : '', isTransient: id !== 'bad' }))
      throw new RowsRejected('attempts', new Map(refusals.entries()))
    })
    const appended = outcomes(['a', 'bad', 'c'].map((id) => ledger.append(TABLE, row(id))))
    await clock.advance(5_000)
    expect(await appended).toEqual(['durable', 'RowRejected', 'durable'])
    expect(requests.map(({ ids }) => ids)).toEqual([['a', 'bad', 'c'], ['bad'], ['a', 'c']])
  })

  test('a request that is refused as a whole is halved until the invalid row is alone', async () => {
    const stored: string[] = []
    const { clock, ledger } = setUp((_request, ids) => {
      if (ids.includes('bad')) throw new CloudError('INVALID_ARGUMENT', 'request too strange')
      stored.push(...ids)
    })
    const appended = outcomes(['a', 'b', 'bad', 'd', 'e'].map((id) => ledger.append(TABLE, row(id))))
    await clock.advance(10)
    expect(await appended).toEqual(['durable', 'durable', 'RowRejected', 'durable', 'durable'])
    expect(stored.toSorted()).toEqual(['a', 'b', 'd', 'e'])
  })

  test('draining sends waiting rows at once and resolves when all are durable', async () => {
    const stored = deferred<void>()
    const { clock, requests, ledger } = setUp(() => stored.promise)
    void ledger.append(TABLE, row('a'))
    let isDrained = false
    const drained = ledger.drain().then(() => (isDrained = true))
    expect(requests.map(({ ids }) => ids)).toEqual([['a']])
    await clock.advance(0)
    expect(isDrained).toBe(false)
    void ledger.append(TABLE, row('late'))
    expect(requests[1]?.ids).toEqual(['late'])
    stored.resolve()
    await drained
  })

  test('an idle ledger drains at once', async () => {
    await expect(setUp().ledger.drain()).resolves.toBeUndefined()
  })

  test('reports a refused row with its own error class and BigQuery’s reason', async () => {
    const { clock, ledger } = setUp(() => {
      throw new RowsRejected('attempts', new Map([[0, { message: 'no such field: wdith', isTransient: false }]]))
    })
    const [refusal] = await Promise.all([
      ledger.append(TABLE, row('a')).catch((error: unknown) => error),
      clock.advance(10),
    ])
    expect(refusal).toBeInstanceOf(RowRejected)
    expect((refusal as Error).message).toBe('no such field: wdith')
  })
})
