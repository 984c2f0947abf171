import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { newUser, type ImageryUser, type Outcome } from '../cli/imagery-process.ts'
import { rowsDocument, runReport, teardownDocument } from './documents.ts'
import { officialClients, type OfficialClients } from './official-clients.ts'
import { shown } from './shown.ts'

/** More than a test has time to process. */
const ASSETS = 500

/** Long enough that a teardown finds tasks in flight. */
const LATENCY_MS = 2_500

let user: ImageryUser
/** The same user on another machine: other state, the same local cloud. */
let elsewhere: Record<string, string>
let cloud: OfficialClients

beforeAll(async () => {
  user = await newUser({ isWarm: true })
  elsewhere = { XDG_CONFIG_HOME: path.join(user.folder, 'elsewhere') }
  const rows = Array.from({ length: ASSETS }, (_, index) => ({
    asset_id: `a${index}`,
    gcs_uri: `gs://street/${index}.jpg`,
  }))
  await writeFile(path.join(user.folder, 'signs.jsonl'), rows.map((row) => `${JSON.stringify(row)}\n`).join(''))
  const model = path.join(user.folder, 'model.yaml')
  await writeFile(model, `latency_ms: ${LATENCY_MS}\n`)
  await user.startLocalCloud({ gemini: `script:${model}` })
  cloud = await officialClients(user.dataDirectory)
})

afterAll(() => user.leave())

const RUN = ['run', '--local', '--table', 'signs.jsonl', '--profile', 'road-signs', '--concurrency', '4', '--json']

async function startedRun(...flags: string[]): Promise<string> {
  const outcome = await user.run([...RUN, '--no-wait', ...flags])
  expect(outcome).toMatchObject({ exitCode: 0, stderr: '' })
  return runReport.parse(outcome.json()).run_id
}

async function setFaults(rules: readonly object[]): Promise<void> {
  const { http, adminToken } = cloud.locator
  const answer = await fetch(new URL('/_imagery/faults', http), {
    method: 'PUT',
    headers: { authorization: `Bearer ${adminToken}` },
    body: JSON.stringify(rules),
  })
  expect(answer.status).toBe(200)
}

async function status(runId: string) {
  return runReport.parse((await user.run(['status', runId, '--local', '--json'])).json())
}

async function leftOf(runId: string): Promise<string[]> {
  return (await cloud.inventory()).filter((name) => name.includes(runId) || name.includes(runId.replace('-', '_')))
}

/** The run's cost in the ledger. */
async function ledgerCost(table: string): Promise<number> {
  const [rows] = await cloud.bigQuery.query({ query: `SELECT SUM(cost_usd) AS usd FROM \`${table}\``, location: 'US' })
  return (rows as { usd: number }[])[0]?.usd ?? 0
}

