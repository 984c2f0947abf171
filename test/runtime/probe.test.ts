import { describe, expect, test } from 'vitest'
import type { Asset } from '../../src/contracts/messages.ts'
import { GeminiRefused } from '../../src/google/gemini.ts'
import { CloudError } from '../../src/google/transport/errors.ts'
import { AttemptFailure, type Answer } from '../../src/runtime/models/model.ts'
import { ANSWER, post, RUN_ID, SPEC, TASK } from './fixtures.ts'
import { geminiSpec, USAGE } from './gemini-fixtures.ts'
import { mainService, type MainScript } from './main-service.ts'

const { v: _v, run_id: _run, generation: _generation, ...UNIT } = TASK
const OTHER: Asset = { ...UNIT, unit_id: 'sign-2', asset_id: 'sign-2' }
const BILLED: Answer = { ...ANSWER, usage: USAGE, tier: 'standard' }

/** A run that pays for its answers, with two units at the start of its snapshot. */
const service = (script: MainScript = {}) =>
  mainService({
    answer: async () => BILLED,
    specs: new Map([[RUN_ID, geminiSpec()]]),
    firstUnits: [UNIT, OTHER],
    ...script,
  })

/** What the model's client says when Google refuses a request. */
function refusal(http: number, message: string): AttemptFailure {
  const isImage = http === 403 && /input file/.test(message)
  return new AttemptFailure(isImage ? 'unreadable_image' : 'model_error', `gemini: HTTP ${http} ${message}`, {
    retryable: false,
    cause: new GeminiRefused(message, { http, message }),
  })
}

const bodyOf = async (response: Promise<Response>): Promise<unknown> => {
  const { status } = await response
  expect(status).toBe(200)
  return (await response).json()
}

describe('a probe whose unit is answered', () => {
  test('writes its row, so that the answer is not paid again', async () => {
    const { rows, asked, probe, process } = service()
    expect(await bodyOf(probe())).toEqual({
      outcome: 'answered',
      unit_id: 'sign-1',
      status: 'ok',
      cost_usd: (USAGE.promptTokens * 300 + (USAGE.outputTokens + USAGE.thoughtTokens) * 2_500) / 1e9,
      recorded: ['sign-1'],
    })
    await process(TASK)
    expect(asked).toEqual(['sign-1'])
    expect(rows.map(({ row }) => [row.unit_id, row.generation, row.status])).toEqual([['sign-1', 0, 'ok']])
  })

  test('costs nothing when an earlier probe has recorded it, from whatever instance', async () => {
    const row = { unit_id: 'sign-1', generation: 0, status: 'ok', cause: null } as const
    const { asked, probe } = service({ findRow: async () => row })
    expect(await bodyOf(probe())).toEqual({
      outcome: 'answered',
      unit_id: 'sign-1',
      status: 'ok',
      recorded: ['sign-1'],
    })
    expect(asked).toEqual([])
  })

  test('keeps a failure of this unit alone as its row', async () => {
    const known = { usage: USAGE }
    const { rows, probe } = service({
      answer: () => Promise.reject(new AttemptFailure('blocked', 'SAFETY', { retryable: false, known })),
    })
    expect(await bodyOf(probe())).toMatchObject({
      outcome: 'answered',
      status: 'failed',
      cause: 'blocked',
      error_message: 'SAFETY',
      recorded: ['sign-1'],
    })
    expect(rows).toHaveLength(1)
  })

  test('goes on to the next unit when the images of the first cannot be read', async () => {
    const { rows, probe } = service({
      answer: async ({ unit_id }) => {
        if (unit_id === 'sign-1') throw new AttemptFailure('unreadable_image', 'does not exist', { retryable: false })
        return BILLED
      },
    })
    expect(await bodyOf(probe())).toMatchObject({
      outcome: 'answered',
      unit_id: 'sign-2',
      recorded: ['sign-1', 'sign-2'],
    })
    expect(rows.map(({ row }) => row.status)).toEqual(['failed', 'ok'])
  })
})

