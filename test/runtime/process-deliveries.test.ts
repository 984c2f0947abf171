import { describe, expect, test } from 'vitest'
import { runSpec } from '../../src/contracts/run-spec.ts'
import { CloudError } from '../../src/google/transport/errors.ts'
import { RowRejected } from '../../src/runtime/ledger/ledger.ts'
import { AttemptFailure, type Answer } from '../../src/runtime/models/model.ts'
import { ANSWER, deferred, RUN_ID, SPEC, TASK } from './fixtures.ts'
import { mainService } from './main-service.ts'

describe('when the ledger fails', () => {
  test('a row that cannot be written is answered 503, and the next delivery writes the paid answer', async () => {
    let isDown = true
    const { asked, rows, process } = mainService({
      append: async () => {
        if (isDown) throw new CloudError('UNAVAILABLE', 'BigQuery is down')
      },
    })
    const response = await process()
    expect(response.status).toBe(503)
    expect(response.headers.get('retry-after')).toBe('1')
    isDown = false
    expect((await process(TASK, { 'x-cloudtasks-taskretrycount': '1' })).status).toBe(200)
    expect(asked).toEqual(['sign-1'])
    expect(rows.map(({ row }) => row.attempt_id)).toEqual(['attempt-1'])
  })

  test('a row that BigQuery refuses is replaced by a failed one with the answer as text', async () => {
    const { rows, process } = mainService({
      append: async (row) => {
        if ('width' in row) throw new RowRejected('width: not an INT64')
      },
    })
    const response = await process()
    expect(response.status).toBe(200)
    expect(rows).toHaveLength(1)
    expect(rows[0]?.row).toMatchObject({
      status: 'failed',
      cause: 'schema',
      error_message: 'BigQuery refused the answer: width: not an INT64',
      raw_answer: '{"width":640,"note":"clear"}',
      input_hash: 'abc',
    })
    expect(rows[0]?.row).not.toHaveProperty('width')
  })

  test('a missing ledger is waited for while the run exists', async () => {
    const { process } = mainService({
      append: async () => {
        throw new CloudError('NOT_FOUND', 'no such table')
      },
    })
    expect((await process()).status).toBe(503)
  })

  test('a ledger missing because the run was torn down lets the task drain', async () => {
    const specs = new Map([[RUN_ID, SPEC]])
    const { process } = mainService({
      specs,
      append: async () => {
        specs.delete(RUN_ID)
        throw new CloudError('NOT_FOUND', 'no such table')
      },
    })
    const response = await process()
    expect(response.status).toBe(200)
    expect(await response.json()).toEqual({ outcome: 'run_gone' })
  })

  test('a run torn down while its task waits lets the task drain without a model call', async () => {
    const specs = new Map([[RUN_ID, SPEC]])
    let isAsked = false
    const { clock, rows, process } = mainService({
      specs,
      async answer(_asset, _signal, options) {
        specs.delete(RUN_ID)
        await clock.advance(4_000)
        await options?.onTurn?.()
        isAsked = true
        return ANSWER
      },
    })
    const response = await process()
    expect([response.status, await response.json()]).toEqual([200, { outcome: 'run_gone' }])
    expect({ isAsked, rows }).toEqual({ isAsked: false, rows: [] })
  })

  test('an unexpected error is answered 500 and logged with its stack', async () => {
    const { entries, process } = mainService({
      append: async () => {
        throw new TypeError('oops')
      },
    })
    const response = await process()
    expect(response.status).toBe(500)
    expect(await response.json()).toEqual({ error: { code: 'INTERNAL', message: 'oops' } })
    expect(entries.find(({ severity }) => severity === 'ERROR')?.stack_trace).toContain('TypeError: oops')
  })
})

describe('a task that is delivered twice', () => {
  test('at the same time calls the model once and writes one row', async () => {
    const answered = deferred<Answer>()
    const { asked, rows, process } = mainService({ answer: () => answered.promise })
    const both = [process(), process()]
    await new Promise((resolve) => setImmediate(resolve))
    answered.resolve(ANSWER)
    expect((await Promise.all(both)).map(({ status }) => status)).toEqual([200, 200])
    expect(asked).toHaveLength(1)
    expect(rows).toHaveLength(1)
  })

  test('one after the other calls the model once and writes one row', async () => {
    const { asked, rows, process } = mainService()
    await process()
    const again = await process()
    expect(await again.json()).toEqual({ outcome: 'recorded', status: 'ok' })
    expect(asked).toHaveLength(1)
    expect(rows).toHaveLength(1)
  })

  test('is a different task in the next generation', async () => {
    const { rows, process } = mainService()
    await process()
    await process({ ...TASK, generation: 1 })
    expect(rows.map(({ row }) => row.generation)).toEqual([0, 1])
  })

  test('after a transient failure calls the model again', async () => {
    let tries = 0
    const { rows, process } = mainService({
      answer: async () => {
        tries += 1
        if (tries === 1) throw new AttemptFailure('throttled', 'quota', { retryable: true, countsAsTry: false })
        return ANSWER
      },
    })
    expect((await process()).status).toBe(429)
    expect((await process(TASK, { 'x-cloudtasks-taskretrycount': '1' })).status).toBe(200)
    expect(rows.map(({ row }) => row.status)).toEqual(['ok'])
  })
})

describe('/process refuses', () => {
  test.each([
    ['no JSON', 'not json', 'the body is not JSON'],
    ['an unknown version', { ...TASK, v: 2 }, 'v: '],
    ['no asset id', { ...TASK, asset_id: '' }, 'asset_id: '],
    [
      'an image without its URI',
      { ...TASK, observations: [{ observation_id: 'o', capture_time: null }] },
      'observations.0.gcs_uri: ',
    ],
    ['a run id that is none', { ...TASK, run_id: '../../etc' }, 'run_id: not a run id'],
    ['unknown members', { ...TASK, extra: 1 }, 'extra'],
  ])('a body with %s: 400, with the reason, and an ERROR in the log', async (_what, body, reason) => {
    const { rows, entries, process } = mainService()
    const response = await process(body)
    expect(response.status).toBe(400)
    const answer = (await response.json()) as { error: { code: string; message: string } }
    expect(answer.error.code).toBe('BAD_REQUEST')
    expect(answer.error.message).toContain(reason)
    expect(entries.map(({ severity }) => severity)).toEqual(['ERROR'])
    expect(rows).toEqual([])
  })

  test('a body of more than 1 MB', async () => {
    const { process } = mainService()
    expect((await process('x'.repeat(1024 * 1024 + 1), { 'content-length': String(1024 * 1024 + 1) })).status).toBe(413)
  })

  test('no task of a torn-down run: it acknowledges them so that leftover tasks drain', async () => {
    const { asked, entries, process } = mainService({ specs: new Map() })
    const response = await process()
    expect(response.status).toBe(200)
    expect(await response.json()).toEqual({ outcome: 'run_gone' })
    expect(asked).toEqual([])
    expect(entries.map(({ severity }) => severity)).toEqual(['WARNING'])
  })

  test('a spec of another run', async () => {
    const other = runSpec.parse({ ...SPEC, run_id: '261123-00000000' })
    const { process } = mainService({ specs: new Map([[RUN_ID, other]]) })
    expect((await process()).status).toBe(500)
  })

  test('any other path', async () => {
    const { app } = mainService()
    expect((await app.request('/other')).status).toBe(404)
    expect((await app.request('/process')).status).toBe(404)
  })
})
