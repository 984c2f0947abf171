import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { LocalCloudLocator } from '@imagery/local-cloud/contract/locator'
import type { RunReport } from '../../src/contracts/run-report.ts'
import { GeminiUser, queryOf, type Outcome } from './gemini-user.ts'
import { openProject, type Project } from './project-state.ts'

const ASSETS = 5

interface Failure {
  error: { code: string; message: string; suggestions: string[] }
}

const user = new GeminiUser()
let locator: LocalCloudLocator
let project: Project

beforeAll(async () => {
  locator = await user.startCloud(`script:${user.file('model.yaml', 'seed: 1')}`)
  project = await openProject(user.dataDirectory)
  await project.call('POST', `storage/v1/b?project=${locator.projectId}`, { name: 'their-images' })
})
afterAll(() => user.leave())

/** A table of assets with one image each. */
function table(name: string, bucket: string): string {
  const rows = Array.from({ length: ASSETS }, (_, index) =>
    JSON.stringify({ asset_id: `${name}-${index}`, gcs_uri: `gs://${bucket}/${name}/${index}.jpg` }),
  )
  return user.file(`${name}.jsonl`, `${rows.join('\n')}\n`)
}

function start(name: string, bucket: string, ...flags: string[]): Promise<Outcome> {
  return user.imagery('run', '--local', '--table', table(name, bucket), '--profile', 'road-signs', ...flags)
}

/** Changes what the project is like while the local cloud runs. */
async function setConditions(conditions: object): Promise<void> {
  const headers = { authorization: `Bearer ${locator.adminToken}` }
  const url = new URL('/_imagery/conditions', locator.http)
  const answer = await fetch(url, { method: 'PUT', headers, body: JSON.stringify(conditions) })
  if (!answer.ok) throw new Error(await answer.text())
}

async function refusedCalls(): Promise<number> {
  return (await user.geminiCalls()).summary.refusedCalls
}

/** A run that failed: its error, how many calls Gemini refused, and what is left of it. */
async function failureOf(started: Promise<Outcome>): Promise<Failure['error'] & { refused: number }> {
  const before = await refusedCalls()
  const { document } = await started
  const { error } = document as Failure
  const { document: left } = await user.imagery('runs', '--local')
  expect((left as { runs: unknown[] }).runs).toEqual([])
  return { ...error, refused: (await refusedCalls()) - before }
}

describe('a run that every unit would fail', () => {
  test('for a bucket that Vertex AI may not read ends after one call, with the grant for its owner', async () => {
    const { code, message, suggestions, refused } = await failureOf(start('denied', 'their-images'))
    expect(code).toBe('ACCESS_DENIED')
    expect(message).toContain("Vertex AI's service agent may not read gs://their-images/denied/")
    expect(suggestions[0]).toContain('gcloud storage buckets add-iam-policy-binding gs://their-images')
    expect(suggestions[0]).toContain(`service-${locator.projectNumber}@gcp-sa-aiplatform.iam.gserviceaccount.com`)
    expect(suggestions.join()).toContain('--image-transport inline')
    expect(refused).toBe(1)
  })

  test('for a model that is not there ends after one call, and names it', async () => {
    const prices = user.file('prices.yaml', 'dated: 2026-11-30\nmodels: {gemini-9.0-flash: {input: 1, output: 2}}\n')
    const started = start('gone', 'street-images', '--model', 'gemini-9.0-flash', '--prices', prices)
    const { code, message, refused } = await failureOf(started)
    expect([code, refused]).toEqual(['NOT_AVAILABLE', 1])
    expect(message).toContain('gemini-9.0-flash')
  })
})

test('a run waits until Vertex AI has created its service agent, and asks about each unit once', async () => {
  await setConditions({ agentsMs: 86_400_000 })
  const before = await refusedCalls()
  const started = start('new', 'street-images')
  while ((await refusedCalls()) === before) await new Promise((resolve) => setTimeout(resolve, 100))
  await setConditions({})
  const { exitCode, document } = await started
  expect(exitCode).toBe(0)
  const report = document as RunReport
  expect(report.units).toEqual({ total: ASSETS, ok: ASSETS, failed: 0, pending: 0 })
  const { units, summary } = await user.geminiCalls()
  const own = units.filter(({ images }) => images[0]?.includes('/new/'))
  expect(own.map(({ calls }) => calls)).toEqual(Array.from({ length: ASSETS }, () => 1))
  const [row] = await queryOf<Record<string, number>>(
    locator,
    report.attempts_table,
    'SELECT COUNT(*) AS attempts, COUNT(DISTINCT unit_id) AS units, SUM(cost_usd) AS cost FROM TABLE',
  )
  expect(row).toMatchObject({ attempts: ASSETS, units: ASSETS })
  expect(report.cost_usd).toBeCloseTo(row?.['cost'] ?? 0, 9)
  expect(summary.billedCalls).toBe(ASSETS)
})