describe('a probe of a retry', () => {
  const units = [{ unit_id: 'sign-2', bucket: 0 }]
  const price = { input_nanousd: 1_500, output_nanousd: 9_000 }
  const overrides = { model: 'gemini-3.5-flash', price }

  test("asks the retry's model about a failed unit, and writes its row in the retry's generation", async () => {
    const { rows, asked, probe } = service()
    expect(await bodyOf(probe({ generation: 3, units, overrides }))).toMatchObject({
      outcome: 'answered',
      unit_id: 'sign-2',
      recorded: ['sign-2'],
    })
    expect(asked).toEqual(['sign-2'])
    const cost = (USAGE.promptTokens * 1_500 + (USAGE.outputTokens + USAGE.thoughtTokens) * 9_000) / 1e9
    expect(rows.map(({ row }) => [row.generation, row['model'], row['cost_usd']])).toEqual([
      [3, 'gemini-3.5-flash', cost],
    ])
  })

  test('that the model refuses leaves no row', async () => {
    const { rows, probe } = service({ answer: () => Promise.reject(refusal(404, 'Publisher Model not found')) })
    expect(await bodyOf(probe({ generation: 1, units, overrides }))).toMatchObject({
      outcome: 'refused',
      problem: 'model',
    })
    expect(rows).toEqual([])
  })
})

describe('a unit of a sample', () => {
  const sampled = { v: 1, run_id: RUN_ID, sample: { unit_id: 'sign-2', bucket: UNIT.bucket } }

  test('is asked about by its name, and its answer is its row, in the generation that the run begins with', async () => {
    const { rows, asked, app } = service()
    const body = await bodyOf(Promise.resolve(app.request('/probe', post(sampled))))
    expect(body).toMatchObject({ outcome: 'answered', unit_id: 'sign-2', status: 'ok', recorded: ['sign-2'] })
    expect(asked).toEqual(['sign-2'])
    expect(rows.map(({ row }) => [row.unit_id, row.generation])).toEqual([['sign-2', 0]])
  })

  test('has the time of a task, because its answer is wanted', async () => {
    const spec = geminiSpec({ tier: 'flex' })
    const specs = new Map([[RUN_ID, { ...spec, limits: { ...spec.limits, attempt_timeout_ms: 1_740_000 } }]])
    const { clock, app } = service({
      specs,
      async answer(_asset, _signal, options) {
        await options?.onTurn?.()
        return new Promise((resolve) => clock.after(900_000, () => resolve(BILLED)))
      },
    })
    const asking = bodyOf(Promise.resolve(app.request('/probe', post(sampled))))
    await clock.advance(0)
    await clock.advance(900_000)
    expect(await asking).toMatchObject({ outcome: 'answered', status: 'ok' })
  })
})

describe('a probe that every unit would fail', () => {
  test.each([
    [403, 'Permission denied while accessing input file.', 'image_access'],
    [403, "Permission 'aiplatform.endpoints.predict' denied on resource", 'model_access'],
    [404, 'Publisher Model `projects/p/…/gemini-2.0-flash` was not found', 'model'],
  ])('with HTTP %i %s stops after one call, without a row: %s', async (http, message, problem) => {
    const { rows, asked, probe } = service({ answer: () => Promise.reject(refusal(http, message)) })
    expect(await bodyOf(probe())).toMatchObject({
      outcome: 'refused',
      problem,
      message: expect.stringContaining(message) as string,
      image: 'gs://images/o1.jpg',
      recorded: [],
    })
    expect({ rows, asked }).toEqual({ rows: [], asked: ['sign-1'] })
  })

  test('because imagery itself may not read an inline image stops too', async () => {
    const cause = new CloudError('PERMISSION_DENIED', 'no storage.objects.get')
    const { rows, probe } = service({
      answer: () => Promise.reject(new AttemptFailure('unreadable_image', 'denied', { retryable: false, cause })),
    })
    expect(await bodyOf(probe())).toMatchObject({ outcome: 'refused', problem: 'image_access' })
    expect(rows).toEqual([])
  })

  test('with a refused request stops when a second unit is refused as well', async () => {
    const schema = refusal(400, 'thinking_level MINIMAL is not supported by this model.')
    const { rows, asked, probe } = service({ answer: () => Promise.reject(schema) })
    expect(await bodyOf(probe())).toMatchObject({ outcome: 'refused', problem: 'request' })
    expect({ rows, asked }).toEqual({ rows: [], asked: ['sign-1', 'sign-2'] })
  })

  test('leaves the unit to its task, which is asked again after the fix', async () => {
    let isFixed = false
    const { rows, asked, probe, process } = service({
      answer: () => (isFixed ? Promise.resolve(BILLED) : Promise.reject(refusal(404, 'Publisher Model not found'))),
    })
    await probe()
    isFixed = true
    await process(TASK)
    expect(asked).toEqual(['sign-1', 'sign-1'])
    expect(rows.map(({ row }) => row.status)).toEqual(['ok'])
  })
})

