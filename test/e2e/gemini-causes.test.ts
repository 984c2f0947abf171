import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { GeminiUser } from './gemini-user.ts'

const ASSETS = 3

/** What the model does to every call, and the row that it ends in. */
const CASES = [
  { does: 'has no capacity', script: 'shares: {429: 1}', cause: 'throttled', status: 'throttled' },
  { does: 'is down', script: 'shares: {503: 1}', cause: 'throttled', status: 'throttled' },
  { does: 'hangs', script: 'shares: {hang: 1}', cause: 'timeout', status: 'failed' },
  { does: 'cannot read the image', script: 'shares: {unreadable: 1}', cause: 'unreadable_image', status: 'failed' },
  { does: 'blocks', script: 'shares: {block: 1}', cause: 'blocked', status: 'failed' },
  {
    does: 'says more than any limit lets it',
    script: `answer: "${'lorem ipsum '.repeat(30_000)}"`,
    cause: 'truncated',
    status: 'failed',
  },
  { does: 'answers something else', script: 'shares: {schema: 1}', cause: 'schema', status: 'failed' },
  { does: 'fails', script: 'shares: {500: 1}', cause: 'model_error', status: 'failed' },
  { does: 'ends without a reason', script: 'shares: {other: 1}', cause: 'model_error', status: 'failed' },
]

interface Row {
  status: string
  cause: string
  error_message: string
  category: string | null
}

let user: GeminiUser

beforeEach(() => {
  user = new GeminiUser()
})

afterEach(() => user.leave())

describe('a model that', () => {
  test.each(CASES)('$does ends in rows with the cause $cause, and exit code 3', async ({ script, cause, status }) => {
    await user.startCloud('--gemini', `script:${user.file('model.yaml', script)}`)
    const rows = Array.from(
      { length: ASSETS },
      (_, index) => `{"asset_id": "a${index}", "gcs_uri": "gs://street-images/${index}.jpg"}\n`,
    )
    const table = user.file('assets.jsonl', rows.join(''))
    const report = await user.run(
      ['--table', table, '--profile', 'road-signs', '--max-attempts', '2', '--attempt-timeout', '2'],
      3,
    )
    expect(report).toMatchObject({
      state: 'complete',
      units: { total: ASSETS, ok: 0, failed: ASSETS, pending: 0 },
      causes: { [cause]: ASSETS },
    })
    const results = await user.results<Row>(report.run_id)
    expect(results.map((row) => [row.status, row.cause, row.category])).toEqual(
      Array.from({ length: ASSETS }, () => [status, cause, null]),
    )
    for (const { error_message } of results) expect(error_message).not.toBe('')
  })
})
