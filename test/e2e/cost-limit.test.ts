import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { bucketName } from '../../src/contracts/names.ts'
import type { EstimateReport } from '../../src/contracts/estimate-report.ts'
import type { RunReport } from '../../src/contracts/run-report.ts'
import { listDatasets, listTables } from '../../src/google/bigquery/bigquery.ts'
import { listObjects } from '../../src/google/storage/storage.ts'
import { listQueues } from '../../src/google/rest/queues.ts'
import { runControlsOf } from '../../src/run-data/run-stop.ts'
import { useLocalCloud } from '../../src/google/transport/environment.ts'
import { GeminiUser } from './gemini-user.ts'
import { hasTerminal, typeAtTerminal } from './terminal.ts'

/** Ten assets with one image each. */
const ASSETS = Array.from(
  { length: 10 },
  (_, index) => `{"asset_id": "a${index}", "gcs_uri": "gs://street-images/${index}.jpg"}\n`,
)

/**
 * The answers about some images have far more tokens than an estimate expects: the blanks at their end count. Wrong answers
 * take as long as real ones, so that those which stop a run come in several rounds.
 */
const MODEL = `seed: 1
cases:
  - images: '*costly*'
    answer: '{"sign": "stop"}${' '.repeat(24_000)}'
  - images: '*wrong*'
    answer: 'I cannot say.'
    latency_ms: 1000
`

const PROFILE = `name: one-sign
description: Which sign it is.
prompt: Which sign is it?
output:
  type: object
  required: [sign]
  properties:
    sign: { type: string }
`

let user: GeminiUser
let flags: string[]

beforeAll(async () => {
  user = new GeminiUser()
  await user.startCloud(`script:${user.file('model.yaml', MODEL)}`)
  flags = ['--table', user.file('assets.jsonl', ASSETS.join('')), '--profile', 'road-signs']
})

afterAll(() => user.leave())

test('estimate, like run --dry-run, says what the run would cost, calls no model, and leaves no run behind', async () => {
  const estimated = await user.imagery('estimate', '--local', ...flags, '--max-cost', '0.004')
  expect(estimated.exitCode, estimated.stderr).toBe(0)
  expect(estimated.document).toMatchObject({
    units: 10,
    images: 10,
    counted: { how: 'local' },
    gemini: { stand_in: expect.stringMatching(/^script:/) },
    max_cost: { would_be_refused: true },
  })
  expect((await user.imagery('run', '--dry-run', '--local', ...flags, '--max-cost', '0.004')).document).toEqual(
    estimated.document,
  )
  const { exitCode, stdout } = await user.type('estimate', '--local', ...flags, '--where', "asset_id < 'a4'")
  expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: expect.stringMatching(/Assets +4\n/) })
  expect((await user.imagery('runs', '--local')).document).toEqual({ runs: [] })
  expect((await user.geminiCalls()).summary.calls).toBe(0)
})

test('a run with an estimate above --max-cost calls no model, leaves nothing behind, and suggests what would fit', async () => {
  const { exitCode, document } = await user.imagery('run', '--local', ...flags, '--max-cost', '0.004')
  const { code, message, suggestions } = (document as { error: Record<string, unknown> }).error
  expect({ exitCode, code }).toEqual({ exitCode: 1, code: 'COST_LIMIT' })
  expect(message).toMatch(/would cost about \$0\.0\d+ for 10 assets with 10 images, more than --max-cost 0\.004/)
  expect(suggestions).toEqual([
    expect.stringMatching(/^Run the same command with --sample [1-9]$/),
    'Run the same command with --max-cost 0.01',
    expect.stringContaining('--tier flex'),
  ])
  const low = (await user.imagery('run', '--local', ...flags, '--max-cost', '0.002')).document
  expect((low as { error: { suggestions: string[] } }).error.suggestions).not.toContainEqual(
    expect.stringContaining('--tier flex'),
  )
  expect((await user.geminiCalls()).summary.calls).toBe(0)
  expect((await user.imagery('runs', '--local')).document).toEqual({ runs: [] })
})

