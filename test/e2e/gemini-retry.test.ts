import { writeFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { RunReport } from '../../src/contracts/run-report.ts'
import { exactUsd } from '../../src/contracts/prices.ts'
import { GeminiUser, queryOf } from './gemini-user.ts'

const ASSETS = 30
const IMAGES = 3

/** The fate of an answer is drawn at each call; a unit's own fault is not. */
const MODEL = 'seed: 11\nlatency_ms: 5\nshares: {schema: 0.3, truncate: 0.2, block: 0.2, unreadable: 0.3}\n'

interface Row {
  unit_id: string
  asset_id: string
  status: string
  cause: string | null
  model: string
  tier: string
  cost_usd: number
  generation?: number
  observation_ids: string[]
}

function table(assets: number, images: number): string {
  const rows = Array.from({ length: assets * images }, (_, index) => {
    const asset = String(Math.floor(index / images)).padStart(3, '0')
    const image = index % images
    return {
      asset_id: `a${asset}`,
      observation_id: `o${asset}-${image}`,
      gcs_uri: `gs://street/${asset}-${image}.jpg`,
      capture_time: `202${image}-01-01T00:00:00Z`,
    }
  })
  return rows.map((row) => `${JSON.stringify(row)}\n`).join('')
}

describe('a run in which some units fail', () => {
  const user = new GeminiUser()
  let report: RunReport
  let rows: Row[]

  beforeAll(async () => {
    await user.startCloud(`script:${user.file('model.yaml', MODEL)}`)
    report = await user.run(
      [
        '--table',
        user.file('table.jsonl', table(ASSETS, IMAGES)),
        '--profile',
        'road-signs',
        '--tier',
        'flex',
        '--media-resolution',
        'low',
      ],
      3,
    )
    rows = await user.results<Row>(report.run_id)
  })
  afterAll(() => user.leave())

  test('has one row per unit, and a cause for each failed one', () => {
    expect(rows).toHaveLength(ASSETS)
    expect(report.units).toMatchObject({ total: ASSETS, pending: 0 })
    expect(Object.keys(report.causes).toSorted()).toEqual(['blocked', 'schema', 'unreadable_image'])
    for (const [cause, count] of Object.entries(report.causes))
      expect(rows.filter((row) => row.cause === cause)).toHaveLength(count)
  })

  test('sends all images of an asset in one request', async () => {
    const { units } = await user.geminiCalls()
    expect(units.length).toBeGreaterThanOrEqual(ASSETS)
    for (const { images } of units) expect(images).toHaveLength(IMAGES)
  })

  test('sends tier and resolution on the wire, and costs what its answers were billed, to a billionth of a dollar', async () => {
    const { summary } = await user.geminiCalls()
    expect(Object.keys(summary.tiers)).toEqual(['ON_DEMAND_FLEX'])
    expect(Object.keys(summary.mediaResolutions)).toEqual(['LOW'])
    // 0.30 and 2.50 USD per million tokens, half of it on the flex tier
    expect(report.cost_usd).toBe(
      exactUsd((summary.promptTokens * 150 + (summary.answerTokens + summary.thoughtTokens) * 1_250) / 1e9),
    )
    expect(new Set(rows.map(({ tier }) => tier))).toEqual(new Set(['flex']))
  })

  test('is not retried with a model that is not there: one call shows it, and no unit is queued again', async () => {
    const prices = user.file('prices.yaml', 'dated: 2026-11-30\nmodels: {gemini-9.0-flash: {input: 1, output: 2}}\n')
    const before = (await user.geminiCalls()).summary.refusedCalls
    const { exitCode, document } = await user.imagery(
      'retry',
      report.run_id,
      '--local',
      '--only',
      'schema',
      '--model',
      'gemini-9.0-flash',
      '--prices',
      prices,
    )
    expect(exitCode).toBe(1)
    expect(document).toMatchObject({
      error: { code: 'NOT_AVAILABLE', message: expect.stringContaining('gemini-9.0-flash') as string },
    })
    expect((await user.geminiCalls()).summary.refusedCalls).toBe(before + 1)
    const { document: status } = await user.imagery('status', report.run_id, '--local')
    expect(status).toMatchObject({ state: 'complete', units: report.units, cost_usd: report.cost_usd })
  })

  test('can be retried by cause, with another model: only those units are processed, and the results are rewritten', async () => {
    const { exitCode, document } = await user.imagery(
      'retry',
      report.run_id,
      '--local',
      '--only',
      'schema',
      '--model',
      'gemini-3.5-flash',
    )
    const after = document as RunReport
    expect(exitCode).toBe(3)
    expect(after.units).toMatchObject({ total: ASSETS, pending: 0 })

    const retried = new Set(rows.filter(({ cause }) => cause === 'schema').map(({ unit_id }) => unit_id))
    const now = await user.results<Row>(report.run_id)
    expect(now).toHaveLength(ASSETS)
    const before = new Map(rows.map((row) => [row.unit_id, row]))
    for (const row of now) {
      if (retried.has(row.unit_id)) expect(row.model).toBe('gemini-3.5-flash')
      else expect(row).toEqual(before.get(row.unit_id))
    }
    expect(now.filter(({ unit_id, status }) => retried.has(unit_id) && status === 'ok').length).toBeGreaterThan(0)

    const ledger = await queryOf<Row>(
      await user.locator(),
      report.attempts_table,
      'SELECT unit_id, cost_usd, generation, status FROM TABLE',
    )
    // The unit that the retry's probe asked about is not asked again.
    const answered = ledger.filter(({ generation, status }) => Number(generation) > 0 && status !== 'retrying')
    expect(answered.map(({ unit_id }) => unit_id).toSorted()).toEqual([...retried].toSorted())
    expect(after.cost_usd).toBe(exactUsd(ledger.reduce((sum, row) => sum + row.cost_usd, 0)))
  })

  test('has nothing to retry for a cause that did not occur', async () => {
    const { document } = await user.imagery('retry', report.run_id, '--local', '--only', 'throttled')
    expect(document).toMatchObject({ run_id: report.run_id, state: 'complete' })
  })
})

describe('an interrupted run', () => {
  const user = new GeminiUser()
  afterAll(() => user.leave())

  test('is not resumed with another prompt, schema or source, only with the recorded ones', async () => {
    await user.startCloud(`script:${user.file('model.yaml', 'latency_ms: 600000\n')}`)
    const profile = user.file('mine.yaml', '')
    const write = (prompt: string, column: string): void =>
      writeFileSync(
        profile,
        `name: mine\ndescription: Mine.\nprompt: ${prompt}\noutput: {type: object, properties: {${column}: {type: string}}}\n`,
      )
    write('What?', 'a')
    const source = user.file('table.jsonl', table(1, 1))
    const { run_id } = await user.run(['--table', source, '--profile', profile, '--no-wait', '--attempt-timeout', '5'])
    const resume = async (...flags: string[]) => user.imagery('resume', run_id, '--local', '--no-wait', ...flags)

    expect(await resume()).toMatchObject({ exitCode: 0 })
    write('What else?', 'b')
    writeFileSync(source, table(2, 1))
    const { exitCode, document } = await resume()
    const { error } = document as { error: { code: string; message: string } }
    expect([exitCode, error.code]).toEqual([2, 'INVALID_CONFIGURATION'])
    for (const part of ['the prompt of profile', 'the output schema of profile', `the content of ${source}`])
      expect(error.message).toContain(part)
    expect(await resume('--as-recorded')).toMatchObject({ exitCode: 0 })
  })

  test('is not retried before it is complete', async () => {
    const { exitCode, document } = await user.imagery('retry', (await runId(user))!, '--local')
    expect([exitCode, (document as { error: { code: string } }).error.code]).toEqual([1, 'RUN_NOT_COMPLETE'])
  })
})

async function runId(user: GeminiUser): Promise<string | undefined> {
  const { document } = await user.imagery('runs', '--local')
  return (document as { runs: { run_id: string }[] }).runs[0]?.run_id
}
