import { afterEach, beforeEach, expect, test } from 'vitest'
import { GeminiUser } from './gemini-user.ts'

const ASSETS = 60
const LATENCY_MS = 150

let user: GeminiUser

beforeEach(() => {
  user = new GeminiUser()
})

afterEach(() => user.leave())

function manyAssets(): string {
  const rows = Array.from(
    { length: ASSETS },
    (_, index) => `{"asset_id": "a${index}", "gcs_uri": "gs://street-images/${index}.jpg"}\n`,
  )
  return user.file('assets.jsonl', rows.join(''))
}

test('--concurrency limits simultaneous calls to the model, for any number of tasks', async () => {
  const calls = 6
  // A model that refuses the seventh.
  const script = user.file('model.yaml', `latency_ms: ${LATENCY_MS}\nconcurrency: ${calls}\n`)
  await user.startCloud(`script:${script}`)
  const report = await user.run(['--table', manyAssets(), '--profile', 'road-signs', '--concurrency', String(calls)])
  expect(report.units).toEqual({ total: ASSETS, ok: ASSETS, failed: 0, pending: 0 })
  const { summary } = await user.geminiCalls()
  expect(summary).toMatchObject({ calls: ASSETS, billedCalls: ASSETS, mostAtOnce: calls, outcomes: { ok: ASSETS } })
  const { document } = await user.imagery('local', 'status')
  expect(document).toMatchObject({ gemini: { calls: ASSETS, billed_calls: ASSETS, most_at_once: calls } })
})

test('--concurrency is refused for a model that runs in the service itself', async () => {
  const flags = ['--table', manyAssets(), '--profile', 'resolution', '--concurrency', '5']
  const { exitCode, document } = await user.imagery('run', '--local', ...flags)
  expect(exitCode).toBe(2)
  expect(document).toMatchObject({
    error: { code: 'INVALID_FLAG', message: expect.stringMatching(/^--concurrency /) as string },
  })
})
