import type { TaskPayload } from '../../src/contracts/messages.ts'
import { runTables, type DeploymentRef } from '../../src/contracts/names.ts'
import type { RunStop } from '../../src/contracts/run-controls.ts'
import { runSpec, type RunSpec } from '../../src/contracts/run-spec.ts'
import { ManualClock } from '@imagery/local-cloud/internal/kernel/clock'
import { CloudError } from '../../src/google/transport/errors.ts'
import { createLogger } from '../../src/runtime/log.ts'
import type { Answer } from '../../src/runtime/models/model.ts'
import { RunSpecs } from '../../src/runtime/run-specs.ts'
import { RunStops } from '../../src/runtime/run-stops.ts'
import { checkSpec } from '../../src/runtime/spec-rules.ts'

export const RUN_ID = '261123-9f3c1a7b'
export const PLACE: DeploymentRef = { projectId: 'demo', region: 'us-central1' }
export const BUCKET = 'imagery-demo-us-central1'

export const SPEC: RunSpec = runSpec.parse({
  v: 1,
  run_id: RUN_ID,
  created_at: '2026-11-23T10:00:00Z',
  created_by: 'someone@example.com',
  place: PLACE,
  source: {
    projectId: 'demo',
    dataset: 'street',
    table: 'observations',
    given: 'demo.street.observations',
    loaded: false,
    location: 'US',
    image_folder: null,
    asset_column: 'asset_id',
    image_column: 'gcs_uri',
    where: null,
    limit: null,
    sample: null,
    query: 'SELECT 1',
    parameters: {},
  },
  profile: {
    name: 'resolution',
    description: 'Width and height.',
    model: 'pixels',
    measure: 'resolution',
    output: { type: 'object', properties: { width: { type: 'integer' }, note: { type: 'string' } } },
  },
  tables: runTables({ projectId: 'demo', dataset: 'imagery_results_us', profile: 'resolution', runId: RUN_ID }),
  limits: { queues: 2, max_concurrent: 100, max_per_second: 500, max_attempts: 3, attempt_timeout_ms: 30_000 },
})

export const TASK: TaskPayload = {
  v: 1,
  run_id: RUN_ID,
  unit_id: 'sign-1',
  asset_id: 'sign-1',
  location: { latitude: 48.1, longitude: 11.5 },
  detection_time: '2026-10-01T00:00:00Z',
  observations: [{ observation_id: 'o1', gcs_uri: 'gs://images/o1.jpg', capture_time: null }],
  bucket: 17,
  generation: 0,
}

export const ANSWER: Answer = {
  columns: { width: 640, note: 'clear' },
  repaired: false,
  modelVersion: 'pixels-1',
  observationsUsed: TASK.observations,
  inputHash: 'abc',
}

/** A bucket that has the specs of the given runs and counts reads. */
export function fakeSpecs(
  specs: Map<string, RunSpec> = new Map([[RUN_ID, SPEC]]),
  clock = new ManualClock(),
): {
  specs: RunSpecs
  reads: string[]
  clock: ManualClock
} {
  const reads: string[] = []
  const readObject = async (uri: string): Promise<Buffer> => {
    reads.push(uri)
    const spec = [...specs].find(([runId]) => uri === `gs://${BUCKET}/runs/${runId}/run.json`)?.[1]
    if (!spec) throw new CloudError('NOT_FOUND', `no object ${uri}`)
    return Buffer.from(JSON.stringify(spec))
  }
  return {
    specs: new RunSpecs({
      readObject,
      bucket: BUCKET,
      check: (spec) => checkSpec(spec, { place: PLACE, modelOrigins: [] }),
      clock,
    }),
    reads,
    clock,
  }
}

/** The stop that `imagery cancel` records. */
export const CANCELED: RunStop = {
  v: 1,
  run_id: RUN_ID,
  reason: 'canceled',
  message: 'someone@example.com canceled the run',
  failure: null,
  stopped_at: '2026-11-23T10:05:00Z',
}

/** The stops of runs, with a bucket that has those in `stops`. */
export function fakeStops(stops: ReadonlyMap<string, RunStop> = new Map(), clock = new ManualClock()): RunStops {
  return new RunStops({ read: async ({ run_id: runId }) => stops.get(runId), clock })
}

/** A logger and the entries that it wrote. */
export function fakeLog() {
  const entries: { severity: string; message: string; [field: string]: unknown }[] = []
  const log = createLogger({ level: 'DEBUG', write: (line) => void entries.push(JSON.parse(line)), now: () => 0 })
  return { log, entries }
}

/** A promise that the test settles. */
export function deferred<Value>() {
  let resolve!: (value: Value) => void
  let reject!: (error: unknown) => void
  const promise = new Promise<Value>((onValue, onError) => {
    resolve = onValue
    reject = onError
  })
  return { promise, resolve, reject }
}

export function post(body: unknown, headers: Record<string, string> = {}): RequestInit {
  return {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  }
}
