import { describe, expect, test } from 'vitest'
import { CloudError } from '../../src/google/transport/errors.ts'
import { AttemptFailure } from '../../src/runtime/models/model.ts'
import { ANSWER, BUCKET, deferred, RUN_ID, SPEC, TASK } from './fixtures.ts'
import { mainService } from './main-service.ts'

const LAST_TRY = { 'x-cloudtasks-taskretrycount': '2' }

describe('an asset that gets its answer', () => {
  test('is answered 200 once its row is durable', async () => {
    const durable = deferred<void>()
    const { rows, process } = mainService({ append: () => durable.promise })
    let status: number | undefined
    const processing = process().then((response) => (status = response.status))
    await new Promise((resolve) => setImmediate(resolve))
    expect(status).toBeUndefined()
    durable.resolve()
    await processing
    expect(status).toBe(200)
    expect(rows).toHaveLength(1)
  })

  test('has a row with the answer’s columns, its provenance and its images', async () => {
    const { rows, process, clock } = mainService()
    const response = await process()
    expect(await response.json()).toEqual({ outcome: 'recorded', status: 'ok' })
    const at = new Date(clock.now()).toISOString()
    expect(rows).toEqual([
      {
        table: { projectId: 'demo', dataset: 'imagery_results_us', table: SPEC.tables.attempts },
        row: {
          run_id: RUN_ID,
          unit_id: 'sign-1',
          asset_id: 'sign-1',
          bucket: 17,
          attempt_id: 'attempt-1',
          generation: 0,
          status: 'ok',
          width: 640,
          note: 'clear',
          repaired: false,
          model: 'pixels',
          model_version: 'pixels-1',
          prompt_hash: expect.stringMatching(/^[0-9a-f]{64}$/),
          input_hash: 'abc',
          cost_usd: 0,
          latency_ms: 0,
          observation_ids: ['o1'],
          gcs_uris: ['gs://images/o1.jpg'],
          started_at: at,
          finished_at: at,
        },
      },
    ])
  })

  test('measures its time from the start of the model call, not the wait for it', async () => {
    const { rows, process, clock } = mainService({
      async answer(_asset, _signal, { onTurn } = { signal: new AbortController().signal }) {
        await clock.advance(5_000)
        await onTurn?.()
        await clock.advance(700)
        return ANSWER
      },
    })
    const enteredMs = clock.now()
    await process()
    expect(rows[0]?.row).toMatchObject({
      latency_ms: 700,
      started_at: new Date(enteredMs + 5_000).toISOString(),
      finished_at: new Date(enteredMs + 5_700).toISOString(),
    })
  })

  test('keeps only the columns that the profile names', async () => {
    const { rows, process } = mainService({
      answer: async () => ({ ...ANSWER, columns: { width: 1, status: 'forged', extra: true } }),
    })
    await process()
    expect(rows[0]?.row).toMatchObject({ width: 1, status: 'ok' })
    expect(rows[0]?.row).not.toHaveProperty('extra')
    expect(rows[0]?.row).not.toHaveProperty('note')
  })

  test('logs nothing above DEBUG', async () => {
    const { entries, process } = mainService()
    await process()
    expect(entries.filter(({ severity }) => severity !== 'DEBUG')).toEqual([])
  })
})

