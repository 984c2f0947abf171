import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { taskPayload } from '../../src/contracts/messages.ts'
import { ManualClock } from '@imagery/local-cloud/internal/kernel/clock'
import { CloudError } from '../../src/google/transport/errors.ts'
import { BatchRefused } from '../../src/google/tasks.ts'
import { deferred, RUN_ID, SPEC } from './fixtures.ts'
import { asset, assets, envelope, populateService, SHARD } from './populate-service.ts'

describe('a shard', () => {
  test('becomes one named task per asset, which calls the main service with a token', async () => {
    const { push, tasks, ranges } = populateService()
    expect(await push()).toEqual({ status: 200, body: { outcome: 'populated', created: 3, existed: 0, unfit: 0 } })
    expect(ranges).toEqual([[0, 49]])
    const id = createHash('sha256').update('asset-1\n0').digest('hex').slice(0, 32)
    const task = tasks.get(id)
    expect(task).toMatchObject({
      url: 'https://imagery-main-abc.run.app/process',
      audience: 'https://imagery-main-abc.run.app',
      serviceAccountEmail: 'imagery-invoker@demo.iam.gserviceaccount.com',
    })
    expect(taskPayload.parse(JSON.parse(task!.body.toString('utf8')))).toEqual({
      v: 1,
      run_id: RUN_ID,
      generation: 0,
      ...asset(1),
    })
  })

  // 15 s to 30 min: https://cloud.google.com/tasks/docs/reference/rest/v2/projects.locations.queues.tasks#Task.FIELDS.dispatch_deadline
  test.each([
    [30_000, 80],
    [1, 51],
    [3_600_000, 1_800],
  ])('whose run allows %i ms per attempt gives its tasks a deadline of %i s', async (attempt_timeout_ms, seconds) => {
    const spec = { ...SPEC, limits: { ...SPEC.limits, attempt_timeout_ms } }
    const { push, tasks } = populateService({ specs: new Map([[RUN_ID, spec]]) })
    await push()
    expect([...tasks.values()][0]?.dispatchDeadlineSeconds).toBe(seconds)
  })

  test('delivered twice creates nothing twice', async () => {
    const { push, tasks } = populateService()
    await push()
    expect((await push()).body).toEqual({ outcome: 'populated', created: 0, existed: 3, unfit: 0 })
    expect(tasks.size).toBe(3)
  })

  test('creates no task for a unit that the probe has recorded', async () => {
    const { push, tasks } = populateService()
    const shard = envelope({ ...SHARD, skip: [asset(1).unit_id, 'in another shard'] })
    expect((await push(shard)).body).toEqual({ outcome: 'populated', created: 2, existed: 0, unfit: 0 })
    const units = [...tasks.values()].map(({ body }) => taskPayload.parse(JSON.parse(body.toString('utf8'))).unit_id)
    expect(units).not.toContain(asset(1).unit_id)
  })

  test('of the next generation creates new tasks', async () => {
    const { push, tasks } = populateService()
    await push()
    await push(envelope({ ...SHARD, generation: 1 }))
    expect(tasks.size).toBe(6)
  })

  test('whose message is older than half an hour queues only pending units: the names of finished tasks expire after an hour', async () => {
    const clock = new ManualClock()
    const { push, choices } = populateService({ clock })
    await clock.advance(29 * 60_000)
    await push()
    await clock.advance(2 * 60_000)
    await push()
    await push(envelope({ ...SHARD, only_pending: true }))
    expect(choices).toEqual([false, true, true])
  })

  test('whose message has no time queues only pending units', async () => {
    const { push, choices } = populateService()
    const { message, ...rest } = envelope(SHARD) as { message: object }
    await push({ ...rest, message: { ...message, publishTime: undefined } })
    expect(choices).toEqual([true])
  })

  test('of a generation that a later one has replaced creates nothing and is acknowledged', async () => {
    const { push, tasks, ranges } = populateService({ newest: 1 })
    expect(await push()).toEqual({ status: 200, body: { outcome: 'superseded' } })
    expect({ tasks: tasks.size, ranges }).toEqual({ tasks: 0, ranges: [] })
    expect((await push(envelope({ ...SHARD, generation: 1 }))).body).toMatchObject({ created: 3 })
  })

  test('creates a hundred tasks per call', async () => {
    const { push, batches } = populateService({ assets: assets(250) })
    await push()
    expect(batches.toSorted((a, b) => b - a)).toEqual([100, 100, 50])
  })

  test('of large assets creates tasks in calls of at most 3 MB', async () => {
    const observations = Array.from({ length: 60 }, (_, index) => ({
      observation_id: `o${index}`,
      gcs_uri: `gs://images/${'x'.repeat(1_000)}`,
      capture_time: null,
    }))
    const { push, batches } = populateService({
      assets: Array.from({ length: 100 }, (_, index) => asset(index, { observations })),
    })
    await push()
    expect(batches.length).toBeGreaterThan(1)
    expect(batches.reduce((sum, size) => sum + size, 0)).toBe(100)
  })

  test('without assets makes no call', async () => {
    const { push, batches } = populateService({ assets: [] })
    expect((await push()).body).toEqual({ outcome: 'populated', created: 0, existed: 0, unfit: 0 })
    expect(batches).toEqual([])
  })

  test('is read no faster than Cloud Tasks accepts it, with at most eight calls in flight', async () => {
    let read = 0
    const calls: ReturnType<typeof deferred<void>>[] = []
    const { push, mostInFlight } = populateService({
      assets: (function* () {
        for (; read < 5_000; read += 1) yield asset(read)
      })(),
      createTaskBatch() {
        const call = deferred<void>()
        calls.push(call)
        return call.promise
      },
    })
    const pushed = push()
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(calls).toHaveLength(8)
    // Eight calls of a hundred tasks, and the batch for the next call.
    expect(read).toBeLessThanOrEqual(901)
    for (let index = 0; index < 50; index += 1) {
      while (!calls[index]) await new Promise((resolve) => setImmediate(resolve))
      calls[index]?.resolve()
    }
    expect((await pushed).body).toMatchObject({ created: 5_000 })
    expect(mostInFlight()).toBe(8)
  })
})

