import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { bucketName, invokerAccount, populateService } from '../../src/contracts/names.ts'
import { createServiceAccount } from '../../src/google/admin/iam.ts'
import { projectPolicy } from '../../src/google/admin/resource-manager.ts'
import { deployService, servicePolicy } from '../../src/google/cloud-run/services.ts'
import type { Binding, PolicyHolder } from '../../src/google/rest/policy.ts'
import { lastResponses } from '../../src/google/rest/queues.ts'
import { pauseQueue, resumeQueue } from '../../src/google/tasks.ts'
import { requireNotStopped } from '../../src/services/runs/stopped.ts'
import { formatReport } from '../../src/ui/report.ts'
import { clearRunStop, recordRunStop } from '../../src/run-data/run-stop.ts'
import { RefusedDeliveries } from '../../src/services/runs/refused-deliveries.ts'
import { runReport } from '../../src/services/runs/report.ts'
import { stallMs } from '../../src/run-data/stall.ts'
import { completeRun, watchRun } from '../../src/services/runs/watch.ts'
import { geminiSpec } from './gemini-fixtures.ts'
import { CANCELED, RUN_ID } from './fixtures.ts'
import { PLACE, RUN_QUEUE, startLocalRun } from './local-run.ts'

let run: Awaited<ReturnType<typeof startLocalRun>>

// Cloud Tasks counts the queue's tasks when the queue is created, and not again within an hour.
beforeAll(async () => {
  run = await startLocalRun({ units: 3, queueStatsAgeMs: 3_600_000 })
  await run.addAttempts([run.attempt(0)])
})
afterAll(() => run.stop())

/** Watches the run with a clock that moves a second at each look at it. Returns the number of polls before it ends. */
async function polls(
  onError: (error: Error) => void = () => {},
  onPoll: (poll: number) => Promise<void> = async () => {},
): Promise<number> {
  let nowMs = 0
  let count = 0
  const watch = watchRun(run.spec, {
    signal: new AbortController().signal,
    reporter: { detail: () => void onPoll((count += 1)) },
    flags: ' --local',
    now: () => (nowMs += 1_000),
  })
  const error = await watch.catch((reason: unknown) => reason as Error)
  expect(error).toMatchObject({ code: 'RUN_STALLED' })
  onError(error as Error)
  return count
}

describe('a run with a task that the count of its queue does not show', () => {
  test('is in progress, and does not stall while the task exists', async () => {
    await run.addTask('waiting', { inSeconds: 3_600 })
    expect((await runReport(run.spec)).state).toBe('running')
    const count = await polls(undefined, async (poll) => {
      if (poll === 5) await run.removeTask('waiting')
    })
    expect(count).toBeGreaterThan(5)
  })

  test('stalls when the list of tasks is empty too', async () => {
    expect((await runReport(run.spec)).state).toBe('paused')
    expect(await polls()).toBeLessThan(5)
  })
})

test('a run is shown as idle only when its queues have been empty for a while', async () => {
  const lines: string[] = []
  let nowMs = 0
  const watch = watchRun(run.spec, {
    signal: new AbortController().signal,
    reporter: { detail: (line) => void lines.push(line) },
    flags: ' --local',
    now: () => (nowMs += 100),
  })
  await expect(watch).rejects.toMatchObject({ code: 'RUN_STALLED' })
  expect(lines[0]).toBe('1 of 3 assets')
  expect(lines.at(-1)).toBe('1 of 3 assets, no task is queued')
})

/** Denies all calls of a method from now on. */
async function deny(method: string): Promise<void> {
  const { http, adminToken } = run.cloud.locator
  const effect = { kind: 'error', status: 'PERMISSION_DENIED', message: 'The caller does not have permission' }
  await fetch(`${http}/_imagery/faults`, {
    method: 'PUT',
    headers: { authorization: `Bearer ${adminToken}` },
    body: JSON.stringify([{ method, times: 100, effect }]),
  })
}