test('a run below --max-cost completes and costs less than estimated', async () => {
  const report = await user.run([...flags, '--max-cost', '0.1'])
  expect(report.units).toMatchObject({ total: 10, ok: 10 })
  expect(report.cost_usd).toBeGreaterThan(0)
  expect(report.cost_usd).toBeLessThan(0.1)
  expect(report.max_cost_usd).toBe(0.1)
})

test('a run that reaches --max-cost stops, loses nothing, and goes on with a higher cap', async () => {
  const rows = Array.from(
    { length: 12 },
    (_, index) => `{"asset_id": "c${index}", "gcs_uri": "gs://street-images/costly-${index}.jpg"}`,
  )
  const table = user.file('costly.jsonl', `${rows.join('\n')}\n`)
  const before = (await user.geminiCalls()).summary.calls
  const profile = user.file('one-sign.yaml', PROFILE)
  const run = await user.imagery('run', '--local', '--table', table, '--profile', profile, '--max-cost', '0.06')
  const { code, message, suggestions } = (
    run.document as { error: { code: string; message: string; suggestions: string[] } }
  ).error
  expect({ exitCode: run.exitCode, code }).toEqual({ exitCode: 1, code: 'COST_LIMIT' })
  expect(message).toMatch(
    /^Run \S+ was stopped: Its calls have cost \$0\.046 of --max-cost 0\.06, and the rest is too little for another one\. It has 3 of 12 assets, and 9 are pending$/,
  )
  expect(suggestions[0]).toMatch(/^imagery resume \S+ --max-cost 0\.21 --local/)
  const runId = suggestions[0]!.split(' ')[2]!

  const status = (await user.imagery('status', runId, '--local')).document
  expect(status).toMatchObject({
    state: 'paused',
    stopped: {
      reason: 'max_cost',
      failure: null,
      next: expect.stringMatching(`^imagery resume ${runId} --max-cost 0.21 --local --data-dir \\S+ --gemini script:`),
    },
    units: { ok: 3, failed: 0, pending: 9 },
  })
  expect((await user.type('status', runId, '--local')).stdout).toMatch(
    /Stopped .*too little[^]*--max-cost 0\.21 --local/,
  )
  expect((await user.type('runs', '--local')).stdout).toMatch(/max cost[^]*was stopped: [^]*--max-cost 0\.21 --local/)

  const refused = await user.imagery('resume', runId, '--local')
  expect(refused.document).toMatchObject({
    error: {
      code: 'COST_LIMIT',
      message: expect.stringMatching(
        /have cost \$0\.046 of --max-cost 0\.06, and \$0\.014 are too little for another one/,
      ),
      suggestions: [expect.stringMatching(/^imagery resume \S+ --max-cost MORE --local/)],
    },
  })
  expect((await user.imagery('status', runId, '--local')).document).toEqual(status)
  expect((await user.geminiCalls()).summary.calls - before).toBe(3)

  const resumed = await user.imagery('resume', runId, '--local', '--max-cost', '0.3')
  expect({ exitCode: resumed.exitCode, document: resumed.document }).toMatchObject({
    exitCode: 0,
    document: { state: 'complete', units: { ok: 12, failed: 0, pending: 0 } },
  })
  expect((resumed.document as { cost_usd: number }).cost_usd).toBeCloseTo(12 * 0.015_3, 2)
  expect(resumed.document).not.toHaveProperty('stopped')
  expect((await user.geminiCalls()).summary.calls - before).toBe(12)
})

test('a run says which model answers before the first call, even if another command chose it', async () => {
  const { stderr } = await user.type('run', '--local', ...flags)
  expect(stderr).toMatch(
    /Estimate the cost: about \$0\.0\d+, not billed \(script:\S+\/model\.yaml\), for 10 assets with 10 images/,
  )
})

