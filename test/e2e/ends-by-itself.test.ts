import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { RunReport } from '../../src/contracts/run-report.ts'
import { newUser, type ImageryUser } from '../cli/imagery-process.ts'
import { grpcClientOptions } from '../../src/google/auth/credentials.ts'
import { teardownDocument } from './documents.ts'
import { officialClients, type OfficialClients } from './official-clients.ts'

/** A run without a command, in the services as they are deployed, whose account has only its own roles. */

let user: ImageryUser
let cloud: OfficialClients
let runId: string

beforeAll(async () => {
  user = await newUser({ isWarm: true })
  const rows = ['a', 'b', 'c'].map((id) => ({ asset_id: id, gcs_uri: `gs://street/${id}.jpg` }))
  await writeFile(path.join(user.folder, 'signs.jsonl'), rows.map((row) => `${JSON.stringify(row)}\n`).join(''))
  const model = path.join(user.folder, 'model.yaml')
  await writeFile(model, 'latency_ms: 20\n')
  await user.startLocalCloud({ gemini: `script:${model}` })
  cloud = await officialClients(user.dataDirectory)
})
afterAll(() => user.leave())

const report = async (...args: string[]): Promise<RunReport> => {
  const outcome = await user.run([...args, '--local', '--json'])
  expect(outcome.exitCode, outcome.stdout + outcome.stderr).toBe(0)
  return outcome.json() as RunReport
}

const leftOf = async (): Promise<string[]> =>
  (await cloud.inventory())
    .filter((name) => name.includes(runId) || name.includes(runId.replace('-', '_')))
    .map((name) =>
      name.replace(/^gs:.*\/runs\/[^/]+\//, 'bucket: ').replace(/^.*\.road_signs_\d+_[0-9a-f]+/, 'table: '),
    )
    .toSorted()

test('a run that was started with --no-wait writes its results, records its summary, and leaves nothing else', async () => {
  const started = await report(
    'run',
    '--table',
    'signs.jsonl',
    '--profile',
    'road-signs',
    '--no-wait',
    '--max-cost',
    '1',
  )
  // It needs no command, whether its tasks are there already or not.
  expect(started.state).toMatch(/^(running|complete)$/)
  runId = started.run_id
  const { CloudTasksClient } = await import('@google-cloud/tasks')
  const { projectId, region } = cloud.locator
  const client = new CloudTasksClient(await grpcClientOptions(projectId))
  const control = client.queuePath(projectId, region, `imagery-${runId}-control`)
  // Cloud Tasks sends the heartbeats now instead of every 30 s.
  const isEnded = async (): Promise<boolean> => {
    const [tasks] = await client.listTasks({ parent: control }).catch(() => [[]])
    for (const { name } of tasks.slice(0, 1)) await client.runTask({ name: name! }).catch(() => undefined)
    return !(await leftOf()).some((name) => name.includes('/queues/'))
  }
  await expect.poll(isEnded, { timeout: 90_000, interval: 1_000 }).toBe(true)
  await client.close()
  // A machine that takes longer than 10 s to start the services has looked stalled, and got another generation.
  const left = (await leftOf()).filter((name) => !/^bucket: generations\/[12]$/.test(name))
  expect(left).toEqual([
    'bucket: budget.json',
    'bucket: controls.json',
    'bucket: first-calls.json',
    'bucket: generations/0',
    'bucket: heartbeat.json',
    'bucket: run.json',
    'bucket: started.json',
    'bucket: summary.json',
    'table: ',
    'table: _attempts',
  ])
}, 120_000)

test('afterwards, every command says the same of it', async () => {
  const status = await report('status', runId)
  expect(status).toMatchObject({
    state: 'complete',
    max_cost_usd: 1,
    units: { total: 3, ok: 3, failed: 0, pending: 0 },
  })
  const [[ledger]] = await cloud.bigQuery.query(`SELECT SUM(cost_usd) AS cost FROM \`${status.attempts_table}\``)
  expect(status.cost_usd).toBeCloseTo((ledger as { cost: number }).cost, 9)
  const { runs } = (await report('runs')) as unknown as { runs: RunReport[] }
  expect(runs).toContainEqual(status)
  expect(await report('resume', runId)).toEqual(status)
  expect(await report('retry', runId)).toEqual(status)
  expect((await report('results', runId, '--format', 'jsonl')) as unknown).toMatchObject({ rows: { length: 3 } })
  const torn = teardownDocument.parse(await report('teardown', runId))
  expect(torn.kept).toHaveLength(2)
  expect(await leftOf()).toEqual(['table: ', 'table: _attempts'])
})