describe('a run whose tasks no service accepts', () => {
  test('ends with the reason and the fix, and its queue is paused', async () => {
    await run.addTask('refused')
    const watch = watchRun(run.spec, {
      signal: new AbortController().signal,
      reporter: { detail: () => {} },
      flags: ' --local',
    })
    await expect(watch).rejects.toMatchObject({
      code: 'NOT_AVAILABLE',
      message: expect.stringMatching(
        /^Every task of run \S+ is refused before imagery-main works on it \(HTTP 404\): the service was deleted, .* The queue is paused, and no unit is lost$/,
      ) as string,
      suggestions: [
        'imagery deploy --local   (creates the service again, with its ingress setting)',
        `imagery resume ${RUN_ID} --local`,
      ],
    })
    expect(await run.queueState()).toBe('PAUSED')
    await run.removeTask('refused')
  })

  test('ends too if its queue was paused before, as it would never get a row', async () => {
    await pauseQueue(RUN_QUEUE)
    await run.addTask('never-sent')
    const watch = watchRun(run.spec, {
      signal: new AbortController().signal,
      reporter: { detail: () => {} },
      flags: ' --local',
    })
    await expect(watch).rejects.toMatchObject({
      code: 'RUN_STALLED',
      message: `The queues of run ${RUN_ID} are paused, so none of its tasks is sent`,
    })
    await run.removeTask('never-sent')
  })
})

describe('a run that another command stops', () => {
  const watch = () =>
    watchRun(run.spec, {
      signal: new AbortController().signal,
      reporter: { detail: () => {} },
      flags: ' --local',
    })

  test('ends the watch with the reason and what the run has', async () => {
    await run.addTask('left', { inSeconds: 3_600 })
    await recordRunStop(run.spec, CANCELED)
    await expect(watch()).rejects.toMatchObject({
      code: 'RUN_STOPPED',
      suggestions: [`imagery resume ${RUN_ID} --local`, `imagery results ${RUN_ID} --local`],
      message: `Run ${RUN_ID} was stopped: ${CANCELED.message}. It has 1 of 3 assets, and 2 are pending`,
    })
    expect(await runReport(run.spec)).toMatchObject({ state: 'paused', stopped: { reason: 'canceled' } })
    await clearRunStop(run.spec)
    expect(await runReport(run.spec)).not.toHaveProperty('stopped')
    await run.removeTask('left')
  })

  test('names what to do about the failures that stopped the run before the command that continues it', async () => {
    await run.addTask('left-too', { inSeconds: 3_600 })
    const error_message = 'the answer is not JSON: "Sorry"'
    const failure = { cause: 'schema' as const, unit_id: 'unit-0', error_message }
    await recordRunStop(run.spec, { ...CANCELED, reason: 'max_failures', message: 'Failed alike', failure })
    const fix = `imagery results ${RUN_ID} --raw-answers --format jsonl`
    await expect(watch()).rejects.toMatchObject({
      code: 'RUN_STOPPED',
      suggestions: [
        expect.stringMatching(`^imagery results ${RUN_ID} --raw-answers --format jsonl --local {3}\\(then`) as string,
        `imagery resume ${RUN_ID} --max-failures none --local`,
        `imagery results ${RUN_ID} --local`,
      ],
    })
    await expect(requireNotStopped(run.spec, '')).rejects.toMatchObject({
      suggestions: [expect.stringContaining(fix), expect.any(String), expect.any(String)] as string[],
    })
    const report = await runReport(run.spec)
    expect(report.stopped?.failure_next).toContain(fix)
    const shown = formatReport(report, { flags: '', width: 100 })
    expect(shown.indexOf(fix)).toBeGreaterThan(0)
    expect(shown.indexOf(fix)).toBeLessThan(shown.indexOf(`imagery resume ${RUN_ID}`))
    await clearRunStop(run.spec)
    await run.removeTask('left-too')
  })
})

describe('a ledger row of a unit that the snapshot does not have', () => {
  test('is named when the run stalls', async () => {
    await run.addAttempts([run.attempt(7), run.attempt(8)])
    await polls((error) =>
      expect(error.message).toMatch(
        /but no tasks are queued\. 2 rows of the ledger \S+_attempts are of no unit of the run, for example "unit-7"/,
      ),
    )
  })

  test('is counted when the run is complete, and the results have the other rows', async () => {
    await run.addAttempts([run.attempt(1), run.attempt(2)])
    const report = await completeRun(run.spec, await runReport(run.spec))
    expect(report).toMatchObject({
      state: 'complete',
      units: { total: 3, ok: 3, pending: 0 },
      stray_rows: { rows: 2, unit_id: 'unit-7' },
      results_table: expect.stringMatching(/./) as string,
    })
  })
})

test('a run on Google stalls after 10 minutes, and after the longest answer on the flex tier', () => {
  expect(stallMs(geminiSpec(), 'google')).toBe(600_000)
  expect(stallMs({ gemini: null }, 'google')).toBe(600_000)
  expect(stallMs(geminiSpec({ tier: 'flex' }), 'google')).toBe(1_800_000)
})

