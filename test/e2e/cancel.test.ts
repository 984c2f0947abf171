import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { restClientOptions } from '../../src/google/auth/credentials.ts'
import type { RunNotification } from '../../src/contracts/run-notification.ts'
import type { RunReport } from '../../src/contracts/run-report.ts'
import { newUser, type ImageryUser } from '../cli/imagery-process.ts'
import { rowsDocument, runReport } from './documents.ts'
import { officialClients, type OfficialClients } from './official-clients.ts'
import { shown } from './shown.ts'
import { hasTerminal, typeAtTerminal } from './terminal.ts'

const ASSETS = 100
/** In a project where the services have no role. */
const TOPIC = 'projects/their-project/topics/events'

let user: ImageryUser
let elsewhere: Record<string, string>
let cloud: OfficialClients
let runId: string

beforeAll(async () => {
  user = await newUser({ isWarm: true })
  elsewhere = { XDG_CONFIG_HOME: path.join(user.folder, 'elsewhere') }
  const rows = Array.from({ length: ASSETS }, (_, index) => ({
    asset_id: `a${index}`,
    gcs_uri: `gs://street/${index}.jpg`,
  }))
  await writeFile(path.join(user.folder, 'signs.jsonl'), rows.map((row) => `${JSON.stringify(row)}\n`).join(''))
  const model = path.join(user.folder, 'model.yaml')
  await writeFile(model, 'latency_ms: 200\n')
  await user.startLocalCloud({ gemini: `script:${model}` })
  cloud = await officialClients(user.dataDirectory)
})

afterAll(() => user.leave())

async function report(...args: string[]): Promise<RunReport> {
  const outcome = await user.run([...args, '--local', '--json'], elsewhere)
  expect(outcome.exitCode, outcome.stdout).toBe(0)
  runReport.parse(outcome.json())
  return outcome.json() as RunReport
}

/** What a count of the ledger says, without the time of the count. */
const factsOf = ({ state, units, cost_usd, stopped }: RunReport) => ({ state, units, cost_usd, stopped })

const status = (): Promise<RunReport> => report('status', runId)

async function admin(method: string, of: string, body?: unknown): Promise<unknown> {
  const { http, adminToken } = cloud.locator
  const headers = { authorization: `Bearer ${adminToken}` }
  const answer = await fetch(new URL(`/_imagery/${of}`, http), {
    method,
    headers,
    ...(body ? { body: JSON.stringify(body) } : {}),
  })
  expect(answer.status).toBe(200)
  return answer.json()
}

/** Delays the answers of the service, so that a cancel has calls to wait for. */
const setDelay = (delayMs: number): Promise<unknown> =>
  admin(
    'PUT',
    'faults',
    delayMs === 0 ? [] : [{ method: 'deliver/imagery-main*/process', effect: { kind: 'delay', delayMs } }],
  )

async function ledger(table: string): Promise<{ attempts: number; units: number; usd: number }> {
  const query = `SELECT COUNT(*) AS attempts, COUNT(DISTINCT unit_id) AS units, SUM(cost_usd) AS usd FROM \`${table}\` WHERE status != 'setup'`
  const [rows] = await cloud.bigQuery.query({ query, location: 'US' })
  return rows[0] as { attempts: number; units: number; usd: number }
}

/** A call of Pub/Sub by the operator of the local cloud. */
async function rest(method: string, resource: string, body: object): Promise<unknown> {
  const { projectId: _, ...options } = await restClientOptions('')
  const { GoogleAuth } = await import('google-auth-library')
  const client = await new GoogleAuth(options).getClient()
  const { data } = await client.request({
    url: `${cloud.locator.http}/v1/${resource}`,
    method,
    data: body,
  })
  return data
}

/** Takes the messages about the run that its topic has got. */
async function messages(): Promise<RunNotification[]> {
  const subscription = TOPIC.replace('topics', 'subscriptions')
  const answer = await rest('POST', `${subscription}:pull`, { maxMessages: 10, returnImmediately: true })
  const { receivedMessages = [] } = answer as { receivedMessages?: { ackId: string; message: { data: string } }[] }
  const ackIds = receivedMessages.map(({ ackId }) => ackId)
  if (ackIds.length > 0) await rest('POST', `${subscription}:acknowledge`, { ackIds })
  return receivedMessages.map(
    ({ message }) => JSON.parse(Buffer.from(message.data, 'base64').toString()) as RunNotification,
  )
}

async function billedCalls(): Promise<number> {
  return ((await admin('GET', 'gemini')) as { summary: { billedCalls: number } }).summary.billedCalls
}

const RUN = ['run', '--local', '--table', 'signs.jsonl', '--profile', 'road-signs', '--concurrency', '4']