test.each(['0', '-1', 'much', '1e3'])('--max-cost %s is not an amount', async (amount) => {
  const { exitCode, document } = await user.imagery('run', '--local', ...flags, `--max-cost=${amount}`)
  expect(exitCode).toBe(2)
  expect((document as { error: object }).error).toMatchObject({ code: 'INVALID_FLAG' })
})

describe('a run that costs money', () => {
  /** The local cloud's own model, called as a user's own endpoint: imagery does not know whether that one bills. */
  const billed = async (): Promise<string[]> => {
    const { http } = (await user.imagery('local', 'status')).document as { http: string }
    return ['run', '--local', ...flags, '--gemini-endpoint', http]
  }
  /** The runs, and what there is of them. Earlier runs that heartbeats finish lose their parts meanwhile. */
  const runIds = async (): Promise<string[]> => {
    const { runs } = (await user.imagery('runs', '--local')).document as { runs: { run_id: string }[] }
    return runs.map(({ run_id: id }) => id)
  }
  const partsOf = async (runId: string): Promise<string[]> => {
    const locator = await user.locator()
    useLocalCloud(locator)
    const { projectId, region } = locator
    const datasets = await listDatasets(projectId)
    const tables = await Promise.all(datasets.map((dataset) => listTables({ projectId, dataset })))
    const parts = [
      ...tables.flat().map(({ table }) => table.replaceAll('_', '-')),
      ...(await listQueues(projectId, region)),
      ...(await listObjects(bucketName({ projectId, region }), 'runs/')),
    ]
    return parts.filter((name) => name.includes(runId))
  }

  test('needs a flag above the threshold without a terminal, and is refused before it creates anything', async () => {
    const run = await billed()
    const before = await runIds()
    const { exitCode, document } = await user.imagery(...run, '--ask-above', '0.001')
    expect({ exitCode, document }).toMatchObject({
      exitCode: 2,
      document: {
        error: {
          code: 'CONFIRMATION_NEEDED',
          message: expect.stringMatching(/^The run will cost about \$0\.0\d+ for 10 assets .*Nothing was created$/),
          suggestions: [
            expect.stringMatching(/--max-cost 0\.0\d+$/),
            'Run the same command with --yes',
            expect.stringContaining('--dry-run'),
          ],
        },
      },
    })
    expect(await runIds()).toEqual(before)
  })

  test('that is interrupted before it has a task asks again when it is resumed, unless it has --max-cost', async () => {
    const run = await billed()
    const calls = (await user.geminiCalls()).summary.calls
    const runId = await user.interrupt([...run, '--yes'], '· Take the snapshot\n')
    const refused = await user.imagery('resume', runId, '--local', '--ask-above', '0.001')
    expect(refused).toMatchObject({
      exitCode: 2,
      document: {
        error: {
          code: 'CONFIRMATION_NEEDED',
          message: expect.stringMatching(/^The run will cost about \$0\.0\d+ for 10 assets /),
          suggestions: [expect.stringMatching(/--max-cost 0\.0\d+$/), 'Run the same command with --yes'],
        },
      },
    })
    const capped = await user.interrupt([...run, '--max-cost', '0.1'], '· Take the snapshot\n')
    expect((await user.geminiCalls()).summary.calls).toBe(calls)
    const resumed = await user.imagery('resume', capped, '--local', '--ask-above', '0.001')
    expect({ exitCode: resumed.exitCode, document: resumed.document }).toMatchObject({
      exitCode: 0,
      document: { state: 'complete', units: { ok: 10 } },
    })
    expect((await user.imagery('resume', runId, '--local', '--yes')).document).toMatchObject({ units: { ok: 10 } })
  })

  test.skipIf(!hasTerminal)(
    'asks at a terminal; another answer than yes, or Ctrl-C, leaves nothing behind',
    async () => {
      const run = [...(await billed()), '--ask-above', '0.001', '--data-dir', user.dataDirectory]
      const before = await runIds()
      const calls = (await user.geminiCalls()).summary.calls
      for (const keys of ['no\n', '\u0003']) {
        const { exitCode, output } = await typeAtTerminal(run, { keys, home: user.folder })
        expect(output).toMatch(/The run will cost about \$0\.0\d+ for 10 assets/)
        expect(output).toContain('Nothing was started, and no model was called')
        expect(exitCode).toBe(130)
        const [runId = 'no run'] = /\d{6}-[0-9a-f]{8}/.exec(output) ?? []
        expect(runId).not.toBe('no run')
        expect(await partsOf(runId)).toEqual([])
      }
      expect(await runIds()).toEqual(before)
      expect((await user.geminiCalls()).summary.calls).toBe(calls)
      const { exitCode, output } = await typeAtTerminal(run, { keys: 'yes\n', home: user.folder })
      expect({ exitCode, output }).toEqual({ exitCode: 0, output: expect.stringContaining('10 ok') })
    },
  )
})