describe('a run without tasks, while populate does not have the role of the invoker on its policy', () => {
  const POPULATE = populateService(PLACE)
  const invoker = invokerAccount(PLACE)
  const project = projectPolicy(PLACE.projectId)
  const service = servicePolicy(PLACE, POPULATE)
  const members = [`serviceAccount:${invoker}`]

  beforeAll(async () => {
    await createServiceAccount(PLACE.projectId, invoker, { displayName: 'invoker', description: '' })
    // It never becomes ready, as its archive does not exist, but it has a policy.
    const deployed = deployService(PLACE, POPULATE, {
      program: { archive: { bucket: bucketName(PLACE), object: 'none.tar.gz' } },
      sourceHash: 'none',
      args: [],
      environment: {},
      serviceAccount: invoker,
      concurrency: 1,
      minInstances: 0,
      maxInstances: 1,
      ingress: 'all',
      timeoutSeconds: 60,
      memory: '512Mi',
      cpu: '1',
      labels: {},
    })
    await expect(deployed).rejects.toThrow()
    await resumeQueue(RUN_QUEUE)
  })

  /** Looks at the run as a watch on Google does that has seen neither a row nor a task for a while. */
  function look(quietMs: number): Promise<void> {
    let nowMs = 0
    const refused = new RefusedDeliveries(run.spec, { flags: ' --local', pace: 'google', now: () => nowMs })
    nowMs = quietMs
    return refused.look({ hasMoved: false, hasTasks: false }, async () => [RUN_QUEUE])
  }

  async function bind(holder: PolicyHolder, binding: Binding): Promise<() => Promise<unknown>> {
    const { bindings = [], ...policy } = await holder.read()
    await holder.write({ ...policy, version: 3, bindings: [...bindings, binding] })
    return async () => holder.write({ ...(await holder.read()), bindings })
  }

  test.each([
    ['the project grants the role', project, { role: 'roles/run.invoker', members }],
    ['the project grants a larger role', project, { role: 'roles/run.admin', members }],
    ['the service grants another role that suffices', service, { role: 'roles/run.servicesInvoker', members }],
    ['the service is public', service, { role: 'roles/run.invoker', members: ['allUsers'] }],
  ])('goes on if %s', async (_, holder, binding) => {
    const unbind = await bind(holder, binding)
    const looked = await look(3_600_000).catch((error: unknown) => error)
    await unbind()
    expect(looked).toBeUndefined()
    expect(await run.queueState()).toBe('RUNNING')
  })

  test('goes on for the time that pushes take, and then ends with the reason and a paused queue', async () => {
    await look(29_000)
    expect(await run.queueState()).toBe('RUNNING')
    await expect(look(31_000)).rejects.toMatchObject({
      code: 'ACCESS_DENIED',
      message: expect.stringContaining(`${invoker} lacks roles/run.invoker on the service ${POPULATE}`) as string,
    })
    expect(await run.queueState()).toBe('PAUSED')
  })

  test('waits longer if the policy of the project cannot be read', async () => {
    await resumeQueue(RUN_QUEUE)
    await deny('cloudresourcemanager.projects.getIamPolicy')
    await look(299_000)
    expect(await run.queueState()).toBe('RUNNING')
    await expect(look(301_000)).rejects.toMatchObject({ code: 'ACCESS_DENIED' })
  })
})

test('a service that the caller may not see is not called deleted until its refusals last, and then the queue is paused', async () => {
  await resumeQueue(RUN_QUEUE)
  await deny('google.cloud.run.v2.Services/GetService')
  await run.addTask('not-seen')
  await vi.waitFor(async () => expect((await lastResponses(RUN_QUEUE))[0]?.deliveries).toBeGreaterThan(1), 10_000)
  let nowMs = 0
  const refused = new RefusedDeliveries(run.spec, { flags: ' --local', pace: 'google', now: () => nowMs })
  const look = (): Promise<void> => refused.look({ hasMoved: false, hasTasks: true }, async () => [RUN_QUEUE])
  await look()
  expect(await run.queueState()).toBe('RUNNING')
  nowMs = 601_000
  await expect(look()).rejects.toMatchObject({ code: 'NOT_AVAILABLE' })
  expect(await run.queueState()).toBe('PAUSED')
})
