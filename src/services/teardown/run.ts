import { ImageryError } from '../../contracts/errors.ts'
import {
  bucketName,
  imagesTable,
  mainService,
  runObjectsPrefix,
  runTeardownPath,
  snapshotJobId,
  subscriptionName,
  tableAt,
  tablePath,
  topicName,
} from '../../contracts/names.ts'
import { REVIEWS_LABEL } from '../../contracts/labels.ts'
import type { StartedRun } from '../../contracts/run-record.ts'
import type { RunReport } from '../../contracts/run-report.ts'
import { isRunId } from '../../contracts/run-id.ts'
import type { RunSpec } from '../../contracts/run-spec.ts'
import type { Step, StepOutcome } from '../../contracts/steps.ts'
import { deleteDatasetIfEmpty, deleteTable, describeTable, type TableName } from '../../google/bigquery/bigquery.ts'
import { versionsTable } from '../../run-data/carried.ts'
import { cancelQuery } from '../../google/bigquery/jobs.ts'
import { CloudError } from '../../google/transport/errors.ts'
import { callService } from '../../google/cloud-run/invoke.ts'
import { deleteSubscription, deleteTopic } from '../../google/rest/pubsub-messages.ts'
import { allQueues, workQueues } from '../../run-data/run-queues.ts'
import {
  deleteRunTables,
  isLedgerUnused,
  describeOwnTable,
  findRunTables,
  runTable,
  type FoundTable,
} from '../../run-data/run-tables.ts'
import { deleteObject, deleteObjects } from '../../google/storage/storage.ts'
import { ServiceTokenError } from '../../google/auth/service-tokens.ts'
import { deleteQueue } from '../../google/tasks.ts'
import { findService } from '../../google/cloud-run/find-service.ts'
import { expectedFailure } from '../failures/cloud-failure.ts'
import { missingRoleFailure } from '../failures/missing-role.ts'
import { drain } from '../runs/drain.ts'
import { findRunId, runNotFound } from '../runs/find.ts'
import { runReport } from '../runs/report.ts'
import { deleteRunRecord, loadLeavingRun, loadRunRecord, saveLeavingRun, type RunRecord } from '../runs/record.ts'
import { forgetSample } from '../runs/sample-record.ts'
import { reviewsTable } from '../results/reviews-table.ts'
import type { StateStore } from '../session/state-store.ts'
import type { Target } from '../session/target.ts'
import { completeRun, writeResultsSoFar } from '../runs/watch.ts'
import { countText } from '../../contracts/count-text.ts'

export interface TeardownContext {
  target: Target
  store: StateStore
  runId: string
  deleteResults: boolean
  /** Ends the wait for tasks in flight. */
  signal?: AbortSignal | undefined
  record?: RunRecord
  spec?: RunSpec
  /** The start of a run that was never recorded. */
  started?: StartedRun
  /** Tables of a run that has no record in the bucket. */
  found: FoundTable[]
  report?: RunReport
  /** The full name of the table of a saved review, if there is one. */
  reviews?: string
  /** Full names of deleted resources. */
  deleted: string[]
  /** Full names of kept resources. */
  kept: string[]
  warnings: string[]
}

type Base = Pick<TeardownContext, 'target' | 'store' | 'deleteResults' | 'signal'>

