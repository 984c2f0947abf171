import { describe, expect, test } from 'vitest'
import { ManualClock } from '@imagery/local-cloud/internal/kernel/clock'
import { CloudError } from '../../src/google/transport/errors.ts'
import type { RunStop } from '../../src/contracts/run-controls.ts'
import type { QueueLimits } from '../../src/google/rest/queues.ts'
import { mainApp } from '../../src/runtime/main/app.ts'
import { Shutdown } from '../../src/runtime/shutdown.ts'
import { FakeRunObjects } from './fake-limits.ts'
import { CANCELED, fakeLog, fakeSpecs, fakeStops, PLACE, post, RUN_ID, SPEC } from './fixtures.ts'

const FIRST = `projects/demo/locations/us-central1/queues/imagery-${RUN_ID}`
const REQUEST = { v: 1, run_id: RUN_ID }

/** The main service over a Cloud Tasks that knows which queues exist and which names are unusable. */
function setUp(
  specs?: Map<string, typeof SPEC>,
  imageBuckets: string[] = ['ours'],
  onQueue: () => void = () => undefined,
  isLedgerReady: () => Promise<boolean> = async () => true,
) {
  const clock = new ManualClock()
  const queues = new Map<string, QueueLimits>()
  const tombstones = new Set<string>()
  const paused = new Set<string>()
  const tables: string[] = []
  const droppedViews: string[] = []
  /** Revoked from the service's own account. */
  const lacking = new Set<string>()
  const stops = new Map<string, RunStop>()
  const had = (permissions: readonly string[]) => permissions.filter((permission) => !lacking.has(permission))
  const { specs: runSpecs, reads } = fakeSpecs(specs)
  const app = mainApp({
    limits: new FakeRunObjects().limits(new ManualClock()),
    place: PLACE,
    specs: runSpecs,
    stops: fakeStops(stops),
    permissions: {
      inProject: async (_, permissions) => had(permissions),
      onAccount: async (_, __, permissions) => had(permissions),
      async onBucket(bucket, permissions) {
        if (bucket === 'paid') {
          const message = 'Bucket is a requester pays bucket but no user project provided.'
          throw new CloudError('INVALID_ARGUMENT', message, { reason: 'required' })
        }
        return bucket === 'missing' ? undefined : bucket === 'theirs' ? [] : had(permissions)
      },
    },
    imageBuckets: async () => imageBuckets,
    firstUnits: async () => [],
    unitsNamed: async () => [],
    createRunTables: async (spec) => void tables.push(spec.run_id),
    isLedgerReady: () => isLedgerReady(),
    imageVersion: async () => undefined,
    snapshots: { touch: () => undefined },
    async ensureQueue(name, limits) {
      if (tombstones.has(name))
        throw new CloudError('FAILED_PRECONDITION', 'a queue with this name existed too recently')
      if (queues.has(name)) return 'existed'
      queues.set(name, limits)
      onQueue()
      return 'created'
    },
    async pauseQueue(name) {
      if (!queues.has(name)) return 'absent'
      paused.add(name)
      return 'paused'
    },
    async resumeQueue(name) {
      paused.delete(name)
    },
    async deleteLiveView({ tables }) {
      droppedViews.push(tables.live)
    },
    async deleteQueue(name) {
      if (queues.delete(name)) tombstones.add(name)
      else return 'absent'
      return 'deleted'
    },
    ledger: { append: () => Promise.reject(new Error('not for /setup')), withWriter: (work) => work() },
    finalRows: { find: () => Promise.reject(new Error('not for /setup')) },
    shutdown: new Shutdown(),
    modelFor: () => Promise.reject(new Error('not for /setup')),
    clock,
    log: fakeLog().log,
    newAttemptId: () => 'a',
  })
  const send = async (path: string, body: unknown = REQUEST) => {
    const response = await app.request(path, post(body))
    return { status: response.status, body: (await response.json()) as Record<string, unknown> }
  }
  return { app, clock, queues, paused, tables, droppedViews, reads, send, lacking, stops }
}

