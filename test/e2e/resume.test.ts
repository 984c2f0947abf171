import { readFileSync } from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type * as z from 'zod'
import { newUser, type ImageryUser } from '../cli/imagery-process.ts'
import { mainService, populateService, queueName, subscriptionName, topicName } from '../../src/contracts/names.ts'
import { deleteSubscription, deleteTopic } from '../../src/google/rest/pubsub-messages.ts'
import { deleteService } from '../../src/google/cloud-run/services.ts'
import { listQueues } from '../../src/google/rest/queues.ts'
import { deleteQueue } from '../../src/google/tasks.ts'
import { readAccessLog } from './access-log.ts'
import { runReport } from './documents.ts'
import { writeManyAssets, type ManyAssets } from './many-assets.ts'
import { officialClients, type OfficialClients } from './official-clients.ts'
import { expectEveryAssetOnce } from './survived-run.ts'

const ASSETS = 20

const PUSHES_FAIL = { method: 'deliver/imagery-populate*', effect: { kind: 'error', status: 'UNAVAILABLE' } }
const HALF_OF_THE_TASKS_FAIL = {
  method: 'deliver/imagery-main*/process',
  share: 0.5,
  effect: { kind: 'error', status: 'UNAVAILABLE' },
}
const TASKS_TAKE_LONG = { method: 'bigquery.tabledata.insertAll', effect: { kind: 'delay', delayMs: 1_500 } }

type Report = z.infer<typeof runReport>

let user: ImageryUser
let assets: ManyAssets
let accessLog: string
let clients: OfficialClients
/** A run that is complete, for the cases about those. */
let finished: string

beforeAll(async () => {
  user = await newUser({ isWarm: true })
  assets = await writeManyAssets(user.folder, ASSETS)
  accessLog = path.join(user.folder, 'access.log')
  await user.startLocalCloud({ accessLog })
  clients = await officialClients(user.dataDirectory)
})

afterAll(() => user.leave())

async function setFaults(rules: readonly object[]): Promise<void> {
  const { http, adminToken } = clients.locator
  const answer = await fetch(new URL('/_imagery/faults', http), {
    method: 'PUT',
    headers: { authorization: `Bearer ${adminToken}` },
    body: JSON.stringify(rules),
  })
  expect(answer.status).toBe(200)
}

const run = (...flags: string[]): string[] => [
  'run',
  '--local',
  '--table',
  assets.table,
  '--profile',
  'resolution',
  '--json',
  ...flags,
]

/** A run whose command exited after publishing, with faults that keep it from completing. */
async function abandonedRun(faults: readonly object[]): Promise<string> {
  await setFaults(faults)
  const { exitCode, stdout, stderr } = await user.run(run('--no-wait'))
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' })
  return runReport.parse(JSON.parse(stdout)).run_id
}

async function resume(runId: string): Promise<Report> {
  const { exitCode, stdout, stderr } = await user.run(['resume', runId, '--local', '--json'])
  expect({ exitCode, stdout, stderr }).toMatchObject({ exitCode: 0, stderr: '' })
  return runReport.parse(JSON.parse(stdout))
}

/** The id of a run as soon as its command has recorded it. */
async function recordedRun(before: ReadonlySet<string>): Promise<string> {
  return expect
    .poll(() => remembered().find((runId) => !before.has(runId)), { timeout: 60_000, interval: 20 })
    .toBeDefined()
    .then(() => remembered().find((runId) => !before.has(runId))!)
}

function remembered(): string[] {
  try {
    return Object.keys((JSON.parse(readFileSync(user.stateFile, 'utf8')) as { runs: object }).runs)
  } catch {
    return []
  }
}

async function assetsDone(runId: string): Promise<number> {
  const { units } = runReport.parse((await user.run(['status', runId, '--local', '--json'])).json())
  return units.ok
}

