import { describe, expect, test } from 'vitest'
import { CloudError } from '../../src/google/transport/errors.ts'
import { AttemptFailure, type AnswerOptions, type Known } from '../../src/runtime/models/model.ts'
import { ANSWER, RUN_ID, TASK } from './fixtures.ts'
import { geminiSpec, USAGE } from './gemini-fixtures.ts'
import { mainService, type MainScript } from './main-service.ts'

const KNOWN: Known = {
  usage: USAGE,
  modelVersion: 'gemini-3.5-flash-lite-001',
  tier: 'standard',
  finishReason: 'OTHER',
}

/** 1,000 x 300 + 60 x 2,500 billionths of a dollar: the fixture's tokens at 0.30 and 2.50 USD per million. */
const COST = 0.000_45

const service = (script: MainScript, spec = geminiSpec()) =>
  mainService({ ...script, specs: new Map([[RUN_ID, spec]]) })

const billedFailure = (): AttemptFailure =>
  new AttemptFailure('model_error', 'the answer ended with OTHER', { retryable: true, known: KNOWN })

describe('a billed attempt that is retryable', () => {
  test('leaves a row with its cost, and is requested again', async () => {
    const { rows, process } = service({ answer: () => Promise.reject(billedFailure()) })
    const response = await process()
    expect(response.status).toBe(503)
    expect(rows.map(({ row }) => row)).toEqual([
      expect.objectContaining({
        status: 'retrying',
        cause: 'model_error',
        cost_usd: COST,
        prompt_tokens: 1_000,
        output_tokens: 50,
        thought_tokens: 10,
        tier: 'standard',
        finish_reason: 'OTHER',
      }),
    ])
  })

  test('is repeated by the next delivery, and both costs are in the ledger', async () => {
    let tries = 0
    const { rows, process, asked } = service({
      answer: async () => {
        tries += 1
        if (tries === 1) throw billedFailure()
        return { ...ANSWER, usage: USAGE, tier: 'standard' as const }
      },
    })
    await process()
    expect((await process()).status).toBe(200)
    expect(asked).toHaveLength(2)
    expect(rows.map(({ row }) => [row.status, row['cost_usd']])).toEqual([
      ['retrying', COST],
      ['ok', COST],
    ])
  })

  test('is kept until its row is durable, so nothing is paid twice before that', async () => {
    let isDown = true
    const { rows, process, asked } = service({
      answer: () => Promise.reject(billedFailure()),
      append: async () => {
        if (isDown) throw new CloudError('UNAVAILABLE', 'no ledger')
      },
    })
    expect((await process()).status).toBe(503)
    expect((await process()).status).toBe(503)
    expect(asked).toHaveLength(1)
    isDown = false
    expect((await process()).status).toBe(503)
    expect(asked).toHaveLength(1)
    expect(rows).toHaveLength(1)
    await process()
    expect(asked).toHaveLength(2)
  })

  test('delivered twice at once leaves one row and does not count as done', async () => {
    const { rows, process } = service({ answer: () => Promise.reject(billedFailure()) })
    const [first, second] = await Promise.all([process(), process()])
    expect([first.status, second.status]).toEqual([503, 503])
    expect(rows).toHaveLength(1)
  })

  test('on the last try becomes a failed row with its cost', async () => {
    const { rows, process } = service({ answer: () => Promise.reject(billedFailure()) })
    expect((await process(TASK, { 'x-cloudtasks-taskretrycount': '2' })).status).toBe(200)
    expect(rows.map(({ row }) => [row.status, row.cause, row['cost_usd']])).toEqual([['failed', 'model_error', COST]])
  })
})

test('an unbilled attempt leaves no row', async () => {
  const failure = new AttemptFailure('throttled', 'slow down', { retryable: true, countsAsTry: false })
  const { rows, process } = service({ answer: () => Promise.reject(failure) })
  expect((await process()).status).toBe(429)
  expect(rows).toEqual([])
})

test('an attempt that runs out of time keeps the cost of its first answer', async () => {
  const { rows, process, clock } = mainService({
    specs: new Map([[RUN_ID, geminiSpec()]]),
    async answer(_asset, _signal, options?: AnswerOptions) {
      await options?.onTurn?.()
      options?.onBilled?.(KNOWN)
      return new Promise(() => {})
    },
  })
  const processing = process()
  await clock.advance(0)
  await clock.advance(30_000)
  expect((await processing).status).toBe(503)
  expect(rows.map(({ row }) => [row.status, row.cause, row['cost_usd']])).toEqual([['retrying', 'timeout', COST]])
})

test('a flex answer costs half', async () => {
  const { rows, process } = service(
    { answer: async () => ({ ...ANSWER, usage: USAGE, tier: 'flex' as const }) },
    geminiSpec({ tier: 'flex' }),
  )
  await process()
  expect(rows[0]?.row).toMatchObject({ tier: 'flex', cost_usd: COST / 2, model: 'gemini-3.5-flash-lite' })
})

describe('a retry with another model', () => {
  const overrides = { model: 'gemini-3.5-flash', price: { input_nanousd: 1_500, output_nanousd: 9_000 } }

  test('records that model, its cost and another prompt hash', async () => {
    const { rows, process } = service({ answer: async () => ({ ...ANSWER, usage: USAGE, tier: 'standard' as const }) })
    await process()
    await process({ ...TASK, generation: 1, overrides })
    expect(rows.map(({ row }) => [row['model'], row['cost_usd'], row.generation])).toEqual([
      ['gemini-3.5-flash-lite', COST, 0],
      ['gemini-3.5-flash', 0.002_04, 1],
    ])
    expect(rows[0]?.row['prompt_hash']).not.toBe(rows[1]?.row['prompt_hash'])
  })

  test('that is not a Gemini model is refused', async () => {
    const { process } = service({})
    expect((await process({ ...TASK, overrides: { model: 'gpt' } })).status).toBe(400)
  })
})

test('a unit without an asset has a row without one', async () => {
  const { rows, process } = service({})
  await process({ ...TASK, unit_id: 'frame-1', asset_id: null })
  expect(rows[0]?.row).toMatchObject({ unit_id: 'frame-1' })
  expect(rows[0]?.row).not.toHaveProperty('asset_id')
})

test('while answers that the ledger does not take fill the memory, no more are paid; later each is written once', async () => {
  let isDown = true
  const large = { ...ANSWER, usage: USAGE, tier: 'standard' as const, repaired: true, rawAnswer: 'x'.repeat(5_000_000) }
  const { rows, asked, process } = service({
    answer: async () => large,
    append: async () => {
      if (isDown) throw new CloudError('UNAVAILABLE', 'no BigQuery')
    },
  })
  const task = (unit: number) => ({ ...TASK, unit_id: `sign-${unit}` })
  const statuses: number[] = []
  for (let unit = 0; unit < 6; unit += 1) statuses.push((await process(task(unit))).status)
  expect(statuses).toEqual([503, 503, 503, 503, 429, 429])
  expect(asked).toHaveLength(4)
  isDown = false
  // The first four can be delivered to another instance, so the next delivery here makes this one write them.
  expect((await process(task(4))).status).toBe(429)
  await expect.poll(() => rows.length).toBe(4)
  expect((await process(task(4))).status).toBe(200)
  expect((await process(task(0))).status).toBe(200)
  expect(asked).toEqual(['sign-0', 'sign-1', 'sign-2', 'sign-3', 'sign-4'])
  expect(rows).toHaveLength(5)
})
