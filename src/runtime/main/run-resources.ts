import { allEnded } from '../../contracts/all-ended.ts'
import { tablePath, type DeploymentRef } from '../../contracts/names.ts'
import type { RunSpec } from '../../contracts/run-spec.ts'
import { CloudError } from '../../google/transport/errors.ts'
import type { QueueLimits } from '../../google/rest/queues.ts'
import { queueLimits, runQueueNames } from '../run-queues.ts'
import { RunNotFound, type RunSpecs } from '../run-specs.ts'
import { RunStopped, type RunStops } from '../run-stops.ts'
import { SpecError } from '../spec-rules.ts'
import type { Clock } from '../clock.ts'
import { controlQueueNames } from '../heartbeat/control-queue.ts'
import type { RunControl } from '../heartbeat/run-control.ts'
import type { OwnPermissions } from './own-roles.ts'

/** Creates and deletes a run's cloud resources, except its messages. */
export interface RunResourceDeps {
  place: DeploymentRef
  specs: RunSpecs
  stops: RunStops
  /** The permissions of this service's own account. */
  permissions: OwnPermissions
  /** The buckets of a run's images. */
  imageBuckets: (spec: RunSpec) => Promise<readonly string[]>
  createRunTables: (spec: RunSpec) => Promise<void>
  /** Whether rows that are streamed into the run's ledger arrive. */
  isLedgerReady: (spec: RunSpec, nowMs: number) => Promise<boolean>
  clock: Clock
  ensureQueue: (name: string, limits: QueueLimits) => Promise<'created' | 'existed'>
  pauseQueue: (name: string) => Promise<'paused' | 'absent'>
  resumeQueue: (name: string) => Promise<void>
  deleteQueue: (name: string) => Promise<'deleted' | 'absent'>
  deleteLiveView: (spec: RunSpec) => Promise<void>
}

export interface SetUp {
  run_id: string
  /** The full names of the run's queues, for its shard messages. */
  queues: string[]
  /** Queues that did not exist before. */
  queues_created: string[]
  /** `project.dataset.table`. */
  attempts_table: string
  live_view: string
  /** Whether the ledger stores rows. If not yet, the request is repeated before any model is called. */
  ledger_ready: boolean
}

/**
 * Creates a run's ledger, live view and queues; existing ones stay unchanged, but paused queues send their tasks again:
 * the command line pauses them when no task reaches this service. Rejects with RunNotFound when the run has no
 * spec, with RunStopped when it was stopped and not resumed, with SpecError when its profile cannot become tables, and with CloudError PERMISSION_DENIED when a role is
 * missing.
 *
 * @param control lets the run end without a command
 */
export async function setUpRun(
  deps: RunResourceDeps,
  runId: string,
  control?: Pick<RunControl, 'chain' | 'heartbeats'> & { url: string | undefined },
): Promise<SetUp> {
  const spec = await deps.specs.refresh(runId)
  await deps.stops.checkNow(spec)
  await refuseProfile(spec)
  const { checkImageBuckets, checkOwnRoles } = await import('./own-roles.ts')
  await checkOwnRoles(spec, deps.permissions)
  await checkImageBuckets(spec, () => deps.imageBuckets(spec), deps.permissions)
  await (await control?.heartbeats())?.prepare(spec)
  const [, queues] = await allEnded([deps.createRunTables(spec), ensureRunQueues(deps, spec)])
  if (control?.url !== undefined) await control.chain.begin(runId, control.url)
  const { waitForLedger } = await import('../ledger/ledger-ready.ts')
  const isReady = await waitForLedger(spec, { isReady: deps.isLedgerReady, clock: deps.clock })
  await checkStillThere(deps, spec)
  return {
    run_id: runId,
    queues: queues.map(({ name }) => name),
    queues_created: queues.filter(({ outcome }) => outcome === 'created').map(({ name }) => name),
    attempts_table: tablePath(spec.tables, spec.tables.attempts),
    live_view: tablePath(spec.tables, spec.tables.live),
    ledger_ready: isReady,
  }
}

