import { describe, expect, test } from 'vitest'
import { CloudError } from '../../src/google/transport/errors.ts'
import { geminiBackendOf, type AnsweredRun } from '../../src/run-data/gemini-backend.ts'
import { geminiHere } from '../../src/runtime/main/gemini-here.ts'
import { BUCKET, RUN_ID, SPEC, TASK } from './fixtures.ts'
import { geminiSpec } from './gemini-fixtures.ts'
import { mainService } from './main-service.ts'

const { v: _v, run_id: _run, generation: _generation, ...UNIT } = TASK
const A = 'script:/data/a.yaml'
const B = 'replay:/data/b.jsonl'

/** A bucket with what users chose after the start of their runs. */
function bucket(chosen: Record<string, string> = {}) {
  const reads: string[] = []
  const read = async (uri: string): Promise<Buffer> => {
    reads.push(uri)
    const text = chosen[uri]
    if (text === undefined) throw new CloudError('NOT_FOUND', `no object ${uri}`)
    return Buffer.from(text)
  }
  return { reads, backendOf: (spec: AnsweredRun) => geminiBackendOf(spec, read) }
}

const CHOICE = `gs://${BUCKET}/runs/${RUN_ID}/gemini-backend`
const startedWith = (backend?: string) => ({
  ...geminiSpec(),
  ...(backend === undefined ? {} : { gemini_backend: backend }),
})

test.each([
  ['with what the run started with', A, startedWith(A), {}, undefined],
  ['with another stand-in', B, startedWith(A), {}, `run ${RUN_ID} is answered by ${A}, and this local cloud has ${B}`],
  ['that bills', 'forward', startedWith(A), {}, `is answered by ${A}, and this local cloud has forward`],
  ['without Gemini', undefined, startedWith(A), {}, `is answered by ${A}, and this local cloud has no Gemini`],
  ['with what the user chose later', B, startedWith(A), { [CHOICE]: B }, undefined],
  [
    'with what the user gave up',
    A,
    startedWith(A),
    { [CHOICE]: B },
    `is answered by ${B}, and this local cloud has ${A}`,
  ],
  ['with anything, for a run of an earlier version', A, startedWith(), {}, undefined],
  ['without Gemini, for a run of an earlier version', undefined, startedWith(), {}, 'has no Gemini'],
  ['without Gemini, for a run of the pixels model', undefined, SPEC, {}, undefined],
  [
    'without Gemini, for a run with an endpoint',
    undefined,
    geminiSpec({ endpoint: 'http://127.0.0.1:1' }),
    {},
    undefined,
  ],
])('a local cloud %s', async (_what, here, spec, chosen, expected) => {
  const why = await geminiHere({ here, backendOf: bucket(chosen).backendOf })(spec)
  if (expected === undefined) expect(why).toBeUndefined()
  else expect(why).toContain(expected)
})

test('the bucket is read once for a run whose answers are here, and again while they are elsewhere', async () => {
  const chosen: Record<string, string> = {}
  const { reads, backendOf } = bucket(chosen)
  const why = geminiHere({ here: B, backendOf })
  expect(await why(startedWith(A))).toBeDefined()
  chosen[CHOICE] = B
  expect(await why(startedWith(A))).toBeUndefined()
  expect(await why(startedWith(A))).toBeUndefined()
  expect(reads).toHaveLength(2)
})

describe('a task of a run whose answers are elsewhere', () => {
  const elsewhere = { specs: new Map([[RUN_ID, startedWith(A)]]), refusal: async () => `answered by ${A}` }

  test('uses up no try, however often it is delivered, and pauses the queues', async () => {
    const { process, rows, asked, paused } = mainService(elsewhere)
    for (let delivery = 0; delivery < 5; delivery += 1) {
      // Cloud Tasks counts a 429 as an execution, which `max_attempts` (3) leaves out.
      const headers = {
        'x-cloudtasks-taskretrycount': String(delivery),
        'x-cloudtasks-taskexecutioncount': String(delivery),
      }
      const response = await process(TASK, headers)
      expect(response.status).toBe(429)
      expect(await response.json()).toEqual({ error: { code: 'GEMINI_ELSEWHERE', message: `answered by ${A}` } })
    }
    expect({ rows, asked }).toEqual({ rows: [], asked: [] })
    expect(paused).toContain(`projects/demo/locations/us-central1/queues/imagery-${RUN_ID}`)
  })

  test('is answered once they are here', async () => {
    let message: string | undefined = `answered by ${A}`
    const { process, rows } = mainService({ ...elsewhere, refusal: async () => message })
    await process()
    message = undefined
    const headers = { 'x-cloudtasks-taskretrycount': '1', 'x-cloudtasks-taskexecutioncount': '1' }
    expect((await process(TASK, headers)).status).toBe(200)
    expect(rows.map(({ row }) => row.status)).toEqual(['ok'])
  })

  test('is not probed either', async () => {
    const { probe, rows, asked } = mainService({ ...elsewhere, firstUnits: [UNIT] })
    const response = await probe()
    expect(response.status).toBe(500)
    expect(await response.json()).toEqual({ error: { code: 'FAILED_PRECONDITION', message: `answered by ${A}` } })
    expect({ rows, asked }).toEqual({ rows: [], asked: [] })
  })
})
