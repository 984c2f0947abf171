import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { MAX_IMAGES_PER_REQUEST } from '../../src/contracts/model-options.ts'
import { CloudError } from '../../src/google/transport/errors.ts'
import { newTask } from '../../src/runtime/populate/new-task.ts'
import { RUN_ID, SPEC } from './fixtures.ts'
import { asset, envelope, populateService, QUEUE, SHARD } from './populate-service.ts'

describe('an asset that cannot become a task', () => {
  // 100 KB: https://cloud.google.com/tasks/docs/quotas
  test('because its list of images is too long gets a failed row, and the others get their tasks', async () => {
    const observations = Array.from({ length: 1_000 }, (_, index) => ({
      observation_id: `o${index}`,
      gcs_uri: `gs://images/${'x'.repeat(100)}/${index}.jpg`,
      capture_time: null,
    }))
    const { push, rows } = populateService({ assets: [asset(1), asset(2, { observations }), asset(3)] })
    expect((await push()).body).toEqual({ outcome: 'populated', created: 2, existed: 0, unfit: 1 })
    expect(rows).toEqual([
      expect.objectContaining({
        asset_id: 'asset-2',
        attempt_id: `populate-${createHash('sha256').update('asset-2\n0').digest('hex').slice(0, 32)}`,
        status: 'failed',
        cause: 'unreadable_image',
        error_message: expect.stringContaining('a task with its 1000 image addresses would have'),
      }),
    ])
  })

  test('because its snapshot row is unusable gets a failed row that says why', async () => {
    const { push, rows } = populateService({ assets: [asset(1, { asset_id: '' })] })
    expect((await push()).body).toMatchObject({ created: 0, unfit: 1 })
    expect(rows[0]).toMatchObject({ status: 'failed', error_message: expect.stringContaining('asset_id: ') })
  })

  test('whose row cannot be written returns the shard to Pub/Sub', async () => {
    const { push } = populateService({
      assets: [asset(1, { asset_id: '' })],
      appendAttempt: () => Promise.reject(new CloudError('UNAVAILABLE', 'down')),
    })
    expect((await push()).status).toBe(503)
  })
})

describe('messages', () => {
  test.each([
    ['an unknown version', { ...SHARD, v: 2 }, 'v: '],
    ['buckets out of range', { ...SHARD, bucket_to: 2_000 }, 'bucket_to: '],
    ['buckets in the wrong order', { ...SHARD, bucket_from: 50 }, 'bucket_from is after bucket_to'],
    [
      'another run’s queue',
      { ...SHARD, queue: QUEUE.replace('9f3c1a7b', '00000000') },
      `is not a queue of run ${RUN_ID}`,
    ],
    ['a queue elsewhere', { ...SHARD, queue: QUEUE.replace('demo', 'other') }, `is not a queue of run ${RUN_ID}`],
    ['no JSON', 'not json', 'its data is not JSON'],
  ])(
    'with %s in a valid envelope are acknowledged and logged as an ERROR with the reason',
    async (_what, data, reason) => {
      const { push, entries, tasks } = populateService()
      const { status, body } = await push(envelope(data))
      expect(status).toBe(200)
      expect(body).toEqual({ outcome: 'dropped', reason: expect.stringContaining(reason) })
      expect(entries).toEqual([
        expect.objectContaining({
          severity: 'ERROR',
          message: expect.stringContaining(reason),
          message_id: '136969346945',
        }),
      ])
      expect(tasks.size).toBe(0)
    },
  )

  test.each([
    ['no JSON', 'hello'],
    ['a bare shard', SHARD],
    ['data that is not base64', { message: { data: '!', messageId: '1' }, subscription: 's' }],
  ])('that are not push deliveries (%s) are refused with 400', async (_what, body) => {
    const { push, entries } = populateService()
    expect((await push(body)).status).toBe(400)
    expect(entries.map(({ severity }) => severity)).toEqual(['ERROR'])
  })

  test('of a run that was torn down are acknowledged', async () => {
    const { push, entries } = populateService({ specs: new Map() })
    expect(await push()).toEqual({ status: 200, body: { outcome: 'run_gone' } })
    expect(entries.map(({ severity }) => severity)).toEqual(['WARNING'])
  })

  test('of a run that is torn down during delivery are acknowledged', async () => {
    const specs = new Map([[RUN_ID, SPEC]])
    const { push } = populateService({
      specs,
      createTaskBatch() {
        specs.delete(RUN_ID)
        throw new CloudError('NOT_FOUND', 'no such queue')
      },
    })
    expect((await push()).body).toEqual({ outcome: 'run_gone' })
  })

  test('whose queue is missing while the run exists are redelivered', async () => {
    const { push } = populateService({
      createTaskBatch() {
        throw new CloudError('NOT_FOUND', 'no such queue')
      },
    })
    expect((await push()).status).toBe(500)
  })
})

test('a unit with more images than Gemini accepts is never cut silently: its list does not fit a task', () => {
  const observation = { observation_id: '', gcs_uri: 'gs://b/o', capture_time: null }
  const observations = Array.from({ length: MAX_IMAGES_PER_REQUEST }, () => observation)
  const made = newTask(asset(1, { observations }), SHARD, SPEC, { mainUrl: 'https://main.run.app', invoker: 'i' })
  expect(made).toEqual({
    unfit: expect.stringMatching(
      /^a task with its 3000 image addresses would have \d+ bytes, but Cloud Tasks accepts at most \d+; use fewer images per unit/,
    ) as string,
  })
})

test('a unit whose only image has an address that does not fit a task says what is too long', () => {
  const observations = [{ observation_id: '', gcs_uri: `gs://b/${'o'.repeat(120_000)}`, capture_time: null }]
  const made = newTask(asset(1, { observations }), SHARD, SPEC, { mainUrl: 'https://main.run.app', invoker: 'i' })
  expect(made).toEqual({
    unfit: expect.stringMatching(
      /^a task with its 1 image address would have \d+ bytes, .* at most \d+; .* or shorter addresses$/,
    ) as string,
  })
})

test('GET /healthz answers', async () => {
  expect((await populateService().app.request('/healthz')).status).toBe(200)
})