describe('a sample for an estimate', () => {
  test('is asked and shown, narrows the estimate, and is not paid again by a run with the same options', async () => {
    const calls = async (): Promise<number> => (await user.geminiCalls()).summary.calls
    const before = await calls()
    const estimated = await user.imagery('estimate', '--local', ...flags, '--sample', '4')
    expect(estimated.exitCode, estimated.stderr).toBe(0)
    const { sample, cost_usd: cost } = estimated.document as EstimateReport
    expect(await calls()).toBe(before + 4)
    expect(sample).toMatchObject({ units: 4, ok: 4, failed: 0, unanswered: 0, gemini_usd: { method: 'student_t' } })
    for (const { answer, cost_usd: usd } of sample!.answers) {
      expect(Object.keys(answer!)).toContain('sign_quality')
      expect(usd).toBeGreaterThan(0)
    }
    const { low, high } = sample!.gemini_usd!
    expect([low <= cost.gemini, cost.gemini <= high, low >= sample!.cost_usd]).toEqual([true, true, true])
    const status = (await user.imagery('status', sample!.run_id, '--local')).document
    expect(status).toMatchObject({
      state: 'paused',
      stopped: { reason: 'sample' },
      units: { total: 10, ok: 4, pending: 6 },
      cost_usd: sample!.cost_usd,
    })

    const refused = await user.imagery('run', '--local', ...flags, '--max-cost', '0.0001')
    expect(refused.document).toMatchObject({ error: { code: 'COST_LIMIT' } })
    const report = await user.run([...flags, '--max-failures', '65%'])
    expect(report).toMatchObject({ run_id: sample!.run_id, state: 'complete', units: { total: 10, ok: 10 } })
    expect(await calls()).toBe(before + 10)
    expect(report.cost_usd).toBeGreaterThan(low)
    expect(report.cost_usd).toBeLessThan(high)
    const { projectId, region } = await user.locator()
    useLocalCloud(await user.locator())
    const controls = await runControlsOf({ run_id: report.run_id, place: { projectId, region } })
    expect(controls).toMatchObject({ max_cost_usd: null, max_failures: 7 })
    // The sample is used up: the next run is another one.
    expect((await user.run([...flags, '--limit', '1'])).run_id).not.toBe(sample!.run_id)
  })

  test('that costs money needs a flag without a terminal, however little it is, and creates nothing before', async () => {
    const { http } = (await user.imagery('local', 'status')).document as { http: string }
    const billed = ['estimate', '--local', ...flags, '--gemini-endpoint', http, '--sample', '2']
    const before = (await user.imagery('runs', '--local')).document
    const refused = await user.imagery(...billed)
    expect(refused).toMatchObject({ exitCode: 2, document: { error: { code: 'CONFIRMATION_NEEDED' } } })
    const tooLittle = await user.imagery(...billed, '--max-cost', '0.0001')
    expect(tooLittle).toMatchObject({ exitCode: 1, document: { error: { code: 'COST_LIMIT' } } })
    expect((await user.imagery('runs', '--local')).document).toEqual(before)
    const { exitCode, document } = await user.imagery(...billed, '--max-cost', '0.01')
    expect({ exitCode, sample: (document as EstimateReport).sample }).toMatchObject({ exitCode: 0, sample: { ok: 2 } })
    const { run_id: runId } = (document as EstimateReport).sample!
    // Another sample of the same would be paid besides.
    const unasked = (await user.imagery(...billed)).document as { error: { code: string; message: string } }
    expect(unasked.error).toMatchObject({
      code: 'CONFIRMATION_NEEDED',
      message: expect.stringContaining(`Run ${runId} has`),
    })
    const again = await user.type(...billed, '--max-cost', '0.01')
    expect(again.exitCode, again.stderr).toBe(0)
    expect(again.stderr.replaceAll(/[\s›]+/g, ' ')).toMatch(
      new RegExp(`Run ${runId} has .* imagery teardown ${runId} --local .* deletes the earlier`),
    )
    const torn = await user.imagery('teardown', runId, '--local', '--delete-results', '--yes')
    expect(torn.exitCode, torn.stderr).toBe(0)
    // Not even the mark by which a run finds the sample, or the deployment's bucket could not be deleted.
    const { document: left } = await user.imagery('teardown', '--deployment', '--all', '--local', '--yes')
    expect((left as { kept: string[] }).kept.filter((name) => name.startsWith('gs://'))).toEqual([])
  })
})

