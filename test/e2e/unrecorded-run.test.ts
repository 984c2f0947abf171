import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { newUser, type ImageryUser } from '../cli/imagery-process.ts'
import { inCampaign } from './campaign-length.ts'
import { runList, runReport } from './documents.ts'
import { officialClients, type OfficialClients } from './official-clients.ts'
import { randomFrom } from './random.ts'

const DAY_MS = 86_400_000

let user: ImageryUser
let cloud: OfficialClients

beforeAll(async () => {
  user = await newUser({ isWarm: true })
  await writeFile(path.join(user.folder, 'signs.jsonl'), '{"asset_id": "a", "gcs_uri": "gs://street/a.jpg"}\n')
  await user.startLocalCloud()
  expect(await user.run(['deploy', '--local'])).toMatchObject({ exitCode: 0 })
  cloud = await officialClients(user.dataDirectory)
})

beforeEach(() => setFaults([]))

afterAll(() => user.leave())

async function setFaults(rules: readonly object[]): Promise<void> {
  const { http, adminToken } = cloud.locator
  const answer = await fetch(new URL('/_imagery/faults', http), {
    method: 'PUT',
    headers: { authorization: `Bearer ${adminToken}` },
    body: JSON.stringify(rules),
  })
  expect(answer.status).toBe(200)
}

const RUN = ['run', '--local', '--table', 'signs.jsonl', '--profile', 'resolution']

interface Metadata {
  numRows?: string
  labels?: Record<string, string>
  expirationTime?: string
}

async function loaded(): Promise<Metadata | undefined> {
  const [datasets] = await cloud.bigQuery.getDatasets()
  const tables = (await Promise.all(datasets.map((dataset) => dataset.getTables()))).flatMap(([found]) => found)
  const source = tables.find(({ id }) => id?.endsWith('_source'))
  return source && ((await source.getMetadata())[0] as Metadata)
}

async function ofRuns(): Promise<string[]> {
  return (await cloud.inventory()).filter((name) => !name.includes('/deploy/'))
}

/** Removes what a killed command left behind, as listed by `runs`. */
async function tearDown(): Promise<number> {
  const { runs } = runList.parse((await user.run(['runs', '--local', '--json'])).json())
  const present = runs.filter(({ state }) => state !== 'torn_down')
  for (const { run_id } of present) {
    const outcome = await user.run(['teardown', run_id, '--local', '--delete-results', '--yes', '--json'])
    expect(outcome.exitCode, outcome.stdout).toBe(0)
  }
  return present.length
}

test('a command killed while it loads its source leaves a run that other commands find and remove', async () => {
  await setFaults([{ method: 'bigquery.tables.patch', effect: { kind: 'delay', delayMs: 600_000 } }])
  const { process: command, outcome } = user.start(RUN)
  await expect.poll(async () => (await loaded())?.numRows, { timeout: 30_000, interval: 50 }).toBe('1')
  command.kill('SIGKILL')
  await outcome.catch(() => undefined)
  await setFaults([])

  const left = await loaded()
  expect(left?.labels).toEqual({ 'imagery-run': expect.stringMatching(/^\d{6}-[0-9a-f]{8}$/) as string })
  expect(Number(left?.expirationTime)).toBeGreaterThan(Date.now())
  expect(Number(left?.expirationTime)).toBeLessThan(Date.now() + 7 * DAY_MS)
  const { runs } = runList.parse((await user.run(['runs', '--local', '--json'])).json())
  const [runId = ''] = Object.values(left?.labels ?? {})
  expect(runs).toMatchObject([{ run_id: runId, state: 'loading', source: 'signs.jsonl', results_table: null }])
  expect(runReport.parse((await user.run(['status', runId, '--local', '--json'])).json()).state).toBe('loading')
  const resumed = await user.run(['resume', runId, '--local', '--json'])
  expect(resumed.exitCode).toBe(1)
  expect(resumed.error().code).toBe('RUN_NOT_COMPLETE')
  expect(resumed.error().suggestions[0]).toContain(`imagery teardown ${runId} --local`)

  expect(await user.run(['teardown', runId, '--local', '--json'])).toMatchObject({ exitCode: 0 })
  expect(await ofRuns()).toEqual([])
  const [datasets] = await cloud.bigQuery.getDatasets()
  expect(datasets.map(({ id }) => id)).toEqual([])
})

test('a command killed at any moment leaves nothing that its run does not list', async () => {
  const random = randomFrom(20_261_129)
  for (let kill = 0; kill < inCampaign({ short: 2, full: 12 }); kill += 1) {
    const { process: command, outcome } = user.start(RUN)
    await new Promise<void>((resolve) => {
      command.stderr?.on('data', (chunk: Buffer) => {
        if (String(chunk).includes('· Read the source')) resolve()
      })
    })
    await new Promise((resolve) => setTimeout(resolve, random() * 400))
    command.kill('SIGKILL')
    await outcome.catch(() => undefined)
    await tearDown()
    expect(await ofRuns()).toEqual([])
  }
})

test("a run's table is found by its label when nothing else records it, and no other table is", async () => {
  await cloud.bigQuery.createDataset('theirs', { location: 'US' })
  const dataset = cloud.bigQuery.dataset('theirs')
  const labels = { 'imagery-run': '261129-0badcafe' }
  await dataset.createTable('resolution_261129_0badcafe_source', { schema: 'a:STRING', labels })
  await dataset.createTable('other_261129_0badcafe', { schema: 'a:STRING', labels })
  await dataset.createTable('resolution_261129_00000000_source', { schema: 'a:STRING' })
  const kept = await user.run(['teardown', '261129-0badcafe', '--local', '--json'])
  expect(kept.exitCode, kept.stdout).toBe(0)
  expect((await ofRuns()).filter((name) => name.startsWith('theirs.'))).toEqual([
    'theirs.other_261129_0badcafe',
    'theirs.resolution_261129_00000000_source',
  ])
  const refused = await user.run(['teardown', '261129-0badcafe', '--local', '--delete-results', '--json'])
  expect(refused.error()).toMatchObject({ code: 'CONFIRMATION_NEEDED' })
  expect(refused.error().message).toContain('theirs.other_261129_0badcafe')
  const dropped = await user.run(['teardown', '261129-0badcafe', '--local', '--delete-results', '--yes', '--json'])
  expect(dropped.exitCode, dropped.stdout).toBe(0)
  expect((await ofRuns()).filter((name) => name.startsWith('theirs.'))).toEqual([
    'theirs.resolution_261129_00000000_source',
  ])
})
