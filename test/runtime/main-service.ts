import type { Asset, ProbedRetry } from '../../src/contracts/messages.ts'
import type { RunStop } from '../../src/contracts/run-controls.ts'
import type { RunSpec } from '../../src/contracts/run-spec.ts'
import { ManualClock } from '@imagery/local-cloud/internal/kernel/clock'
import type { TableName } from '../../src/google/bigquery/bigquery.ts'
import type { FinalRow } from '../../src/run-data/run-tables.ts'
import type { AttemptRow } from '../../src/runtime/ledger/attempt-row.ts'
import { mainApp } from '../../src/runtime/main/app.ts'
import type { Answer, AnswerOptions } from '../../src/runtime/models/model.ts'
import { Shutdown } from '../../src/runtime/shutdown.ts'
import { FakeRunObjects } from './fake-limits.ts'
import { ANSWER, fakeLog, fakeSpecs, fakeStops, PLACE, post, RUN_ID, SPEC, TASK } from './fixtures.ts'

export interface MainScript {
  answer?: (asset: Asset, signal: AbortSignal, options?: AnswerOptions) => Promise<Answer>
  append?: (row: AttemptRow) => Promise<void>
  specs?: Map<string, RunSpec>
  stops?: Map<string, RunStop>
  /** The ledger's rows, the same for every unit. */
  findRow?: () => Promise<FinalRow | undefined>
  /** Why a run's calls must not be sent from here. */
  refusal?: (spec: RunSpec) => Promise<string | undefined>
  /** Happens when the first queue is paused. */
  onPause?: () => void
  /** The first units of the snapshot, for a probe. */
  firstUnits?: readonly Asset[]
  /** The version of an image; undefined if the service may not look at it. */
  imageVersion?: (uri: string) => Promise<string | undefined>
  /** The run's limits, which other instances can share. */
  objects?: FakeRunObjects
}

/** The main service over a scripted model and ledger. */
export function mainService({
  answer = async () => ANSWER,
  append = async () => {},
  specs = new Map([[RUN_ID, SPEC]]),
  stops = new Map(),
  findRow = async () => undefined,
  refusal = async () => undefined,
  firstUnits = [],
  onPause = () => undefined,
  imageVersion = async () => undefined,
  objects = new FakeRunObjects(),
}: MainScript = {}) {
  const clock = new ManualClock()
  const rows: { table: TableName; row: AttemptRow }[] = []
  const asked: string[] = []
  const lookedUp: string[] = []
  const paused: string[] = []
  const resumed: string[] = []
  const shutdown = new Shutdown()
  const { log, entries } = fakeLog()
  let ids = 0
  const unused = (): never => {
    throw new Error('not for /process')
  }
  const app = mainApp({
    place: PLACE,
    limits: objects.limits(clock),
    specs: fakeSpecs(specs, clock).specs,
    stops: fakeStops(stops, clock),
    ledger: {
      withWriter: (work) => work(),
      async append(table, row) {
        await append(row)
        rows.push({ table, row })
      },
    },
    finalRows: {
      find(_spec, { unitId, generation }) {
        lookedUp.push(`${unitId} ${generation}`)
        return findRow()
      },
    },
    shutdown,
    modelFor: async () => ({
      answer(asset, options) {
        asked.push(asset.unit_id)
        return answer(asset, options.signal, options)
      },
    }),
    snapshots: { touch: () => undefined },
    firstUnits: async () => firstUnits,
    unitsNamed: async (_spec, named) =>
      named.flatMap(({ unit_id }) => firstUnits.find((unit) => unit.unit_id === unit_id) ?? []),
    imageVersion,
    createRunTables: unused,
    isLedgerReady: unused,
    permissions: { inProject: unused, onAccount: unused, onBucket: unused },
    imageBuckets: unused,
    ensureQueue: unused,
    refusal,
    async pauseQueue(name) {
      if (paused.length === 0) onPause()
      paused.push(name)
      return 'paused'
    },
    resumeQueue: async (name) => void resumed.push(name),
    deleteLiveView: unused,
    deleteQueue: unused,
    clock,
    log,
    newAttemptId: () => `attempt-${(ids += 1)}`,
  })
  const process = (task: unknown = TASK, headers: Record<string, string> = {}): Promise<Response> =>
    Promise.resolve(app.request('/process', post(task, headers)))
  const probe = (retry?: ProbedRetry): Promise<Response> =>
    Promise.resolve(app.request('/probe', post({ v: 1, run_id: RUN_ID, ...(retry ? { retry } : {}) })))
  return { probe, clock, rows, asked, lookedUp, paused, resumed, shutdown, entries, process, app }
}
