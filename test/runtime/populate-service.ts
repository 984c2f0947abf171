import type { Asset, ShardMessage } from '../../src/contracts/messages.ts'
import type { RunSpec } from '../../src/contracts/run-spec.ts'
import { ManualClock } from '@imagery/local-cloud/internal/kernel/clock'
import type { NewTask } from '../../src/google/tasks.ts'
import type { AttemptRow } from '../../src/runtime/ledger/attempt-row.ts'
import { populateApp } from '../../src/runtime/populate/app.ts'
import { fakeLog, fakeSpecs, PLACE, post, RUN_ID } from './fixtures.ts'

export const QUEUE = `projects/demo/locations/us-central1/queues/imagery-${RUN_ID}`
export const SHARD: ShardMessage = {
  v: 1,
  run_id: RUN_ID,
  queue: QUEUE,
  bucket_from: 0,
  bucket_to: 49,
  generation: 0,
  only_pending: false,
}

export function asset(index: number, extra: Partial<Asset> = {}): Asset {
  const observations = [{ observation_id: `o${index}`, gcs_uri: `gs://images/${index}.jpg`, capture_time: null }]
  return {
    unit_id: `asset-${index}`,
    asset_id: `asset-${index}`,
    location: null,
    detection_time: null,
    observations,
    bucket: 7,
    ...extra,
  }
}

export function assets(count: number): Asset[] {
  return Array.from({ length: count }, (_, index) => asset(index))
}

/** The clock's own start. */
const PUBLISHED = new Date(new ManualClock().now()).toISOString()

/** https://cloud.google.com/pubsub/docs/push#receive_push */
export function envelope(data: unknown, publishTime: string | undefined = PUBLISHED): object {
  const encoded = Buffer.from(typeof data === 'string' ? data : JSON.stringify(data)).toString('base64')
  return {
    message: {
      data: encoded,
      messageId: '136969346945',
      message_id: '136969346945',
      publishTime,
    },
    subscription: `projects/demo/subscriptions/imagery-${RUN_ID}`,
    deliveryAttempt: 1,
  }
}

export interface PopulateScript {
  assets?: Iterable<Asset> | AsyncIterable<Asset>
  createTaskBatch?: (tasks: readonly NewTask[]) => Promise<void> | void
  createTask?: (task: NewTask) => Promise<void> | void
  appendAttempt?: (row: AttemptRow) => Promise<void>
  specs?: Map<string, RunSpec>
  clock?: ManualClock
  /** The newest generation that has begun. */
  newest?: number
}

/** The populate service over a Cloud Tasks that refuses a second task with the same name, as Google's does. */
export function populateService(script: PopulateScript = {}) {
  const { log, entries } = fakeLog()
  const tasks = new Map<string, NewTask>()
  const batches: number[] = []
  const singles: string[] = []
  const rows: AttemptRow[] = []
  const ranges: [number, number][] = []
  const choices: boolean[] = []
  let inFlight = 0
  let mostInFlight = 0
  const add = (task: NewTask): 'created' | 'existed' => {
    if (tasks.has(task.id)) return 'existed'
    tasks.set(task.id, task)
    return 'created'
  }
  const app = populateApp({
    place: PLACE,
    specs: fakeSpecs(script.specs).specs,
    hasBegun: async (_runId, generation) => generation <= (script.newest ?? 0),
    async *streamAssets(_spec, from, to, { onlyPending }) {
      ranges.push([from, to])
      choices.push(onlyPending)
      yield* script.assets ?? assets(3)
    },
    async createTaskBatch(_queue, batch) {
      inFlight += 1
      mostInFlight = Math.max(mostInFlight, inFlight)
      try {
        await script.createTaskBatch?.(batch)
      } finally {
        inFlight -= 1
      }
      batches.push(batch.length)
      const outcomes = batch.map(add)
      const created = outcomes.filter((outcome) => outcome === 'created').length
      return { created, existed: batch.length - created }
    },
    async createTask(_queue, task) {
      await script.createTask?.(task)
      singles.push(task.id)
      return add(task)
    },
    async appendAttempt(_table, row) {
      await script.appendAttempt?.(row)
      rows.push(row)
    },
    target: { mainUrl: 'https://imagery-main-abc.run.app', invoker: 'imagery-invoker@demo.iam.gserviceaccount.com' },
    clock: script.clock ?? new ManualClock(),
    log,
  })
  const push = async (body: unknown = envelope(SHARD)) => {
    const response = await app.request('/', post(body))
    return { status: response.status, body: (await response.json()) as Record<string, unknown> }
  }
  return { app, push, tasks, batches, singles, rows, ranges, choices, entries, mostInFlight: () => mostInFlight }
}