test('a run for a topic that does not exist, or that the services may not publish to, creates nothing', async () => {
  const refused = await user.run([...RUN, '--notify', 'events', '--json'])
  expect(refused.error()).toMatchObject({
    code: 'CLOUD_ERROR',
    message: 'There is no topic projects/imagery-local/topics/events. Nothing was started',
    suggestions: [`gcloud pubsub topics create events --project ${cloud.locator.projectId}`],
  })
  await admin('PUT', 'projects/their-project')
  await rest('PUT', TOPIC, {})
  await rest('PUT', TOPIC.replace('topics', 'subscriptions'), { topic: TOPIC })
  const denied = await user.run([...RUN, '--notify', TOPIC, '--json'])
  expect(denied.error()).toMatchObject({
    code: 'ACCESS_DENIED',
    message: expect.stringContaining('roles/pubsub.publisher'),
  })
  const [command = ''] = denied.error().suggestions
  const [, email = ''] = /--member serviceAccount:(\S+) --role roles\/pubsub.publisher$/.exec(command) ?? []
  const bindings = [{ role: 'roles/pubsub.publisher', members: [`serviceAccount:${email}`] }]
  await rest('POST', `${TOPIC}:setIamPolicy`, { policy: { bindings } })
  expect((await user.run(['runs', '--local', '--json'])).json()).toEqual({ runs: [] })
})