describe('imagery resume', () => {
  test('replaces deleted queues under free names, and does not process finished assets again', async () => {
    const runId = await abandonedRun([HALF_OF_THE_TASKS_FAIL])
    await expect.poll(() => assetsDone(runId), { timeout: 60_000 }).toBeGreaterThan(0)
    const place = clients.locator
    await deleteQueue(queueName(place, runId))
    await deleteQueue(queueName(place, runId, 1))
    await setFaults([])
    const before = readAccessLog(accessLog)
    const report = await resume(runId)
    await expectEveryAssetOnce(report, { assets, accessLog })
    // The name of a deleted queue is unusable for 7 days (https://cloud.google.com/tasks/docs/deleting-appengine-queues-and-tasks).
    const queues = (await listQueues(place.projectId, place.region)).filter(
      (name) => name.includes(runId) && !name.endsWith('-control'),
    )
    expect(queues.toSorted()).toEqual([queueName(place, runId, 2), queueName(place, runId, 3)])
    const after = readAccessLog(accessLog)
    for (const id of assets.sizes.keys()) {
      if (before.imageReads(runId, id) > 0) expect(after.imageReads(runId, id), id).toBe(1)
    }
  })

  test('recreates a deleted topic and subscription', async () => {
    const runId = await abandonedRun([PUSHES_FAIL])
    expect(await deleteSubscription(subscriptionName(clients.locator, runId))).toBe('deleted')
    expect(await deleteTopic(topicName(clients.locator, runId))).toBe('deleted')
    await setFaults([])
    await expectEveryAssetOnce(await resume(runId), { assets, accessLog })
  })

  test('replaces a subscription whose topic was deleted, because it would get nothing from a new topic', async () => {
    const runId = await abandonedRun([HALF_OF_THE_TASKS_FAIL])
    await expect.poll(() => assetsDone(runId), { timeout: 60_000 }).toBeGreaterThan(0)
    expect(await deleteTopic(topicName(clients.locator, runId))).toBe('deleted')
    for (const index of [0, 1]) expect(await deleteQueue(queueName(clients.locator, runId, index))).toBe('deleted')
    await setFaults([])
    await expectEveryAssetOnce(await resume(runId), { assets, accessLog })
  })

  test('redeploys deleted services', async () => {
    const runId = await abandonedRun([PUSHES_FAIL])
    for (const service of [mainService({}), populateService({})])
      expect(await deleteService(clients.locator, service)).toBe('deleted')
    await setFaults([])
    await expectEveryAssetOnce(await resume(runId), { assets, accessLog })
  })

  test("takes the snapshot if the run's command died before it, and reads the source once", async () => {
    // The third job is the snapshot: the first loads the file, the second is the check of the query.
    await setFaults([{ method: 'bigquery.jobs.insert', nth: 3, effect: { kind: 'delay', delayMs: 2_500 } }])
    const before = new Set(remembered())
    const command = user.start(run())
    const killed = command.outcome.catch(() => undefined)
    const runId = await recordedRun(before)
    command.process.kill('SIGKILL')
    await killed
    // The killed command's own request is still on its way and arrives while the other is at work.
    await expectEveryAssetOnce(await resume(runId), { assets, accessLog })
    const [jobs] = await clients.bigQuery.getJobs()
    expect(jobs.filter(({ id }) => id?.includes(`${runId.replace('-', '_')}_snapshot`))).toHaveLength(1)
  })

  test('continues a run after Ctrl-C, with the command that Ctrl-C printed', async () => {
    await setFaults([PUSHES_FAIL])
    const published = readAccessLog(accessLog).calls('google.pubsub.v1.Publisher/Publish')
    const before = new Set(remembered())
    const command = user.start(run())
    const runId = await recordedRun(before)
    await expect
      .poll(() => readAccessLog(accessLog).calls('google.pubsub.v1.Publisher/Publish'), { timeout: 60_000 })
      .toBeGreaterThan(published)
    command.process.kill('SIGINT')
    const outcome = await command.outcome
    expect(outcome.exitCode).toBe(130)
    expect(outcome.error()).toMatchObject({
      code: 'CANCELLED',
      suggestions: [`imagery resume ${runId} --local`, `imagery teardown ${runId} --local`],
    })
    await setFaults([])
    await expectEveryAssetOnce(await resume(runId), { assets, accessLog })
  })

  test('duplicates nothing during a run, even when called twice at once', async () => {
    await setFaults([TASKS_TAKE_LONG])
    const before = new Set(remembered())
    const going = user.start(run()).outcome
    const runId = await recordedRun(before)
    const reports = await Promise.all([resume(runId), resume(runId)])
    for (const report of reports) await expectEveryAssetOnce(report, { assets, accessLog })
    expect(await going).toMatchObject({ exitCode: 0 })
    const log = readAccessLog(accessLog)
    for (const id of assets.sizes.keys())
      expect({ id, sent: log.dispatches(runId, id), read: log.imageReads(runId, id) }).toEqual({ id, sent: 1, read: 1 })
    await setFaults([])
    finished = runId
  })

  test('does not change a complete run', async () => {
    const { sends } = readAccessLog(accessLog)
    await expectEveryAssetOnce(await resume(finished), { assets, accessLog })
    expect(readAccessLog(accessLog).sends).toBe(sends)
  })

  test('says that a run was torn down, or that it does not exist', async () => {
    expect(await user.run(['teardown', finished, '--local', '--yes'])).toMatchObject({ exitCode: 0 })
    const tornDown = await user.run(['resume', finished, '--local', '--json'])
    expect(tornDown.exitCode).toBe(1)
    expect(tornDown.error()).toMatchObject({
      code: 'RUN_NOT_FOUND',
      message: `Run ${finished} was torn down; there is nothing left to resume`,
    })
    const unknown = await user.run(['resume', '261123-00000000', '--local', '--json'])
    expect(unknown.exitCode).toBe(1)
    expect(unknown.error()).toMatchObject({ code: 'RUN_NOT_FOUND', suggestions: ['imagery runs --local'] })
  })
})