/** Finds what there is to tear down. With a full run ID, the run need not have a record: the names of its resources contain the ID. */
export async function teardownContext(base: Base, typed: string): Promise<TeardownContext> {
  const runId = await findRunId(base.target, base.store, typed).catch((error: unknown) => {
    if (error instanceof ImageryError && error.code === 'RUN_NOT_FOUND' && isRunId(typed)) return typed
    throw error
  })
  const record = await loadRunRecord(base.target, runId)
  const leaving = record?.kind === 'leaving' ? record.leaving : undefined
  const spec = record?.kind === 'recorded' ? record.spec : leaving?.spec
  const started = record?.kind === 'loading' ? record.started : leaving?.started
  const report = leaving?.report ?? base.store.run(runId)?.tornDown
  const results = spec ? runTable(spec.tables, 'results') : tableNamed(report?.results_table)
  const reviews = results && (await savedReviews(runId, results, base))
  return {
    ...base,
    runId,
    ...(record ? { record } : {}),
    ...(spec ? { spec } : {}),
    ...(started ? { started } : {}),
    ...(report ? { report } : {}),
    ...(reviews === undefined ? {} : { reviews }),
    found: record ? [] : await findRunTables(base.target.place.projectId, runId),
    deleted: [],
    kept: [],
    warnings: [],
  }
}

/** The table of a review has a label of its own: it is a person's work, which only `--delete-results` deletes. */
async function savedReviews(
  runId: string,
  results: TableName,
  { deleteResults }: Pick<Base, 'deleteResults'>,
): Promise<string | undefined> {
  const name = reviewsTable(results)
  const table = await describeTable(name).catch((error: unknown) => {
    // A teardown that leaves results alone needs no access to them.
    if (!deleteResults && error instanceof CloudError && error.status === 'PERMISSION_DENIED') return undefined
    throw error
  })
  return table?.labels[REVIEWS_LABEL] === runId ? tablePath(name, name.table) : undefined
}

function tableNamed(path: string | null | undefined): TableName | undefined {
  return path === null || path === undefined ? undefined : tableAt(path)
}

/** Returns the tables that `--delete-results` would delete, for the confirmation. */
export function resultTables(context: TeardownContext): string[] {
  return [...ownTables(context), ...(context.reviews === undefined ? [] : [context.reviews])]
}

/** The tables with the label of the run. */
function ownTables({ spec, report, found }: TeardownContext): string[] {
  if (spec) return [spec.tables.results, spec.tables.attempts].map((table) => tablePath(spec.tables, table))
  const remembered = [report?.results_table, report?.attempts_table].filter((table) => typeof table === 'string')
  const labeled = found.filter(({ isScratch }) => !isScratch).map((name) => tablePath(name, name.table))
  return [...new Set([...remembered, ...labeled])]
}

/**
 * Returns the steps that delete a run's resources. Each step is idempotent. Results and ledger are
 * kept unless `deleteResults` is set.
 *
 * The run's record is deleted first, so that no command continues the run and no task calls the
 * model. A copy for the teardown is deleted last, so that an interrupted teardown can be repeated
 * from any machine. The results are counted when no task is in flight.
 */
export function teardownSteps({ deleteResults }: Pick<TeardownContext, 'deleteResults'>): Step<TeardownContext>[] {
  return [stopTheRun, ...removalSteps({ deleteResults })]
}

/** The same for a run that another teardown has stopped already. */
export function removalSteps({ deleteResults }: Pick<TeardownContext, 'deleteResults'>): Step<TeardownContext>[] {
  return [messages, waitForTasks, count, queues, scratchTables, ...(deleteResults ? [dropResults] : []), objects]
}

const stopTheRun: Step<TeardownContext> = {
  title: 'Stop the run',
  async run({ target, runId, record, spec, started, deleteResults }) {
    if (!record) return { skipped: 'not recorded' }
    const leaving = record.kind === 'leaving' ? record.leaving : undefined
    // Keeps the counts of an earlier teardown, because its tables may be deleted.
    if (!leaving || (deleteResults && !leaving.delete_results)) {
      await saveLeavingRun(target.place, {
        v: 1,
        run_id: runId,
        delete_results: deleteResults,
        spec: spec ?? null,
        started: started ?? null,
        report: leaving?.report ?? null,
      })
    }
    await deleteRunRecord(target.place, runId)
    return { done: 'no command can continue it' }
  },
}