describe('imagery cancel', () => {
  test('stops a run that another terminal waits for, and keeps and counts what it has', async () => {
    await setDelay(3_000)
    const running = user.start([...RUN, '--notify', TOPIC])
    await shown(running.process, '· Process the assets')
    runId = (await report('status')).run_id
    const watching = user.start(['status', runId, '--watch', '--local'], elsewhere)
    await expect.poll(async () => (await status()).units.ok, { timeout: 60_000 }).toBeGreaterThan(1)
    const canceled = await report('cancel', runId)
    await setDelay(0)
    expect(canceled).toMatchObject({
      state: 'paused',
      stopped: { reason: 'canceled', failure: null },
      results_table: null,
    })
    expect(canceled.units.pending).toBeGreaterThan(0)
    const { attempts, units, usd } = await ledger(canceled.attempts_table)
    expect(await billedCalls()).toBe(attempts)
    expect([units, attempts]).toEqual([canceled.units.ok, canceled.units.ok])
    expect(canceled.cost_usd).toBeCloseTo(usd, 9)
    const { exitCode, stdout, stderr } = await running.outcome
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' })
    expect(stderr).toMatch(new RegExp(`Run ${runId} was stopped: \\S+ canceled it\\. .* pending \\[RUN_STOPPED\\]`))
    expect(stderr).toMatch(new RegExp(`  imagery resume ${runId} --local.*\n  imagery results ${runId} --local\n`))
    expect(stderr).not.toMatch(/generation|no tasks are queued/)
    const watched = await watching.outcome
    expect({ exitCode: watched.exitCode, stdout: watched.stdout }).toEqual({ exitCode: 1, stdout: '' })
    const lines = watched.stderr.split('\n').filter((line) => /^· \d+ of \d+ assets, \$/.test(line))
    expect(lines.length, watched.stderr).toBeGreaterThan(0)
    expect(new Set(lines.map((line) => line.replace(/, [\d.]+\/s.*/, ''))).size, 'one for each change').toBe(
      lines.length,
    )
    expect(watched.stderr).toContain('[RUN_STOPPED]')
    expect(await messages()).toMatchObject([
      { event: 'started', run_id: runId, units: { total: ASSETS } },
      {
        event: 'stopped',
        run_id: runId,
        units: canceled.units,
        cost_usd: canceled.cost_usd,
        stopped: { reason: 'canceled', stopped_at: canceled.stopped?.stopped_at },
      },
    ])
    expect(factsOf(await report('cancel', runId)), 'nothing happens after the cancel').toEqual(factsOf(canceled))
  })

  test('is seen by every other command', async () => {
    const { units } = await report('cancel', runId)
    const text = await user.run(['status', runId, '--local'], elsewhere)
    expect(text.stdout).toMatch(new RegExp(`^Run ${runId}  canceled\n`))
    expect(text.stdout).toMatch(/\n {2}Stopped {2}20\S+ \S+ UTC: \S+ canceled it\n/)
    expect((await user.run(['runs', '--local'], elsewhere)).stdout).toMatch(new RegExp(`\n${runId}.* canceled `))
    const watch = await user.run(['status', runId, '--watch', '--local', '--json'], elsewhere)
    expect({ exitCode: watch.exitCode, code: watch.error().code }).toEqual({ exitCode: 1, code: 'RUN_STOPPED' })
    if (hasTerminal) {
      const args = ['teardown', runId, '--local', '--data-dir', user.dataDirectory]
      const { exitCode, output } = await typeAtTerminal(args, { keys: 'no\n', home: user.folder })
      expect({ exitCode, output }).toEqual({
        exitCode: 130,
        output: expect.stringMatching(
          /assets pending, and \$.* was spent.*\n.*Type yes.*Nothing was deleted/s,
        ) as string,
      })
    }
    const retry = await user.run(['retry', runId, '--local', '--json'], elsewhere)
    expect(retry.error()).toMatchObject({
      code: 'RUN_NOT_COMPLETE',
      message: expect.stringContaining(`Run ${runId} is canceled: `) as string,
    })
    const results = await user.run(['results', runId, '--local', '--json'], elsewhere)
    expect(results.exitCode, results.stdout).toBe(0)
    const { rows } = rowsDocument.parse(results.json())
    expect(rows.map((row) => row['status']).filter((each) => each === 'ok')).toHaveLength(units.ok)
    expect(rows).toHaveLength(ASSETS)
    const answered = rows.find((row) => row['status'] === 'ok')
    expect(answered).toHaveProperty('gcs_uris', [expect.stringMatching(/^gs:/)])
    expect(results.warnings().join()).toMatch(new RegExp(`${units.pending} of its ${ASSETS} rows are pending`))
    expect(await status()).toMatchObject({ state: 'paused', stopped: { reason: 'canceled' } })
  })

  test('ends a resume, and a Ctrl-C in it loses nothing', async () => {
    const { units } = await report('cancel', runId)
    await setDelay(6_000)
    const resume = user.start(['resume', runId, '--local', '--json'])
    await expect.poll(async () => (await status()).state, { timeout: 60_000 }).toBe('running')
    await expect.poll(async () => (await status()).units.ok, { timeout: 60_000 }).toBeGreaterThan(units.ok)
    const cancel = user.start(['cancel', runId, '--local'], elsewhere)
    await shown(cancel.process, '· Calls in progress')
    cancel.process.kill('SIGINT')
    const interrupted = await cancel.outcome
    await setDelay(0)
    expect(interrupted.exitCode, interrupted.stderr).toBe(130)
    expect(interrupted.stderr).toContain(`run ${runId} is stopped and starts no more calls`)
    expect(interrupted.stderr).toContain(`  imagery cancel ${runId} --local\n`)
    expect(await status()).toMatchObject({ state: 'paused', stopped: { reason: 'canceled' } })
    const ended = await resume.outcome
    expect({ exitCode: ended.exitCode, code: ended.error().code }).toEqual({ exitCode: 1, code: 'RUN_STOPPED' })
    const canceled = await report('cancel', runId)
    expect(await billedCalls()).toBe((await ledger(canceled.attempts_table)).attempts)
  })

  test('is undone by a resume, which pays for no asset again', async () => {
    const begun = await report('resume', runId, '--no-wait')
    expect(begun.state).toMatch(/^(running|complete)$/)
    expect(begun).not.toHaveProperty('stopped')
    const complete = await report('resume', runId)
    expect(complete).toMatchObject({ state: 'complete', units: { total: ASSETS, ok: ASSETS, failed: 0, pending: 0 } })
    expect(complete).not.toHaveProperty('stopped')
    const events = (await messages()).map(({ event }) => event)
    expect(events.at(-1)).toBe('completed')
    // The test before can have stopped the run more than once.
    expect([...new Set(events)]).toEqual(['stopped', 'completed'])
    expect(await ledger(complete.attempts_table)).toMatchObject({ attempts: ASSETS, units: ASSETS })
    expect(await billedCalls()).toBe(ASSETS)
    const { rows } = rowsDocument.parse((await user.run(['results', runId, '--local', '--json'])).json())
    expect(rows.filter((row) => row['status'] === 'ok')).toHaveLength(ASSETS)
    const after = await user.run(['cancel', runId, '--local'])
    expect(after).toMatchObject({
      exitCode: 0,
      stdout: expect.stringContaining(`Run ${runId} is complete, so there was nothing to cancel.\n`) as string,
    })
    expect(await report('cancel', runId)).toEqual(complete)
  })

  test('of a run that is torn down or does not exist says so', async () => {
    expect(await user.run(['teardown', runId, '--local'])).toMatchObject({ exitCode: 0 })
    const torn = await user.run(['cancel', runId, '--local', '--json'])
    expect(torn.error()).toMatchObject({
      code: 'RUN_NOT_FOUND',
      message: `Run ${runId} was torn down; there is nothing left to cancel`,
      suggestions: [`imagery results ${runId} --local`],
    })
    const unknown = await user.run(['cancel', '261123-00000000', '--local', '--json'])
    expect(unknown.error()).toMatchObject({ code: 'RUN_NOT_FOUND', suggestions: ['imagery runs --local'] })
  })
})
