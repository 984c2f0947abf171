// First: it sets what gRPC reads when it is loaded.
import { startLocalRun, PLACE } from './local-run.ts'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { callApi } from '../../src/google/rest/rest.ts'
import { usePauses } from '../../src/google/transport/pauses.ts'
import { clearRunStop, recordRunStop, runStopOf } from '../../src/run-data/run-stop.ts'
import { topicExists } from '../../src/google/pubsub.ts'
import { topicName } from '../../src/contracts/names.ts'
import { connect, createResources } from '../../src/services/run/create-resources.ts'
import { letGoOn } from '../../src/services/run/steps.ts'
import { CANCELED, RUN_ID } from './fixtures.ts'

const CREATE = 'google.pubsub.v1.Subscriber/CreateSubscription'

let local: Awaited<ReturnType<typeof startLocalRun>>
let waitedMs: number

beforeAll(async () => {
  local = await startLocalRun({ units: 1 })
})
beforeEach(() => {
  waitedMs = 0
  usePauses({ now: () => waitedMs, pause: async (durationMs) => void (waitedMs += durationMs) })
})
afterEach(() => usePauses())
afterAll(() => local.cloud.stop({ now: true }))

function run(
  details: string[] = [],
  step: { run: typeof createResources.run } | typeof connect = connect,
): Promise<object> {
  const deployment = {
    mainUrl: 'https://imagery-main-1.us-central1.run.app',
    populateUrl: 'https://imagery-populate-1.us-central1.run.app',
  }
  const target = { kind: 'google', place: PLACE, flags: '' }
  const context = { runId: RUN_ID, spec: local.spec, target, deployment, signal: new AbortController().signal }
  return step.run(context as never, { detail: (text) => details.push(text) })
}

test('a subscription for an account that does not exist is refused at once', async () => {
  await expect(run()).rejects.toMatchObject({ status: 'PERMISSION_DENIED' })
  expect(waitedMs).toBe(0)
})

test('a subscription is refused while Pub/Sub does not know a role that IAM shows, and the run waits', async () => {
  await callApi('iam', `v1/projects/${PLACE.projectId}/serviceAccounts`, { body: { accountId: 'imagery-invoker' } })
  const { http, adminToken } = local.cloud.locator
  const effect = { kind: 'error', status: 'PERMISSION_DENIED', message: 'User not authorized to perform this action.' }
  await fetch(`${http}/_imagery/faults`, {
    method: 'PUT',
    headers: { authorization: `Bearer ${adminToken}` },
    body: JSON.stringify([{ method: CREATE, times: 3, effect }]),
  })
  const details: string[] = []
  await expect(run(details)).resolves.toMatchObject({ done: expect.stringMatching(/^imagery-/) as string })
  expect(details).toHaveLength(3)
  expect(details[2]).toMatch(/^waiting until IAM has applied your roles everywhere \(\d s\)$/)
})

test('a step of a run that another command has stopped ends the command and deletes nothing, until a resume', async () => {
  await recordRunStop(local.spec, CANCELED)
  await expect(run()).rejects.toMatchObject({
    code: 'RUN_STOPPED',
    message: `Run ${RUN_ID} was stopped: ${CANCELED.message}`,
    suggestions: [`imagery resume ${RUN_ID}`, `imagery results ${RUN_ID}`],
  })
  expect(await topicExists(topicName(PLACE, RUN_ID))).toBe(true)
  await expect(run(), 'the first reason stays').rejects.toMatchObject({ code: 'RUN_STOPPED' })
  await clearRunStop(local.spec)
  await expect(run()).resolves.toBeDefined()
})

test('the first step of a resume lets a stopped run go on, unless it fails', async () => {
  await recordRunStop(local.spec, CANCELED)
  const context = { spec: local.spec, signal: new AbortController().signal } as never
  const nowhere = { detail: () => undefined }
  const failing = letGoOn({ title: 'Find', run: () => Promise.reject(new Error('no deployment')) })
  await expect(failing.run(context, nowhere)).rejects.toThrow('no deployment')
  expect(await runStopOf(local.spec)).toEqual(CANCELED)
  const found = letGoOn({ title: 'Find', run: async () => ({ done: 'here', adds: {} }) })
  await expect(found.run(context, nowhere)).resolves.toEqual({ done: 'here', adds: {} })
  expect(await runStopOf(local.spec)).toBeUndefined()
})

test('the topic and the subscription are created although the service cannot be asked, and then the step fails', async () => {
  await callApi('pubsub', `v1/${topicName(PLACE, RUN_ID)}`, { method: 'DELETE' })
  await expect(run([], createResources)).rejects.toMatchObject({ code: expect.any(String) as string })
  expect(await topicExists(topicName(PLACE, RUN_ID))).toBe(true)
})