describe('when BatchCreateTasks is refused', () => {
  test('tasks are created one by one, and the batch method is not called again', async () => {
    let asked = 0
    const { push, singles, entries } = populateService({
      assets: assets(20),
      createTaskBatch() {
        asked += 1
        throw new BatchRefused('not here')
      },
    })
    expect((await push()).body).toMatchObject({ created: 20, existed: 0 })
    expect((await push()).body).toMatchObject({ created: 0, existed: 20 })
    expect(asked).toBe(1)
    expect(singles).toHaveLength(40)
    expect(entries.filter(({ severity }) => severity === 'WARNING')).toHaveLength(1)
  })
})

describe('when Cloud Tasks fails', () => {
  test('a call with a transient failure is retried', async () => {
    const clock = new ManualClock()
    let calls = 0
    const { push } = populateService({
      clock,
      createTaskBatch() {
        calls += 1
        if (calls < 3) throw new CloudError('UNAVAILABLE', 'not now')
      },
    })
    const pushed = push()
    await clock.advance(10_000)
    expect((await pushed).body).toMatchObject({ created: 3 })
    expect(calls).toBe(3)
  })

  test('a call that keeps failing returns the shard to Pub/Sub, and no more assets are read', async () => {
    const clock = new ManualClock()
    let read = 0
    const { push } = populateService({
      clock,
      assets: (function* () {
        for (; read < 100_000; read += 1) yield asset(read)
      })(),
      createTaskBatch() {
        throw new CloudError('UNAVAILABLE', 'down')
      },
    })
    const pushed = push()
    await clock.advance(60_000)
    expect(await pushed).toEqual({ status: 503, body: { error: { code: 'UNAVAILABLE', message: 'down' } } })
    expect(read).toBeLessThan(2_000)
  })

  test('an unanswered call is retried', async () => {
    const clock = new ManualClock()
    let calls = 0
    const { push } = populateService({
      clock,
      createTaskBatch: () => (++calls === 1 ? new Promise(() => {}) : undefined),
    })
    const pushed = push()
    await clock.advance(70_000)
    expect((await pushed).body).toMatchObject({ created: 3 })
  })

  test('a refusal is not retried', async () => {
    let calls = 0
    const { push } = populateService({
      createTaskBatch() {
        calls += 1
        throw new CloudError('PERMISSION_DENIED', 'no')
      },
    })
    expect((await push()).status).toBe(500)
    expect(calls).toBe(1)
  })

  test('a snapshot read that breaks off returns the shard, after calls in flight end', async () => {
    const { push, batches } = populateService({
      assets: (async function* () {
        yield* assets(150)
        throw new CloudError('INTERNAL', 'the stream broke')
      })(),
    })
    expect((await push()).status).toBe(503)
    expect(batches).toEqual([100])
  })

  // "the acknowledgement deadline ... at most 600 seconds": https://cloud.google.com/pubsub/docs/push#receive_push
  test('a shard that takes longer than Pub/Sub waits is returned', async () => {
    const clock = new ManualClock()
    const { push } = populateService({
      clock,
      assets: (async function* () {
        yield asset(1)
        await clock.advance(571_000)
        yield asset(2)
      })(),
    })
    expect((await push()).body).toMatchObject({ error: { code: 'DEADLINE_EXCEEDED' } })
  })
})