const messages: Step<TeardownContext> = {
  title: 'Subscription and topic',
  async run({ target: { place }, runId, deleted }) {
    const subscription = subscriptionName(place, runId)
    const topic = topicName(place, runId)
    const before = deleted.length
    if ((await deleteSubscription(subscription)) === 'deleted') deleted.push(subscription)
    if ((await deleteTopic(topic)) === 'deleted') deleted.push(topic)
    return outcome(deleted.length - before)
  },
}

const waitForTasks: Step<TeardownContext> = {
  title: 'Tasks in flight',
  async run({ target, runId, spec, signal, warnings }, reporter) {
    const names = await workQueues({ place: target.place, run_id: runId })
    if (names.length === 0) return { skipped: 'no queue' }
    return drain(names, { place: target.place, runId, spec, signal, warnings, reporter })
  },
}

const count: Step<TeardownContext> = {
  title: 'Results',
  async run(context) {
    const { target, runId, spec, deleteResults, kept } = context
    const leaving = await loadLeavingRun(target.place, runId)
    if (!spec || !leaving) return { skipped: 'nothing to keep' }
    const report = leaving.report ?? (await countedReport(context, spec))
    await saveLeavingRun(target.place, { ...leaving, report })
    context.report = report
    if (deleteResults) return { done: 'counted' }
    const ledger = await describeTable(runTable(spec.tables, 'attempts'))
    const isKept = ledger !== undefined && !(await isLedgerUnused(spec))
    const tables = [report.results_table, isKept ? report.attempts_table : null, context.reviews ?? null]
    kept.push(...tables.filter((name) => name !== null))
    return report.results_table === null ? { skipped: 'none yet' } : { done: `kept in ${report.results_table}` }
  },
}

async function countedReport({ target, deleteResults }: TeardownContext, spec: RunSpec): Promise<RunReport> {
  const report = await runReport(spec)
  if (deleteResults) return { ...report, state: 'torn_down' }
  try {
    const write = report.state === 'complete' ? completeRun : writeResultsSoFar
    return { ...(await write(spec, report)), state: 'torn_down' }
  } catch (error) {
    // Another teardown has already counted, and deleted the view that the rows come from.
    const isGone = error instanceof CloudError && error.status === 'NOT_FOUND'
    const counted = isGone ? (await loadLeavingRun(target.place, spec.run_id))?.report : undefined
    if (!counted) throw error
    return counted
  }
}

const queues: Step<TeardownContext> = {
  title: 'Queue',
  async run(context) {
    const { target, runId, deleted } = context
    const names = await allQueues({ place: target.place, run_id: runId })
    if (names.length === 0) return outcome(0)
    const main = await findService(target.place, mainService(target.place))
    const answer = main?.ready
      ? await callService(main.url, '/teardown', {
          method: 'POST',
          body: { v: 1, run_id: runId },
          timeoutMs: 120_000,
        }).catch((error: unknown) => (error instanceof ServiceTokenError ? undefined : Promise.reject(error)))
      : undefined
    // If the service is missing or failed, use the caller's own permissions.
    if (answer?.status !== 200) {
      for (const name of names)
        await deleteQueue(name).catch((error: unknown) => Promise.reject(mayNotDelete(error, target)))
    }
    deleted.push(...names)
    return outcome(names.length)
  },
}

/** A user who starts runs may only view queues. The services, or an account with their role, can delete them. */
function mayNotDelete(error: unknown, { place, flags }: Target): unknown {
  const first = [`imagery deploy${flags}   (its services can delete the queue)`]
  return missingRoleFailure(error, { place, to: 'runtime', what: 'Deleting the queue of the run', roles: [], first })
}

