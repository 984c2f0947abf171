import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { RunReport } from '../../src/contracts/run-report.ts'
import { GeminiUser } from './gemini-user.ts'

const ASSETS_EACH = 3
const MAX_ATTEMPTS = 2

/** What the model does for some assets' calls, and the row that results. */
const CASES = [
  { does: 'is down', script: 'shares: {503: 1}', cause: 'throttled', status: 'throttled' },
  { does: 'hangs', script: 'shares: {hang: 1}', cause: 'timeout', status: 'failed' },
  { does: 'cannot read the image', script: 'shares: {unreadable: 1}', cause: 'unreadable_image', status: 'failed' },
  { does: 'blocks', script: 'shares: {block: 1}', cause: 'blocked', status: 'failed' },
  {
    does: 'exceeds every output limit',
    script: `answer: "${'lorem ipsum '.repeat(30_000)}"`,
    cause: 'truncated',
    status: 'failed',
  },
  { does: 'answers something else', script: 'shares: {schema: 1}', cause: 'schema', status: 'failed' },
  { does: 'fails', script: 'shares: {500: 1}', cause: 'model_error', status: 'failed' },
  { does: 'ends without a reason', script: 'shares: {other: 1}', cause: 'model_error', status: 'failed' },
]

/** Throttled more often than an asset has tries. */
const THROTTLED = 'throttled'

interface Row {
  asset_id: string
  status: string
  cause: string
  error_message: string
  category: string | null
}

let user: GeminiUser
let report: RunReport
let rows: Row[]

/** One run over assets of every case and some successful ones. */
beforeAll(async () => {
  user = new GeminiUser()
  const cases = CASES.map(({ script }, index) => `  - {images: gs://street-images/case-${index}/*, ${script}}\n`)
  const throttled = `  - {images: gs://street-images/${THROTTLED}/*, shares: {429: 0.6}}\n`
  const script = user.file('model.yaml', `seed: 3\ncases:\n${cases.join('')}${throttled}`)
  await user.startCloud(`script:${script}`)
  const folders = [...CASES.map((_, index) => `case-${index}`), THROTTLED, 'answered']
  const assets = folders.flatMap((folder) =>
    Array.from(
      { length: ASSETS_EACH },
      (_, index) => `{"asset_id": "${folder}-${index}", "gcs_uri": "gs://street-images/${folder}/${index}.jpg"}\n`,
    ),
  )
  const table = user.file('assets.jsonl', assets.join(''))
  const limits = ['--max-attempts', String(MAX_ATTEMPTS), '--attempt-timeout', '2']
  report = await user.run(['--table', table, '--profile', 'road-signs', ...limits], 3)
  rows = await user.results<Row>(report.run_id)
})

afterAll(() => user.leave())

test('a run whose assets fail for every cause exits with 3, reports each cause, and keeps the other answers', () => {
  const causes: Record<string, number> = {}
  for (const { cause } of CASES) causes[cause] = (causes[cause] ?? 0) + ASSETS_EACH
  const failed = CASES.length * ASSETS_EACH
  expect(report).toMatchObject({
    state: 'complete',
    units: { total: failed + 2 * ASSETS_EACH, ok: 2 * ASSETS_EACH, failed, pending: 0 },
    causes,
  })
  const answered = rows.filter(({ asset_id }) => asset_id.startsWith('answered-'))
  expect(answered.map(({ status }) => status)).toEqual(Array.from({ length: ASSETS_EACH }, () => 'ok'))
})

describe('a model that', () => {
  test.each(CASES.map((given, index) => ({ ...given, index })))(
    '$does leads to rows with the cause $cause',
    ({ index, cause, status }) => {
      const own = rows.filter(({ asset_id }) => asset_id.startsWith(`case-${index}-`))
      expect(own.map((row) => [row.status, row.cause, row.category])).toEqual(
        Array.from({ length: ASSETS_EACH }, () => [status, cause, null]),
      )
      for (const { error_message } of own) expect(error_message).not.toBe('')
    },
  )
})

test('a model that throttles uses up no try: its assets are answered later', async () => {
  const own = rows.filter(({ asset_id }) => asset_id.startsWith(THROTTLED))
  expect(own.map(({ status }) => status)).toEqual(Array.from({ length: ASSETS_EACH }, () => 'ok'))
  const { units } = await user.geminiCalls()
  const throttled = units
    .filter(({ images }) => images.some((uri) => uri.includes(`/${THROTTLED}/`)))
    .map(({ outcomes }) => outcomes['RESOURCE_EXHAUSTED'] ?? 0)
  expect(Math.max(...throttled)).toBeGreaterThanOrEqual(MAX_ATTEMPTS)
})