test('a request that only one unit is refused does not stop the run', async () => {
  const { rows, probe } = service({
    answer: async ({ unit_id }) => {
      if (unit_id === 'sign-1') throw refusal(400, 'the input has too many tokens')
      return BILLED
    },
  })
  expect(await bodyOf(probe())).toMatchObject({ outcome: 'answered', unit_id: 'sign-2', recorded: ['sign-2'] })
  expect(rows.map(({ row }) => row.unit_id)).toEqual(['sign-2'])
})

describe('a probe that can succeed later', () => {
  test('is answered with the wait, without a row', async () => {
    const failure = new AttemptFailure('throttled', 'slow down', {
      retryable: true,
      countsAsTry: false,
      retryAfterMs: 9_000,
    })
    const { rows, probe } = service({ answer: () => Promise.reject(failure) })
    expect(await bodyOf(probe())).toEqual({
      outcome: 'retry',
      cause: 'throttled',
      message: 'slow down',
      retry_after_ms: 9_000,
      is_agent_coming: false,
      recorded: [],
    })
    expect(rows).toEqual([])
  })

  test('says when Vertex AI has no service agent yet', async () => {
    const message = 'Service agents are being provisioned (…). So please try again in a few minutes.'
    const failure = new AttemptFailure('model_error', message, {
      retryable: true,
      cause: new GeminiRefused(message, { http: 400, message }),
    })
    const { probe } = service({ answer: () => Promise.reject(failure) })
    expect(await bodyOf(probe())).toMatchObject({ outcome: 'retry', is_agent_coming: true })
  })

  test('does not wait as long as an answer of the flex tier can take', async () => {
    const spec = geminiSpec({ tier: 'flex' })
    const specs = new Map([[RUN_ID, { ...spec, limits: { ...spec.limits, attempt_timeout_ms: 1_740_000 } }]])
    const { clock, probe } = service({
      specs,
      async answer(_asset, _signal, options) {
        await options?.onTurn?.()
        return new Promise(() => {})
      },
    })
    const probing = bodyOf(probe())
    await clock.advance(0)
    await clock.advance(60_000)
    expect(await probing).toMatchObject({ outcome: 'retry', cause: 'timeout' })
  })

  test('does not wait long for its turn', async () => {
    const { clock, probe } = service({ answer: () => new Promise(() => {}) })
    const probing = bodyOf(probe())
    await clock.advance(10_000)
    expect(await probing).toMatchObject({ outcome: 'retry', cause: 'throttled' })
  })

  test('records what it cost anyway', async () => {
    const failure = new AttemptFailure('model_error', 'OTHER', { retryable: true, known: { usage: USAGE } })
    const { rows, probe } = service({ answer: () => Promise.reject(failure) })
    expect(await bodyOf(probe())).toMatchObject({ outcome: 'retry' })
    expect(rows.map(({ row }) => row.status)).toEqual(['retrying'])
  })
})

test('a run without an image, or without a paid model, calls none', async () => {
  expect(await bodyOf(service({ firstUnits: [] }).probe())).toEqual({ outcome: 'no_image', recorded: [] })
  const measuring = service({ specs: new Map([[RUN_ID, SPEC]]) })
  expect(await bodyOf(measuring.probe())).toEqual({ outcome: 'no_image', recorded: [] })
  expect(measuring.asked).toEqual([])
})

test('a run that was torn down is reported as gone', async () => {
  expect((await service({ specs: new Map() }).probe()).status).toBe(404)
})