/** The ID of the run that a command has recorded or is loading. */
async function newRun(before: ReadonlySet<string>): Promise<string> {
  let found: string | undefined
  const look = async (): Promise<string | undefined> => {
    const objects = (await cloud.inventory()).filter((name) => name.startsWith('gs://'))
    found = objects.flatMap((name) => /\/runs\/([^/]+)\//.exec(name)?.[1] ?? []).find((runId) => !before.has(runId))
    return found
  }
  await expect.poll(look, { timeout: 60_000, interval: 100 }).toBeDefined()
  return found!
}

async function runIds(): Promise<Set<string>> {
  const { runs } = (await user.run(['runs', '--local', '--json'])).json() as { runs: { run_id: string }[] }
  return new Set(runs.map(({ run_id }) => run_id))
}

describe('teardown of a run in progress', () => {
  let runId: string
  let others: { name: string; outcome: Outcome }[]

  test("waits for calls in progress and says so, then counts: status has the ledger's cost", async () => {
    const before = await runIds()
    const run = user.start(RUN.filter((word) => word !== '--json'))
    runId = await newRun(before)
    await shown(run.process, '· Process the assets')
    await expect.poll(async () => (await status(runId)).units.ok, { timeout: 60_000 }).toBeGreaterThan(0)
    const watch = user.start(['status', runId, '--watch', '--local'], elsewhere)
    const resume = user.start(['resume', runId, '--local'], elsewhere)
    await Promise.all([shown(watch.process, `· Run ${runId}`), shown(resume.process, '· Set up the ledger, queues')])
    // Some calls stay in flight, even on a slow machine.
    await setFaults([{ method: 'deliver/imagery-main*/process', effect: { kind: 'delay', delayMs: 12_000 } }])
    const refused = await user.run(['teardown', runId, '--local', '--json'])
    expect(refused.exitCode).toBe(2)
    expect(refused.error()).toEqual({
      code: 'CONFIRMATION_NEEDED',
      message: expect.stringMatching(
        new RegExp(
          `^Run ${runId} has \\d+ of ${ASSETS} assets pending, and \\$[\\d.]+ was spent by the price list\\. After a teardown, no command can continue it\\. Its rows so far are kept\\.$`,
        ),
      ) as string,
      suggestions: [
        'Run the same command with --yes',
        `imagery cancel ${runId} --local   (stops the run, which a resume can continue)`,
      ],
    })
    const both = await user.run(['teardown', runId, '--local', '--delete-results', '--json'], elsewhere)
    expect(both.error().message).toMatch(/pending, .* continue it\. This permanently deletes \S+ and \S+\.$/)
    expect((await status(runId)).state, 'nothing has changed').toBe('running')
    const deleted = await user.run(['teardown', runId, '--local', '--yes'])
    await setFaults([])
    expect(deleted.exitCode, deleted.stderr).toBe(0)
    others = [
      { name: 'run', outcome: await run.outcome },
      { name: 'status', outcome: await watch.outcome },
      { name: 'resume', outcome: await resume.outcome },
    ]
    expect(deleted.stderr + others[2]?.outcome.stderr).toMatch(
      /✔ Tasks in flight: waited for \d+ tasks?\n|waiting for \d+ tasks?/,
    )
    const report = await status(runId)
    expect(report).toMatchObject({ state: 'torn_down', units: { total: ASSETS, failed: 0 } })
    expect(report.units.ok).toBeGreaterThan(0)
    expect(report.units.pending).toBeGreaterThan(0)
    expect(report.cost_usd).toBeGreaterThan(0)
    expect(report.cost_usd).toBeCloseTo(await ledgerCost(report.attempts_table), 9)
    const { rows } = rowsDocument.parse((await user.run(['results', runId, '--local', '--json'])).json())
    expect(rows.filter((row) => row['status'] === 'ok')).toHaveLength(report.units.ok)
  })

  test('ends every command that runs or watches it, with what is kept, and none queues it again', async () => {
    const { results_table } = await status(runId)
    for (const { name, outcome } of others) {
      expect({ name, exitCode: outcome.exitCode, stdout: outcome.stdout }).toEqual({ name, exitCode: 1, stdout: '' })
      expect(outcome.stderr, name).toContain(
        `Run ${runId} was torn down by another command; its results so far are kept in ${results_table} [RUN_TORN_DOWN]`,
      )
      expect(outcome.stderr, name).toContain(`  imagery results ${runId} --local\n`)
      expect(outcome.stderr, name).not.toContain('generation')
    }
    const suggested = await user.run(['results', runId, '--local', '--json'], elsewhere)
    expect(suggested.exitCode, suggested.stdout).toBe(0)
  })

  test('leaves only results and ledger', async () => {
    const name = `imagery_results_us.road_signs_${runId.replace('-', '_')}`
    expect(await leftOf(runId)).toEqual([name, `${name}_attempts`])
  })
})

describe('teardown', () => {
  test('that is interrupted is finished from another machine, with the same counts', async () => {
    const runId = await startedRun()
    await setFaults([
      { method: 'google.cloud.tasks.v2beta3.CloudTasks/GetQueue', effect: { kind: 'delay', delayMs: 60_000 } },
    ])
    const { process: command, outcome } = user.start(['teardown', runId, '--local', '--yes'])
    await shown(command, '· Tasks in flight')
    command.kill('SIGKILL')
    await outcome.catch(() => undefined)
    await setFaults([])
    const between = await user.run(['status', runId, '--local', '--json'])
    expect(runReport.parse(between.json()).state).toBe('torn_down')
    expect(between.warnings().join('\n')).toContain(`imagery teardown ${runId} --local`)
    const resumed = await user.run(['resume', runId, '--local', '--json'])
    expect(resumed.error()).toMatchObject({ code: 'RUN_TORN_DOWN' })
    const last = await user.run(['teardown', runId, '--local', '--json'], elsewhere)
    expect(teardownDocument.parse(last.json()).kept).toHaveLength(2)
    const report = runReport.parse((await user.run(['status', runId, '--local', '--json'], elsewhere)).json())
    expect(report.cost_usd).toBeCloseTo(await ledgerCost(report.attempts_table), 9)
    expect((await leftOf(runId)).filter((name) => !name.startsWith('imagery_results_us.'))).toEqual([])
  })

  test('twice at once succeeds twice, and keeps the results once', async () => {
    const runId = await startedRun()
    const both = await Promise.all([
      user.run(['teardown', runId, '--local', '--yes', '--json']),
      user.run(['teardown', runId, '--local', '--yes', '--json'], elsewhere),
    ])
    for (const outcome of both) expect(outcome.exitCode, outcome.stdout).toBe(0)
    const report = await status(runId)
    expect(report.cost_usd).toBeCloseTo(await ledgerCost(report.attempts_table), 9)
    expect(await leftOf(runId)).toHaveLength(2)
  })

  test.each([
    ['the snapshot', [{ method: 'bigquery.jobs.insert', nth: 3, effect: { kind: 'delay', delayMs: 3_000 } }], 1_500],
    ['setup', [{ method: 'deliver/imagery-main*', nth: 1, effect: { kind: 'delay', delayMs: 3_000 } }], 3_000],
    [
      'publishing',
      [{ method: 'google.pubsub.v1.Publisher/Publish', effect: { kind: 'delay', delayMs: 2_000 } }],
      3_500,
    ],
  ])('during %s of its run leaves nothing, and the run says what happened', async (_, faults, afterMs) => {
    const before = await runIds()
    await setFaults(faults)
    const running = user.start(RUN).outcome
    const runId = await newRun(before)
    await new Promise((resolve) => setTimeout(resolve, afterMs))
    const torn = await user.run(['teardown', runId, '--local', '--delete-results', '--yes', '--json'], elsewhere)
    expect(torn.exitCode, torn.stdout).toBe(0)
    const outcome = await running
    expect(outcome.exitCode, outcome.stdout).toBe(1)
    expect(outcome.error()).toMatchObject({
      code: 'RUN_TORN_DOWN',
      message: `Run ${runId} was torn down by another command`,
    })
    await setFaults([])
    expect(await leftOf(runId)).toEqual([])
  })
})
