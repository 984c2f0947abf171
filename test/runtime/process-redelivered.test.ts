import { describe, expect, test } from 'vitest'
import { CloudError } from '../../src/google/transport/errors.ts'
import type { FinalRow } from '../../src/run-data/run-tables.ts'
import { AttemptFailure, type Answer } from '../../src/runtime/models/model.ts'
import { ANSWER, deferred, RUN_ID, SPEC, TASK } from './fixtures.ts'
import { geminiSpec, USAGE } from './gemini-fixtures.ts'
import { mainService, type MainScript } from './main-service.ts'

const ROW: FinalRow = { unit_id: TASK.unit_id, generation: 0, status: 'ok', cause: null }
const BILLED: Answer = { ...ANSWER, usage: USAGE, tier: 'standard' }

/** A run that pays for its answers; `max_attempts` is 3. */
const service = (script: MainScript = {}) =>
  mainService({ answer: async () => BILLED, specs: new Map([[RUN_ID, geminiSpec()]]), ...script })

/** Cloud Tasks' counts: earlier attempts, and how many of them got an answer other than 5xx. */
const delivered = (retries: number, answered = 0) => ({
  'x-cloudtasks-taskretrycount': String(retries),
  'x-cloudtasks-taskexecutioncount': String(answered),
})

describe('a task redelivered after no answer or a 503', () => {
  test('is not paid for again when its row is in the ledger', async () => {
    const { asked, rows, lookedUp, process } = service({ findRow: async () => ROW })
    const response = await process(TASK, delivered(1))
    expect(response.status).toBe(200)
    expect(await response.json()).toEqual({ outcome: 'recorded', status: 'ok' })
    expect({ asked, rows, lookedUp }).toEqual({ asked: [], rows: [], lookedUp: ['sign-1 0'] })
  })

  test('is not paid for again when its row is a failure', async () => {
    const { asked, process } = service({ findRow: async () => ({ ...ROW, status: 'failed', cause: 'blocked' }) })
    const response = await process(TASK, delivered(2, 1))
    expect(await response.json()).toEqual({ outcome: 'recorded', status: 'failed', cause: 'blocked' })
    expect(asked).toEqual([])
  })

  test('calls the model when the ledger has no row of its generation', async () => {
    const { asked, rows, lookedUp, process } = service()
    expect((await process({ ...TASK, generation: 4 }, delivered(1))).status).toBe(200)
    expect(lookedUp).toEqual(['sign-1 4'])
    expect(asked).toHaveLength(1)
    expect(rows.map(({ row }) => row.status)).toEqual(['ok'])
  })

  test('is looked up even after a 429, when the counts show an unanswered delivery', async () => {
    const { lookedUp, process } = service({ findRow: async () => ROW })
    await process(TASK, { ...delivered(2, 1), 'x-cloudtasks-taskpreviousresponse': '429' })
    expect(lookedUp).toHaveLength(1)
  })

  test('calls the model once for any number of simultaneous deliveries', async () => {
    const found = deferred<undefined>()
    const { asked, process } = service({ findRow: () => found.promise })
    const both = [process(TASK, delivered(1)), process(TASK, delivered(1))]
    found.resolve(undefined)
    expect((await Promise.all(both)).map(({ status }) => status)).toEqual([200, 200])
    expect(asked).toHaveLength(1)
  })
})

describe('a task of a later generation', () => {
  test('is looked up at its first delivery, because a task of an earlier generation may have finished its unit', async () => {
    const { asked, lookedUp, process } = service({ findRow: async () => ROW })
    const response = await process({ ...TASK, generation: 1 }, delivered(0))
    expect(await response.json()).toEqual({ outcome: 'recorded', status: 'ok' })
    expect({ asked, lookedUp }).toEqual({ asked: [], lookedUp: ['sign-1 1'] })
  })

  test('is looked up once in ten minutes while it is throttled', async () => {
    const throttled = new AttemptFailure('throttled', 'slow down', { retryable: true, countsAsTry: false })
    const { clock, lookedUp, process } = service({ answer: () => Promise.reject(throttled) })
    const task = { ...TASK, generation: 1 }
    for (const retries of [0, 1, 2]) expect((await process(task, delivered(retries, retries))).status).toBe(429)
    expect(lookedUp).toHaveLength(1)
    await clock.advance(10 * 60_000)
    await process(task, delivered(3, 3))
    expect(lookedUp).toHaveLength(2)
  })

  test('is looked up after Cloud Run answered 429 for the service', async () => {
    const { asked, process } = service({ findRow: async () => ROW })
    await process({ ...TASK, generation: 1 }, delivered(1, 1))
    expect(asked).toEqual([])
  })
})