describe('POST /setup', () => {
  test('creates the ledger and the requested number of queues, and divides the limits among them', async () => {
    const { queues, tables, send } = setUp()
    expect(await send('/setup')).toEqual({
      status: 200,
      body: {
        run_id: RUN_ID,
        queues: [FIRST, `${FIRST}-2`],
        queues_created: [FIRST, `${FIRST}-2`],
        attempts_table: `demo.imagery_results_us.${SPEC.tables.attempts}`,
        live_view: `demo.imagery_results_us.${SPEC.tables.live}`,
        ledger_ready: true,
      },
    })
    expect(tables).toEqual([RUN_ID])
    expect(queues.get(FIRST)).toEqual({ maxConcurrent: 50, maxPerSecond: 250 })
  })

  test.each([
    ['cloudtasks.tasks.create', 'roles/cloudtasks.enqueuer on project demo'],
    ['cloudtasks.queues.create', 'roles/cloudtasks.queueAdmin on project demo'],
    ['bigquery.jobs.create', 'roles/bigquery.jobUser on project demo'],
    ['iam.serviceAccounts.actAs', 'roles/iam.serviceAccountUser on imagery-invoker@demo.iam.gserviceaccount.com'],
  ])('creates nothing without %s, and names the role', async (permission, role) => {
    const { queues, tables, lacking, send } = setUp()
    lacking.add(permission)
    const { status, body } = await send('/setup')
    expect(status).toBe(500)
    expect(body).toMatchObject({ error: { code: 'PERMISSION_DENIED', message: expect.stringContaining(role) } })
    expect([...tables, ...queues.keys()]).toEqual([])
  })

  test('creates nothing when images are in a bucket it cannot read, and names the bucket and role', async () => {
    const { tables, send } = setUp(undefined, ['ours', 'theirs'])
    expect((await send('/setup')).body).toMatchObject({
      error: { message: expect.stringContaining('roles/storage.objectViewer on gs://theirs') },
    })
    expect(tables).toEqual([])
  })

  // https://cloud.google.com/storage/docs/requester-pays
  test('names a requester pays bucket, which it does not read at the expense of the project', async () => {
    const { tables, send } = setUp(undefined, ['ours', 'paid'])
    expect((await send('/setup')).body).toMatchObject({
      error: { message: 'gs://paid: Bucket is a requester pays bucket but no user project provided.' },
    })
    expect(tables).toEqual([])
  })

  test('leaves a bucket that does not exist to the rows of its images', async () => {
    expect((await setUp(undefined, ['missing']).send('/setup')).status).toBe(200)
  })

  test("does not require Gemini's role when pixels are measured", async () => {
    const { lacking, send } = setUp()
    lacking.add('aiplatform.endpoints.predict')
    expect((await send('/setup')).status).toBe(200)
  })

  test('may be repeated', async () => {
    const { send } = setUp()
    await send('/setup')
    const { body } = await send('/setup')
    expect(body).toMatchObject({ queues: [FIRST, `${FIRST}-2`], queues_created: [] })
  })

  test('waits until the ledger stores rows, and says so if it still does not', async () => {
    let tries = 0
    const { clock, send } = setUp(
      undefined,
      [],
      () => undefined,
      async () => (tries += 1) > 3,
    )
    const soon = send('/setup')
    await clock.advance(5_000)
    expect((await soon).body).toMatchObject({ ledger_ready: true })
    tries = -1_000
    const late = send('/setup')
    await clock.advance(20_000)
    expect(await late).toMatchObject({ status: 200, body: { queues: [FIRST, `${FIRST}-2`], ledger_ready: false } })
  })

  // "you can't create a queue with the same name for 7 days": https://cloud.google.com/tasks/docs/deleting-appengine-queues-and-tasks#deleting_queues
  test('skips the names of deleted queues', async () => {
    const { send } = setUp()
    await send('/setup')
    await send('/teardown')
    const { body } = await send('/setup')
    expect(body['queues']).toEqual([`${FIRST}-3`, `${FIRST}-4`])
  })

  test('rolls back what it created when the run is torn down during setup', async () => {
    const specs = new Map([[RUN_ID, SPEC]])
    const { queues, droppedViews, send } = setUp(specs, undefined, () => specs.delete(RUN_ID))
    const { status, body } = await send('/setup')
    expect(status).toBe(404)
    expect(body).toMatchObject({ error: { code: 'RUN_NOT_FOUND' } })
    expect([...queues.keys()]).toEqual([])
    expect(droppedViews).toEqual([SPEC.tables.live])
  })

  test('of a stopped run creates nothing, and lets no queue go on', async () => {
    const { queues, paused, tables, send, stops } = setUp()
    stops.set(RUN_ID, CANCELED)
    const stopped = {
      status: 409,
      body: { error: { code: 'RUN_STOPPED', message: `run ${RUN_ID} is stopped: ${CANCELED.message}` } },
    }
    expect(await send('/setup')).toEqual(stopped)
    expect([queues.size, tables]).toEqual([0, []])
    stops.clear()
    await send('/setup')
    await send('/pause')
    stops.set(RUN_ID, CANCELED)
    expect(await send('/setup')).toEqual(stopped)
    expect([...paused]).toEqual([...queues.keys()])
  })

  test('leaves the queues paused when the run is stopped during setup', async () => {
    const { queues, paused, send, stops } = setUp(undefined, undefined, () => stops.set(RUN_ID, CANCELED))
    expect((await send('/setup')).status).toBe(409)
    expect(queues.size).toBe(2)
    expect([...paused]).toEqual([...queues.keys()])
  })

  test('of a run without a spec answers 404 and creates nothing', async () => {
    const { queues, tables, send } = setUp(new Map())
    const { status, body } = await send('/setup')
    expect(status).toBe(404)
    expect(body).toMatchObject({ error: { code: 'RUN_NOT_FOUND' } })
    expect([queues.size, tables]).toEqual([0, []])
  })
})

