import { ImageryError } from '../contracts/errors.ts'
import {
  bucketName,
  mainService,
  runObjectsPrefix,
  runSpecPath,
  subscriptionName,
  tablePath,
  topicName,
} from '../contracts/names.ts'
import type { RunReport } from '../contracts/run-report.ts'
import { isRunId } from '../contracts/run-id.ts'
import type { RunSpec } from '../contracts/run-spec.ts'
import type { Step, StepOutcome } from '../contracts/steps.ts'
import { deleteTable } from '../google/bigquery.ts'
import { callService } from '../google/invoke.ts'
import { deleteSubscription, deleteTopic } from '../google/pubsub.ts'
import { deleteRunTables, describeOwnTable, type RunTableRole } from '../google/run-tables.ts'
import { deleteObject, deleteObjects } from '../google/storage.ts'
import { CallRefused } from '../google/service-tokens.ts'
import { deleteQueue } from '../google/tasks.ts'
import { describeService } from '../google/run.ts'
import { findRunId, loadRunSpec, runNotFound } from './find-run.ts'
import { runQueues, runReport } from './run-progress.ts'
import type { StateStore } from './state-store.ts'
import type { Target } from './target.ts'
import { completeRun, writeResultsSoFar } from './watch-run.ts'

export interface TeardownContext {
  target: Target
  store: StateStore
  runId: string
  deleteResults: boolean
  spec?: RunSpec
  report?: RunReport
  /** Full names of what was deleted. */
  deleted: string[]
  /** Full names of what stays. */
  kept: string[]
}

/** Finds what there is to tear down. A whole run id need not be known: its names alone lead to what is left. */
export async function teardownContext(
  base: Pick<TeardownContext, 'target' | 'store' | 'deleteResults'>,
  typed: string,
): Promise<TeardownContext> {
  const runId = await findRunId(base.target, base.store, typed).catch((error: unknown) => {
    if (error instanceof ImageryError && error.code === 'RUN_NOT_FOUND' && isRunId(typed)) return typed
    throw error
  })
  const spec = await loadRunSpec(base.target, runId)
  const remembered = base.store.run(runId)?.tornDown
  const report = spec ? await runReport(spec) : remembered
  return { ...base, runId, ...(spec ? { spec } : {}), ...(report ? { report } : {}), deleted: [], kept: [] }
}

/** The tables that `--delete-results` would drop, for the question before it. */
export function resultTables({ spec, report }: TeardownContext): string[] {
  if (spec) return [spec.tables.results, spec.tables.attempts].map((table) => tablePath(spec.tables, table))
  return [report?.results_table, report?.attempts_table].filter((table) => typeof table === 'string')
}

/**
 * Removes all that a run made, each step by itself idempotent. Results and ledger stay unless
 * asked for. The run's spec goes last: while it is there, a teardown that was interrupted can be
 * repeated from any machine.
 */
export const teardownSteps: readonly Step<TeardownContext>[] = [
  {
    title: 'Subscription and topic',
    async run({ target: { place }, runId, deleted }) {
      const subscription = subscriptionName(place, runId)
      const topic = topicName(place, runId)
      const before = deleted.length
      if ((await deleteSubscription(subscription)) === 'deleted') deleted.push(subscription)
      if ((await deleteTopic(topic)) === 'deleted') deleted.push(topic)
      return outcome(deleted.length - before)
    },
  },
  {
    title: 'Queue',
    async run(context) {
      const { target, runId, deleted } = context
      const queues = await runQueues({ place: target.place, run_id: runId })
      if (queues.length === 0) return outcome(0)
      const main = await describeService(target.place, mainService(target.place))
      const answer = main?.ready
        ? await callService(main.url, '/teardown', {
            method: 'POST',
            body: { v: 1, run_id: runId },
            timeoutMs: 120_000,
          }).catch((error: unknown) => (error instanceof CallRefused ? undefined : Promise.reject(error)))
        : undefined
      // Without the service, or where it could not or would not, the caller's own permissions have to do.
      if (answer?.status !== 200) for (const queue of queues) await deleteQueue(queue)
      deleted.push(...queues)
      return outcome(queues.length)
    },
  },
  {
    title: 'Results',
    async run(context) {
      const { spec, report, deleteResults, deleted, kept } = context
      if (deleteResults) {
        const names = resultTables(context)
        const gone = await deleteOwnTables(names, context.runId)
        deleted.push(...gone)
        return outcome(gone.length)
      }
      if (!spec || !report) return { skipped: 'nothing to keep' }
      const written =
        report.state === 'complete' ? await completeRun(spec, report) : await writeResultsSoFar(spec, report)
      context.report = written
      kept.push(...[written.results_table, written.attempts_table].filter((name) => name !== null))
      return written.results_table === null
        ? { skipped: 'there are none yet' }
        : { done: `kept in ${written.results_table}` }
    },
  },
  {
    title: 'Scratch tables',
    async run({ spec, deleted }) {
      if (!spec) return outcome(0)
      const roles: RunTableRole[] = ['live', 'assets', 'source']
      const gone = await deleteRunTables(spec.tables, roles)
      deleted.push(...gone)
      return outcome(gone.length)
    },
  },
  {
    title: 'Objects in the bucket',
    async run(context, reporter) {
      const { target, runId, deleted, store, report } = context
      const bucket = bucketName(target.place)
      const prefix = runObjectsPrefix(runId)
      const spec = runSpecPath(runId)
      const count = await deleteObjects(bucket, prefix, {
        except: spec,
        progress: (done) => reporter.detail(`${done} deleted`),
      })
      const isSpecGone = (await deleteObject(`gs://${bucket}/${spec}`)) === 'deleted'
      if (count > 0 || isSpecGone) deleted.push(`gs://${bucket}/${prefix}`)
      const remembered = store.run(runId)
      if (report) {
        const tornDown = {
          ...report,
          state: 'torn_down' as const,
          results_table: context.deleteResults ? null : report.results_table,
        }
        store.rememberRun(runId, {
          targetKey: target.key,
          startedAt: remembered?.startedAt ?? report.started_at,
          tornDown,
        })
      }
      return outcome(count + (isSpecGone ? 1 : 0))
    },
  },
]

/** @throws ImageryError RUN_NOT_FOUND when there was no trace of the run anywhere */
export function checkTornDown({ target, runId, spec, report, deleted }: TeardownContext): void {
  if (!spec && !report && deleted.length === 0) throw runNotFound(target, runId)
}

function outcome(deleted: number): StepOutcome {
  return deleted === 0 ? { skipped: 'nothing there' } : { done: `${deleted.toLocaleString('en')} deleted` }
}

async function deleteOwnTables(names: readonly string[], runId: string): Promise<string[]> {
  const gone: string[] = []
  for (const name of names) {
    const [table = '', dataset = '', ...project] = name.split('.').toReversed()
    const own = { projectId: project.toReversed().join('.'), dataset, table }
    if (!(await describeOwnTable(own, runId))) continue
    if ((await deleteTable(own)) === 'deleted') gone.push(name)
  }
  return gone
}