describe('no query is made', () => {
  test('for a first delivery of generation 0', async () => {
    const { lookedUp, process } = service()
    await process()
    await process({ ...TASK, unit_id: 'sign-2' }, delivered(0))
    expect(lookedUp).toEqual([])
  })

  test('for a retry of a task whose deliveries were all answered with 429', async () => {
    const { lookedUp, asked, process } = service()
    await process(TASK, { ...delivered(2, 2), 'x-cloudtasks-taskpreviousresponse': '429' })
    expect({ lookedUp, asked }).toEqual({ lookedUp: [], asked: ['sign-1'] })
  })

  test('for a task that this instance has processed itself', async () => {
    const { lookedUp, asked, process } = service()
    await process()
    expect((await process(TASK, delivered(1))).status).toBe(200)
    expect({ lookedUp, asked }).toEqual({ lookedUp: [], asked: ['sign-1'] })
  })

  test('for a run that measures, which costs nothing', async () => {
    const { lookedUp, process } = service({ specs: new Map([[RUN_ID, SPEC]]), answer: async () => ANSWER })
    await process(TASK, delivered(1))
    expect(lookedUp).toEqual([])
  })
})

describe('a ledger that cannot be read', () => {
  const fails = (error: Error) => service({ findRow: () => Promise.reject(error) })

  test('for a moment: the task is redelivered and nothing is paid', async () => {
    const { asked, process } = fails(new CloudError('UNAVAILABLE', 'BigQuery is down'))
    expect((await process(TASK, delivered(1))).status).toBe(503)
    expect(asked).toEqual([])
  })

  test('for long: the task is delivered again and nothing is paid, even after the last try', async () => {
    const { asked, rows, process } = fails(new CloudError('UNAVAILABLE', 'BigQuery is down'))
    expect((await process(TASK, delivered(2))).status).toBe(503)
    expect((await process(TASK, delivered(20))).status).toBe(503)
    expect({ asked, rows }).toEqual({ asked: [], rows: [] })
  })

  test('permanently: the unit still gets its row, and the log warns of the possible cost', async () => {
    const { asked, rows, entries, process } = fails(new CloudError('PERMISSION_DENIED', 'no bigquery.jobs.create'))
    expect((await process(TASK, delivered(1))).status).toBe(200)
    expect(asked).toHaveLength(1)
    expect(rows).toHaveLength(1)
    expect(entries.find(({ severity }) => severity === 'ERROR')?.message).toBe(
      'could not check the ledger for an earlier row: no bigquery.jobs.create; the model is called, possibly for the second time',
    )
  })

  test('because the run was torn down: the task drains', async () => {
    const specs = new Map([[RUN_ID, geminiSpec()]])
    const { asked, process } = service({
      specs,
      findRow: async () => {
        specs.delete(RUN_ID)
        throw new CloudError('NOT_FOUND', 'no such table')
      },
    })
    expect(await (await process(TASK, delivered(1))).json()).toEqual({ outcome: 'run_gone' })
    expect(asked).toEqual([])
  })
})

describe('an instance that is shutting down', () => {
  test('makes no new model call: another instance gets the task', async () => {
    const { asked, shutdown, process } = service()
    shutdown.begin()
    const response = await process()
    expect(response.status).toBe(429)
    expect(await response.json()).toEqual({ error: { code: 'STOPPING', message: 'this instance is stopping' } })
    expect(asked).toEqual([])
  })

  test('uses up no try, however often the task was delivered before', async () => {
    const { rows, shutdown, process } = service()
    shutdown.begin()
    expect((await process(TASK, delivered(9, 0))).status).toBe(429)
    expect(rows).toEqual([])
  })

  test('records the answers that arrive in time', async () => {
    const answered = deferred<Answer>()
    const { rows, shutdown, process } = service({ answer: () => answered.promise })
    const processing = process()
    await new Promise((resolve) => setImmediate(resolve))
    shutdown.begin()
    answered.resolve(BILLED)
    expect((await processing).status).toBe(200)
    expect(rows.map(({ row }) => row.status)).toEqual(['ok'])
  })

  test('records what was billed before it cancels an attempt, and requests it again', async () => {
    const { rows, shutdown, process } = service({
      answer: (_asset, signal, options) => {
        options?.onBilled?.({ usage: USAGE, tier: 'standard' })
        return new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('aborted'))))
      },
    })
    const processing = process()
    await new Promise((resolve) => setImmediate(resolve))
    shutdown.begin()
    shutdown.giveUp()
    expect((await processing).status).toBe(503)
    expect(rows.map(({ row }) => row)).toEqual([
      expect.objectContaining({
        status: 'retrying',
        cause: 'timeout',
        error_message: 'this instance was stopped before the answer arrived',
        prompt_tokens: USAGE.promptTokens,
      }),
    ])
  })

  test('cancels an unbilled attempt without a row', async () => {
    const { rows, shutdown, process } = service({
      answer: (_asset, signal) =>
        new Promise((_, reject) =>
          signal.addEventListener('abort', () => reject(new AttemptFailure('timeout', 'late', { retryable: true }))),
        ),
    })
    const processing = process()
    await new Promise((resolve) => setImmediate(resolve))
    shutdown.giveUp()
    expect((await processing).status).toBe(503)
    expect(rows).toEqual([])
  })
})