describe('an asset that fails', () => {
  test('has a reason that calls the image of a local table as the table does', async () => {
    const spec = { ...SPEC, source: { ...SPEC.source, image_folder: '/home/me/photos' } }
    const staged = `gs://${BUCKET}/runs/${RUN_ID}/images/signs/a b.jpg`
    const { rows, process } = mainService({
      specs: new Map([[RUN_ID, spec]]),
      answer: () => {
        const message = `no readable image: ${staged} does not exist; No such object: ${staged.slice('gs://'.length)}`
        throw new AttemptFailure('unreadable_image', message, { retryable: false })
      },
    })
    await process()
    expect(rows[0]?.row.error_message).toBe(
      'no readable image: signs/a b.jpg does not exist; No such object: signs/a b.jpg',
    )
  })

  test('permanently has a failed row with its cause, and is answered 200', async () => {
    const { rows, process, entries } = mainService({
      answer: async () => {
        throw new AttemptFailure('unreadable_image', 'no readable image: gs://images/o1.jpg does not exist', {
          retryable: false,
        })
      },
    })
    const response = await process()
    expect(response.status).toBe(200)
    expect(await response.json()).toEqual({ outcome: 'recorded', status: 'failed', cause: 'unreadable_image' })
    expect(rows[0]?.row).toMatchObject({
      status: 'failed',
      cause: 'unreadable_image',
      error_message: 'no readable image: gs://images/o1.jpg does not exist',
      observation_ids: ['o1'],
      gcs_uris: ['gs://images/o1.jpg'],
    })
    expect(entries).toContainEqual(
      expect.objectContaining({
        severity: 'WARNING',
        'logging.googleapis.com/labels': { run_id: RUN_ID, asset_id: 'sign-1' },
      }),
    )
  })

  test('because its source names no image has a row that says so, and no model is called', async () => {
    const { asked, rows, process } = mainService()
    expect((await process({ ...TASK, observations: [] })).status).toBe(200)
    expect(asked).toEqual([])
    expect(rows[0]?.row).toMatchObject({
      status: 'failed',
      cause: 'unreadable_image',
      error_message: 'the source has no image of this asset',
      observation_ids: [],
    })
  })

  test('keeps the billed tokens and the raw answer', async () => {
    const known = {
      rawAnswer: '{"width": ',
      usage: { promptTokens: 258, outputTokens: 40, thoughtTokens: 7 },
      modelVersion: 'm-1',
    }
    const { rows, process } = mainService({
      answer: async () => {
        throw new AttemptFailure('truncated', 'the answer hit its length limit', { retryable: false, known })
      },
    })
    await process()
    expect(rows[0]?.row).toMatchObject({
      cause: 'truncated',
      raw_answer: '{"width": ',
      prompt_tokens: 258,
      output_tokens: 40,
      thought_tokens: 7,
      model_version: 'm-1',
    })
  })

  // https://cloud.google.com/tasks/docs/reference/rest/v2/projects.locations.queues#retryconfig: 429 and 503 make the queue back off
  test("by throttling is answered 429 with the model's retry delay, without a row", async () => {
    const { rows, process } = mainService({
      answer: async () => {
        throw new AttemptFailure('throttled', 'quota', { retryable: true, countsAsTry: false, retryAfterMs: 2_300 })
      },
    })
    const response = await process()
    expect(response.status).toBe(429)
    expect(response.headers.get('retry-after')).toBe('3')
    expect(await response.json()).toEqual({ error: { code: 'THROTTLED', message: 'quota' } })
    expect(rows).toEqual([])
  })

  // https://cloud.google.com/tasks/docs/creating-http-target-tasks#handler: an execution is a response other than 5xx
  test('by throttling uses up no try, however often it is throttled', async () => {
    const { rows, process } = mainService({
      answer: async () => {
        throw new AttemptFailure('throttled', 'quota', { retryable: true, countsAsTry: false })
      },
    })
    for (const times of ['1', '2', '3', '500']) {
      const headers = { 'x-cloudtasks-taskretrycount': times, 'x-cloudtasks-taskexecutioncount': times }
      expect((await process(TASK, headers)).status).toBe(429)
    }
    expect(rows).toEqual([])
  })

  test('with a timeout still has all its tries after it was throttled many times', async () => {
    const { rows, process } = mainService({
      answer: async () => {
        throw new AttemptFailure('timeout', 'no answer', { retryable: true })
      },
    })
    const after = (retries: number, throttled: number) =>
      process(TASK, {
        'x-cloudtasks-taskretrycount': String(retries),
        'x-cloudtasks-taskexecutioncount': String(throttled),
      })
    expect((await after(40, 40)).status).toBe(503)
    expect((await after(41, 40)).status).toBe(503)
    expect(rows).toEqual([])
    expect((await after(42, 40)).status).toBe(200)
    expect(rows[0]?.row).toMatchObject({ status: 'failed', cause: 'timeout' })
  })

  test('by throttling after a billed answer uses up a try, so that repeated payments end', async () => {
    const usage = { promptTokens: 258, outputTokens: 40, thoughtTokens: 0 }
    const { rows, process } = mainService({
      answer: async () => {
        throw new AttemptFailure('throttled', 'quota', { retryable: true, countsAsTry: false, known: { usage } })
      },
    })
    expect((await process()).status).toBe(503)
    expect((await process(TASK, LAST_TRY)).status).toBe(200)
    expect(rows.map(({ row }) => row.status)).toEqual(['retrying', 'throttled'])
  })

  test('with another transient failure is answered 503 with a growing delay', async () => {
    const { process } = mainService({
      answer: async () => {
        throw new AttemptFailure('model_error', 'hiccup', { retryable: true })
      },
    })
    const first = await process()
    expect([first.status, first.headers.get('retry-after')]).toEqual([503, '1'])
    const second = await process(TASK, { 'x-cloudtasks-taskretrycount': '1' })
    expect([second.status, second.headers.get('retry-after')]).toEqual([503, '2'])
  })

  test.each([
    ['throttled', 'throttled'],
    ['model_error', 'failed'],
    ['timeout', 'failed'],
  ] as const)('with %s on its last try has a row of status %s, and is answered 200', async (cause, status) => {
    const { rows, process } = mainService({
      answer: async () => {
        throw new AttemptFailure(cause, 'still no', { retryable: true })
      },
    })
    const response = await process(TASK, LAST_TRY)
    expect(response.status).toBe(200)
    expect(rows[0]?.row).toMatchObject({ status, cause, error_message: 'still no' })
  })

  test('to get an answer in time is aborted and retried', async () => {
    let wasAborted = false
    const { clock, process } = mainService({
      async answer(_asset, signal, options) {
        await options?.onTurn?.()
        return new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => {
            wasAborted = true
            reject(new DOMException('stop', 'AbortError'))
          })
        })
      },
    })
    const processing = process()
    await clock.advance(0)
    await clock.advance(SPEC.limits.attempt_timeout_ms - 1)
    expect(wasAborted).toBe(false)
    await clock.advance(1)
    const response = await processing
    expect(wasAborted).toBe(true)
    expect(response.status).toBe(503)
    expect(await response.json()).toEqual({ error: { code: 'TIMEOUT', message: 'no answer within 30 s' } })
  })

  test('with a model that ignores its deadline still becomes a row on the last try', async () => {
    const { clock, rows, process } = mainService({
      async answer(_asset, _signal, options) {
        await options?.onTurn?.()
        return new Promise(() => {})
      },
    })
    const processing = process(TASK, LAST_TRY)
    await clock.advance(0)
    await clock.advance(SPEC.limits.attempt_timeout_ms)
    expect((await processing).status).toBe(200)
    expect(rows[0]?.row).toMatchObject({ status: 'failed', cause: 'timeout', latency_ms: 30_000 })
  })

  test('to get a turn in time makes no call and uses up no try, and the call after a long wait has its whole time', async () => {
    let turnAfterMs = Number.POSITIVE_INFINITY
    const calls: number[] = []
    const { clock, rows, process } = mainService({
      async answer(_asset, signal, options) {
        await new Promise<void>((resolve, reject) => {
          clock.after(turnAfterMs, resolve)
          signal.addEventListener('abort', () => reject(new DOMException('stop', 'AbortError')))
        })
        await options?.onTurn?.()
        calls.push(clock.now())
        await new Promise<void>((resolve) => clock.after(SPEC.limits.attempt_timeout_ms - 1, resolve))
        return ANSWER
      },
    })
    turnAfterMs = SPEC.limits.turn_timeout_ms + 1
    const late = process(TASK, LAST_TRY)
    await clock.advance(SPEC.limits.turn_timeout_ms)
    const refused = await late
    expect([refused.status, await refused.json()]).toEqual([
      429,
      { error: { code: 'THROTTLED', message: 'no call could be made within 15 s, because others came first' } },
    ])
    await clock.advance(10_000)
    expect([calls, rows]).toEqual([[], []])

    turnAfterMs = SPEC.limits.turn_timeout_ms - 1
    const inTime = process(TASK, LAST_TRY)
    await clock.advance(turnAfterMs)
    await clock.advance(SPEC.limits.attempt_timeout_ms)
    expect((await inTime).status).toBe(200)
    expect(rows.map(({ row }) => row)).toMatchObject([{ status: 'ok', latency_ms: SPEC.limits.attempt_timeout_ms - 1 }])
  })

  test('by a bug in the model is logged with its stack, retried, and becomes a row', async () => {
    const { rows, entries, process } = mainService({
      answer: async () => {
        throw new TypeError('x is undefined')
      },
    })
    expect((await process()).status).toBe(503)
    expect(entries).toContainEqual(
      expect.objectContaining({ severity: 'ERROR', stack_trace: expect.stringContaining('TypeError: x is undefined') }),
    )
    expect((await process(TASK, LAST_TRY)).status).toBe(200)
    expect(rows[0]?.row).toMatchObject({ status: 'failed', cause: 'model_error', error_message: 'x is undefined' })
  })

  test.each([
    ['RESOURCE_EXHAUSTED', 429, 'THROTTLED'],
    ['UNAVAILABLE', 503, 'MODEL_ERROR'],
    ['DEADLINE_EXCEEDED', 503, 'TIMEOUT'],
  ] as const)('because Google returned %s is answered %i', async (status, http, code) => {
    const { process } = mainService({
      answer: async () => {
        throw new CloudError(status, 'Google says no')
      },
    })
    const response = await process()
    expect(response.status).toBe(http)
    expect(await response.json()).toMatchObject({ error: { code } })
  })
})
