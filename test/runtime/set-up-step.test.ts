import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, request, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { startLocalCloud, type LocalCloud } from '@imagery/local-cloud'
import { bucketName, runSpecPath } from '../../src/contracts/names.ts'
import { projectPolicy } from '../../src/google/admin/resource-manager.ts'
import { changeMemberships } from '../../src/google/rest/policy.ts'
import { callApi } from '../../src/google/rest/rest.ts'
import { createBucket } from '../../src/google/storage/bucket.ts'
import { writeObject } from '../../src/google/storage/storage.ts'
import { useLocalCloud } from '../../src/google/transport/environment.ts'
import { usePauses } from '../../src/google/transport/pauses.ts'
import { setUp } from '../../src/services/run/set-up.ts'
import { RUN_ID, SPEC } from './fixtures.ts'

/** What the services answer to /setup, one after the other; the last answer repeats. */
let answers: { status: number; body: object }[]
let asked: number
let waitedMs: number

let directory: string
let cloud: LocalCloud
/** In front of the local cloud: answers /setup, and passes on everything else. */
let front: Server

const place = { projectId: 'imagery-local', region: 'us-central1' }
const spec = { ...SPEC, place, tables: { ...SPEC.tables, projectId: place.projectId } }

beforeAll(async () => {
  directory = mkdtempSync(path.join(tmpdir(), 'imagery-setup-'))
  cloud = await startLocalCloud({ dataDir: directory, allServicesEnabled: true })
  const target = new URL(cloud.locator.http)
  front = createServer((incoming, outgoing) => {
    if (incoming.url === '/setup') {
      const { status, body } = answers[Math.min(asked++, answers.length - 1)]!
      outgoing.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
      return
    }
    const { method, url, headers } = incoming
    const passed = request({ host: target.hostname, port: target.port, method, path: url, headers }, (response) => {
      outgoing.writeHead(response.statusCode!, response.headers)
      response.pipe(outgoing)
    })
    incoming.pipe(passed)
  })
  await new Promise<void>((resolve) => front.listen(0, '127.0.0.1', resolve))
  useLocalCloud({ ...cloud.locator, http: `http://127.0.0.1:${(front.address() as AddressInfo).port}` })
  const bucket = bucketName(place)
  await createBucket(bucket, {
    ...place,
    location: 'US',
    labels: {},
    expiring: { prefix: 'deploy/', days: 1 },
  })
  await writeObject(`gs://${bucket}/${runSpecPath(RUN_ID)}`, JSON.stringify(spec), { contentType: 'application/json' })
})

beforeEach(() => {
  asked = 0
  waitedMs = 0
  // Ten minutes of waiting pass at once.
  usePauses({
    now: () => waitedMs,
    pause: async (durationMs) => void (waitedMs += durationMs),
  })
})

afterEach(() => usePauses())

afterAll(async () => {
  front.close()
  await cloud.stop()
  rmSync(directory, { recursive: true, force: true })
})

const details: string[] = []

function run(): Promise<object> {
  details.length = 0
  const deployment = { mainUrl: 'https://imagery-main-1.us-central1.run.app' }
  const target = { kind: 'google', place, flags: '' }
  const context = { runId: RUN_ID, spec, target, deployment, signal: new AbortController().signal }
  return setUp.run(context as never, { detail: (text) => details.push(text) })
}

const ready = (isReady: boolean) => ({ status: 200, body: { queues: ['a/queues/q'], ledger_ready: isReady } })
const refused = (message: string, code = 'PERMISSION_DENIED') => ({ status: 500, body: { error: { code, message } } })

/** BigQuery's words for an account whose access to a dataset has not arrived everywhere yet. */
const NOT_YET = `Access Denied: Dataset imagery-local:${spec.tables.dataset}: Permission bigquery.tables.create denied on dataset imagery-local:${spec.tables.dataset} (or it may not exist).`

describe('the setup of a run', () => {
  test('waits, and shows that it does, until the grant on the dataset has arrived', async () => {
    answers = [refused(NOT_YET), refused(NOT_YET), refused(NOT_YET), ready(true)]
    await expect(run()).resolves.toMatchObject({ done: 'q', adds: { queues: ['a/queues/q'] } })
    expect(details).toHaveLength(3)
    expect(details[2]).toMatch(/^waiting until the services may write to dataset \w+ \(\d s\)$/)
  })

  test('names the role after ten minutes', async () => {
    answers = [refused(NOT_YET)]
    await expect(run()).rejects.toMatchObject({
      code: 'ACCESS_DENIED',
      message: expect.stringContaining('roles/bigquery.dataEditor') as string,
    })
    expect(waitedMs).toBeGreaterThan(9 * 60_000)
  })

  test('waits until the ledger stores rows, before any model is paid', async () => {
    answers = [ready(false), ready(false), ready(true)]
    await expect(run()).resolves.toMatchObject({ done: 'q' })
    expect(asked).toBe(3)
    expect(details[0]).toContain('waiting until BigQuery stores rows of the new ledger')
  })

  test('stops the run if the ledger stores no rows for ten minutes', async () => {
    answers = [ready(false)]
    await expect(run()).rejects.toMatchObject({
      code: 'CLOUD_ERROR',
      message: expect.stringContaining('No model was called') as string,
      suggestions: [`imagery resume ${RUN_ID}`],
    })
  })

  test('waits for a role that the policy of the project shows already', async () => {
    const role = 'roles/cloudtasks.enqueuer'
    const email = 'imagery-runtime@imagery-local.iam.gserviceaccount.com'
    await callApi('iam', 'v1/projects/imagery-local/serviceAccounts', { body: { accountId: 'imagery-runtime' } })
    await changeMemberships(projectPolicy('imagery-local'), { add: [{ role, member: `serviceAccount:${email}` }] })
    const message = `${email} lacks permission 'cloudtasks.tasks.create': it needs ${role} on project imagery-local`
    answers = [refused(message), refused(message), ready(true)]
    await expect(run()).resolves.toMatchObject({ done: 'q' })
    expect(details[0]).toBe(`waiting until IAM has applied ${role} everywhere (0 s)`)
  })

  test.each([
    [
      "imagery-runtime lacks permission 'bigquery.jobs.create': it needs roles/bigquery.jobUser on project P",
      /jobUser/,
    ],
    [
      `VPC Service Controls: Request is prohibited by organization's policy: Dataset ${spec.tables.dataset}`,
      /perimeter/,
    ],
    ['Bucket is a requester pays bucket but no user project provided.', /requester pays/],
  ])('does not wait for what never passes: %s', async (message, expected) => {
    answers = [refused(message)]
    await expect(run()).rejects.toMatchObject({ message: expect.stringMatching(expected) as string })
    expect(asked).toBe(1)
  })

  test('takes the answer of services that were deployed by an earlier version', async () => {
    answers = [{ status: 200, body: { queues: ['a/queues/q'] } }]
    await expect(run()).resolves.toMatchObject({ done: 'q' })
  })
})