/** The command line makes the same check, but another program can have written the spec. */
async function refuseProfile({ run_id: runId, profile }: RunSpec): Promise<void> {
  // Loaded when it is needed: a new instance must pass its health check first.
  const { checkProfile } = await import('../../profiles/profile-check.ts')
  const problems = checkProfile(profile).map(({ path, reason }) => `${path.join('.')} ${reason}`)
  if (problems.length > 0) throw new SpecError(`the profile of run ${runId} is not valid: ${problems.join('; ')}`)
}

/**
 * A concurrent teardown can have missed the resources created here. It removes the spec before it deletes anything. A
 * concurrent cancel can have paused the queues before they existed or were resumed here. It records the stop before that.
 */
async function checkStillThere(deps: RunResourceDeps, spec: RunSpec): Promise<void> {
  try {
    await deps.specs.refresh(spec.run_id)
    await deps.stops.checkNow(spec)
  } catch (error) {
    if (error instanceof RunStopped) await pauseRun(deps, spec.run_id)
    if (error instanceof RunNotFound) {
      await tearDownRun(deps, spec.run_id)
      await deps.deleteLiveView(spec)
    }
    throw error
  }
}

/**
 * Creates the run's queues with the first available names: Cloud Tasks refuses the name of a deleted queue with
 * FAILED_PRECONDITION.
 */
async function ensureRunQueues(
  { place, ensureQueue, resumeQueue }: RunResourceDeps,
  spec: RunSpec,
): Promise<{ name: string; outcome: 'created' | 'existed' }[]> {
  const queues: { name: string; outcome: 'created' | 'existed' }[] = []
  const limits = queueLimits(spec.limits)
  let refusal: unknown
  for (const name of runQueueNames(place, spec.run_id)) {
    if (queues.length === spec.limits.queues) break
    try {
      const outcome = await ensureQueue(name, limits)
      if (outcome === 'existed') await resumeQueue(name)
      queues.push({ name, outcome })
    } catch (error) {
      if (!(error instanceof CloudError) || error.status !== 'FAILED_PRECONDITION') throw error
      refusal = error
    }
  }
  if (queues.length === 0) throw refusal
  return queues
}

/** Pauses a run's queues and forgets its spec and that it was not stopped, so that later tasks see the run's current state. */
export async function pauseRun(
  { place, specs, stops, pauseQueue }: RunResourceDeps,
  runId: string,
): Promise<{ run_id: string; queues_paused: string[] }> {
  specs.forget(runId)
  stops.forget(runId)
  const names = runQueueNames(place, runId)
  const outcomes = await Promise.all(names.map((name) => pauseQueue(name)))
  return { run_id: runId, queues_paused: names.filter((_, index) => outcomes[index] === 'paused') }
}

/** Pauses a stopped run's queues, unless it is resumed meanwhile: then they send their tasks again. */
export async function holdStoppedRun(deps: RunResourceDeps, runId: string): Promise<void> {
  const { queues_paused: paused } = await pauseRun(deps, runId)
  try {
    await deps.stops.checkNow(await deps.specs.get(runId))
  } catch (error) {
    if (error instanceof RunStopped) return
    throw error
  }
  await Promise.all(paused.map((name) => deps.resumeQueue(name)))
}

/** Deletes a run's queues, its control queue too, under every possible name. Ignores a run that does not exist. */
export async function tearDownRun(
  { place, specs, deleteQueue }: RunResourceDeps,
  runId: string,
): Promise<{ run_id: string; queues_deleted: string[] }> {
  specs.forget(runId)
  const names = [...runQueueNames(place, runId), ...controlQueueNames(place, runId)]
  const outcomes = await Promise.all(names.map((name) => deleteQueue(name)))
  return { run_id: runId, queues_deleted: names.filter((_, index) => outcomes[index] === 'deleted') }
}