test('a run whose every answer is wrong stops before it has spent 2 % of its estimate, and says how to go on', async () => {
  const rows = Array.from(
    { length: 1_000 },
    (_, index) => `{"asset_id": "w${index}", "gcs_uri": "gs://street-images/wrong-${index}.jpg"}`,
  )
  const table = user.file('wrong.jsonl', `${rows.join('\n')}\n`)
  const before = (await user.geminiCalls()).summary.calls
  const profile = user.file('one-sign.yaml', PROFILE)
  const run = await user.imagery('run', '--local', '--table', table, '--profile', profile, '--yes')
  const { error } = run.document as { error: { code: string; message: string; suggestions: string[] } }
  expect({ exitCode: run.exitCode, code: error.code }).toEqual({ exitCode: 1, code: 'RUN_STOPPED' })
  // Calls that were in flight at the tenth failure can have failed too before the ledger was read.
  expect(error.message).toMatch(
    /was stopped: 1\d assets in a row failed alike before any was answered \(schema\), for example w\d+: /,
  )
  expect(error.suggestions.join('\n')).toMatch(/imagery resume \S+ --max-failures none --local/)
  expect((await user.geminiCalls()).summary.calls - before).toBeLessThan(20)
})

test('the list of runs names for each what answers it, also in a local cloud that has something else', async () => {
  await user.imagery('local', 'stop')
  const other = user.file('other.yaml', 'seed: 2\n')
  expect(await user.imagery('local', 'start', '--detach', '--gemini', `script:${other}`)).toMatchObject({ exitCode: 0 })
  const listed = await user.type('runs', '--local', '--limit', '1')
  const { runs } = (await user.imagery('runs', '--local', '--limit', '1')).document as { runs: RunReport[] }
  await user.imagery('local', 'stop')
  const resume = `imagery resume ${runs[0]?.run_id} --max-failures none --local --gemini script:${user.folder}/model.yaml`
  expect(listed.stdout.replaceAll(/ --data-dir \S+/g, '')).toContain(`\n  ${resume}\n`)
  expect(runs[0]?.stopped?.next?.replaceAll(/ --data-dir \S+/g, '')).toBe(resume)
})