const scratchTables: Step<TeardownContext> = {
  title: 'Scratch tables',
  async run({ target, runId, spec, started, found, deleted }) {
    const before = deleted.length
    for (const name of found.filter(({ isScratch }) => isScratch))
      if ((await deleteTable(name)) === 'deleted') deleted.push(tablePath(name, name.table))
    const tables = spec?.tables ?? started?.tables
    if (spec && ((await describeTable(runTable(spec.tables, 'assets')))?.rows ?? 0) === 0) {
      const { location } = spec.source
      await cancelQuery(snapshotJobId(runId), { projectId: target.place.projectId, location })
    }
    const unused = spec && (await isLedgerUnused(spec)) ? (['attempts'] as const) : []
    if (tables) deleted.push(...(await deleteRunTables(tables, ['live', 'assets', 'source', ...unused])))
    // An interrupted run can have left the table in which it compared images.
    if (spec?.carry && (await deleteTable(versionsTable(spec.tables))) === 'deleted')
      deleted.push(tablePath(spec.tables, imagesTable(spec.tables)))
    return outcome(deleted.length - before)
  },
}

/** After the view of current rows, so that no other command still writes results from it. */
const dropResults: Step<TeardownContext> = {
  title: 'Results and ledger',
  async run(context) {
    const gone = await deleteOwnTables(ownTables(context), context.runId)
    const reviews = tableNamed(context.reviews)
    if (reviews && context.reviews !== undefined && (await deleteTable(reviews)) === 'deleted')
      gone.push(context.reviews)
    context.deleted.push(...gone)
    return outcome(gone.length)
  },
}

const objects: Step<TeardownContext> = {
  title: 'Objects in the bucket',
  async run(context, reporter) {
    const { target, runId, spec, started, deleted } = context
    const bucket = bucketName(target.place)
    const prefix = runObjectsPrefix(runId)
    const last = runTeardownPath(runId)
    const deletedCount = await deleteObjects(bucket, prefix, {
      except: last,
      progress: (done) => reporter.detail(`${done} deleted`),
    })
    if (spec) await forgetSample(spec)
    if (started?.makes_dataset) await deleteDatasetIfEmpty(started.tables)
    remember(context)
    const isLastGone = (await deleteObject(`gs://${bucket}/${last}`)) === 'deleted'
    if (deletedCount > 0 || isLastGone) deleted.push(`gs://${bucket}/${prefix}`)
    return outcome(deletedCount + (isLastGone ? 1 : 0))
  },
}

function remember({ target, store, runId, report, deleteResults }: TeardownContext): void {
  if (!report) return
  store.rememberRun(runId, {
    targetKey: target.key,
    startedAt: store.run(runId)?.startedAt ?? report.started_at,
    tornDown: {
      ...report,
      state: 'torn_down',
      results_table: deleteResults ? null : report.results_table,
    },
  })
}

/** Returns the error for a teardown that was interrupted or failed, with the command that finishes it. */
export function errorForUnfinishedTeardown(error: unknown, { target, runId, deleteResults }: TeardownContext): unknown {
  const known = expectedFailure(error, target.place)
  if (!(known instanceof ImageryError)) return error
  const again = `imagery teardown ${runId}${target.flags}${deleteResults ? ' --delete-results' : ''}`
  if (known.code === 'CANCELLED') {
    return new ImageryError('CANCELLED', `Interrupted; the teardown of run ${runId} is not finished`, {
      suggestions: [again],
    })
  }
  return new ImageryError(known.code, known.message, {
    suggestions: [...new Set([...known.suggestions, again])],
    cause: error,
  })
}

/** @throws ImageryError RUN_NOT_FOUND if there was no trace of the run */
export function checkRunExisted({ target, runId, record, report, deleted }: TeardownContext): void {
  if (!record && !report && deleted.length === 0) throw runNotFound(target, runId)
}

function outcome(deleted: number): StepOutcome {
  return deleted === 0 ? { skipped: 'nothing to delete' } : { done: `${countText(deleted)} deleted` }
}

async function deleteOwnTables(names: readonly string[], runId: string): Promise<string[]> {
  const gone: string[] = []
  for (const name of names) {
    const own = tableNamed(name)!
    if (!(await describeOwnTable(own, runId))) continue
    if ((await deleteTable(own)) === 'deleted') gone.push(name)
  }
  return gone
}