describe('POST /pause', () => {
  test('pauses the run’s queues and deletes nothing', async () => {
    const { queues, paused, send } = setUp()
    await send('/setup')
    expect(await send('/pause')).toEqual({
      status: 200,
      body: { run_id: RUN_ID, queues_paused: [FIRST, `${FIRST}-2`] },
    })
    expect([...paused]).toEqual([...queues.keys()])
  })

  test('lasts until the run is set up again, as by a resume', async () => {
    const { paused, send } = setUp()
    await send('/setup')
    await send('/pause')
    await send('/setup')
    expect([...paused]).toEqual([])
  })

  test('may be repeated, even when there is nothing to pause', async () => {
    expect(await setUp(new Map()).send('/pause')).toEqual({ status: 200, body: { run_id: RUN_ID, queues_paused: [] } })
  })
})

describe('POST /teardown', () => {
  test('deletes the run’s queues and nothing else', async () => {
    const { queues, send } = setUp()
    await send('/setup')
    queues.set('projects/demo/locations/us-central1/queues/other', {
      maxConcurrent: 1,
      maxPerSecond: 1,
    })
    expect(await send('/teardown')).toEqual({
      status: 200,
      body: { run_id: RUN_ID, queues_deleted: [FIRST, `${FIRST}-2`] },
    })
    expect([...queues.keys()]).toEqual(['projects/demo/locations/us-central1/queues/other'])
  })

  test('may be repeated, even when the spec is gone', async () => {
    const { send } = setUp(new Map())
    expect(await send('/teardown')).toEqual({ status: 200, body: { run_id: RUN_ID, queues_deleted: [] } })
  })

  test('drops the spec, so that later tasks find the run gone', async () => {
    const specs = new Map([[RUN_ID, SPEC]])
    const { reads, send } = setUp(specs)
    await send('/setup')
    await send('/teardown')
    specs.delete(RUN_ID)
    expect((await send('/setup')).status).toBe(404)
    // Two for the first setup, which checks again after creating everything.
    expect(reads).toHaveLength(3)
  })
})

describe('both', () => {
  test.each(['/setup', '/teardown'])('%s refuses an invalid run ID', async (path) => {
    const { send } = setUp()
    for (const run_id of ['', '../x', '261123-9F3C1A7B', 'imagery-261123-9f3c1a7b', 5]) {
      expect((await send(path, { v: 1, run_id })).status).toBe(400)
    }
    expect((await send(path, { v: 2, run_id: RUN_ID })).status).toBe(400)
  })

  test('answer 503 when Google asks for a retry, and 500 with Google’s status when it refuses', async () => {
    for (const [status, http] of [
      ['UNAVAILABLE', 503],
      ['PERMISSION_DENIED', 500],
    ] as const) {
      const app = mainApp({
        limits: new FakeRunObjects().limits(new ManualClock()),
        place: PLACE,
        specs: fakeSpecs().specs,
        stops: fakeStops(),
        permissions: {
          inProject: async (_, all) => [...all],
          onAccount: async (_, __, all) => [...all],
          onBucket: async (_, all) => [...all],
        },
        imageBuckets: async () => [],
        firstUnits: async () => [],
        unitsNamed: async () => [],
        createRunTables: () => Promise.reject(new CloudError(status, 'Google says no')),
        isLedgerReady: async () => true,
        imageVersion: async () => undefined,
        snapshots: { touch: () => undefined },
        ensureQueue: async () => 'created',
        pauseQueue: async () => 'absent',
        resumeQueue: async () => {},
        deleteLiveView: async () => {},
        deleteQueue: async () => 'absent',
        ledger: { append: async () => {}, withWriter: (work) => work() },
        finalRows: { find: () => Promise.reject(new Error('unused')) },
        shutdown: new Shutdown(),
        modelFor: () => Promise.reject(new Error('unused')),
        clock: new ManualClock(),
        log: fakeLog().log,
        newAttemptId: () => 'a',
      })
      const response = await app.request('/setup', post(REQUEST))
      expect(response.status).toBe(http)
      expect(await response.json()).toEqual({ error: { code: status, message: 'Google says no' } })
    }
  })

  test('GET /healthz answers without touching anything', async () => {
    const { app, reads } = setUp()
    const response = await app.request('/healthz')
    expect([response.status, await response.json()]).toEqual([200, { status: 'ok' }])
    expect(reads).toEqual([])
  })
})
