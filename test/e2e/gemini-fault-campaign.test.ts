import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { LocalCloudLocator } from '@imagery/local-cloud/contract/locator'
import type { RunReport } from '../../src/contracts/run-report.ts'
import { adminCall } from '../../src/services/local/cloud.ts'
import { inCampaign } from './campaign-length.ts'
import { GeminiUser, queryOf, type GeminiCalls } from './gemini-user.ts'

const ASSETS = inCampaign({ short: 400, full: 1_000 })

/** Billed answers above one per asset, as a share. Every malformed answer can be mended, so that one per asset is enough. */
const MOST_WASTE = 0.005

const MODEL = `
seed: 20261123
latency_ms: {p50: 80, p99: 300}
shares: {429: 0.20, 500: 0.05, hang: 0.02, malformed: 0.03}
retry_after_s: 1
`

/** Seeds with an early hit, so that the shares have an effect in a run of this size. */
const RULES = {
  'every shard is delivered twice': { method: 'deliver/imagery-populate*', every: 1, effect: { kind: 'duplicate' } },
  'every tenth task is delivered twice': {
    method: 'deliver/imagery-main*/process',
    every: 10,
    effect: { kind: 'duplicate' },
  },
  '5 % of the ledger inserts fail': {
    method: 'bigquery.tabledata.insertAll',
    share: 0.05,
    seed: 27,
    effect: { kind: 'error', status: 'UNAVAILABLE' },
  },
}

const user = new GeminiUser()
let locator: LocalCloudLocator
let report: RunReport
let calls: GeminiCalls

beforeAll(async () => {
  const faults = user.file('faults.json', JSON.stringify(Object.values(RULES)))
  locator = await user.startCloud(`script:${user.file('model.yaml', MODEL)}`, faults)
  const rows = Array.from({ length: ASSETS }, (_, index) => {
    const id = String(index).padStart(4, '0')
    return JSON.stringify({
      asset_id: `asset-${id}`,
      observation_id: `o-${id}`,
      gcs_uri: `gs://street-images/${id}.jpg`,
    })
  })
  const table = user.file('assets.jsonl', `${rows.join('\n')}\n`)
  // Short enough that a hanging call does not hold up the test; long enough that no answer comes too late.
  report = await user.run(['--table', table, '--profile', 'road-signs', '--attempt-timeout', '15'])
  calls = await user.geminiCalls()
})

afterAll(() => user.leave())

describe('a run whose model throttles, fails, hangs and returns invalid text, with duplicate pushes and failing inserts', () => {
  test('completes by itself with exactly one row per asset', async () => {
    expect(report).toMatchObject({
      state: 'complete',
      units: { total: ASSETS, ok: ASSETS, failed: 0, pending: 0 },
      causes: {},
    })
    const [rows] = await queryOf<Record<string, number>>(
      locator,
      report.results_table,
      "SELECT COUNT(*) AS all_rows, COUNT(DISTINCT asset_id) AS assets, COUNTIF(status = 'ok') AS answered FROM TABLE",
    )
    expect(rows).toEqual({ all_rows: ASSETS, assets: ASSETS, answered: ASSETS })
  })

  test('wrote no attempt twice', async () => {
    const [rows] = await queryOf<Record<string, number>>(
      locator,
      report.attempts_table,
      'SELECT COUNT(*) AS attempts, COUNT(DISTINCT attempt_id) AS ids FROM TABLE',
    )
    expect(rows?.['ids']).toBe(rows?.['attempts'])
  })

  test('paid for at most 0.5% more answers than there are assets, for any number of deliveries', () => {
    expect(calls.summary.units).toBe(ASSETS)
    expect(calls.summary.billedCalls).toBeGreaterThanOrEqual(ASSETS)
    expect(calls.summary.billedCalls).toBeLessThanOrEqual(ASSETS * (1 + MOST_WASTE))
  })

  test('has one final attempt per asset in its ledger, and never repeated a recorded one', async () => {
    const sql = 'SELECT COUNT(*) AS attempts, COUNT(DISTINCT unit_id) AS units FROM TABLE'
    const [rows] = await queryOf<Record<string, number>>(locator, report.attempts_table, sql)
    expect(rows).toEqual({ attempts: ASSETS, units: ASSETS })
  })

  test('has every billed token in its ledger and its cost in the total', async () => {
    const [rows] = await queryOf<Record<string, number>>(
      locator,
      report.attempts_table,
      'SELECT SUM(prompt_tokens) AS prompt, SUM(output_tokens) AS output, SUM(cost_usd) AS cost FROM TABLE',
    )
    expect(rows).toMatchObject({ prompt: calls.summary.promptTokens, output: calls.summary.answerTokens })
    expect(report.cost_usd).toBeCloseTo(rows?.['cost'] ?? 0, 9)
  })

  test('survived all of it', async () => {
    const { outcomes } = calls.summary
    expect(outcomes['RESOURCE_EXHAUSTED']).toBeGreaterThan(ASSETS * 0.15)
    expect(outcomes['INTERNAL']).toBeGreaterThan(ASSETS * 0.02)
    expect(outcomes['CANCELLED']).toBeGreaterThan(ASSETS * 0.01)
    expect(outcomes['malformed']).toBeGreaterThan(ASSETS * 0.015)
    const { body } = await adminCall(locator, 'GET', '/_imagery/faults')
    const applied = (body as { applied: number }[]).map((rule) => rule.applied)
    expect(applied).toHaveLength(Object.keys(RULES).length)
    for (const times of applied) expect(times).toBeGreaterThan(0)
  })
})
