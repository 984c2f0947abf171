import { countText } from '../../contracts/count-text.ts'
import { ImageryError } from '../../contracts/errors.ts'
import type { RunReport } from '../../contracts/run-report.ts'
import type { RunSpec } from '../../contracts/run-spec.ts'
import type { Step } from '../../contracts/steps.ts'
import { callerMember } from '../../google/auth/caller-member.ts'
import { clearRunStop, recordRunStop } from '../../run-data/run-stop.ts'
import { expectedFailure } from '../failures/cloud-failure.ts'
import type { StateStore } from '../session/state-store.ts'
import type { Target } from '../session/target.ts'
import { drain } from './drain.ts'
import { notifyNow } from './notify-now.ts'
import { findRunId, runNotFound } from './find.ts'
import { loadRunRecord } from './record.ts'
import { workQueues } from '../../run-data/run-queues.ts'
import { runReport } from './report.ts'
import { isTornDownError, requireRun, tornDownErrorOr } from './torn-down.ts'
import { completeRun } from './watch.ts'

export interface CancelContext {
  target: Target
  spec: RunSpec
  /** Ends the wait for calls in progress. */
  signal: AbortSignal
  /** Whether the stop is recorded, so that no more calls start. */
  isStopped: boolean
  warnings: string[]
  report?: RunReport
}

/**
 * Finds a run to cancel.
 *
 * @throws ImageryError RUN_NOT_FOUND, also for a run that was torn down; RUN_TORN_DOWN during a teardown;
 *   RUN_NOT_COMPLETE for a run that is not recorded yet
 */
export async function cancelContext(
  { target, store, signal }: { target: Target; store: StateStore; signal: AbortSignal },
  typed: string | undefined,
): Promise<CancelContext> {
  const runId = await findRunId(target, store, typed)
  const record = await loadRunRecord(target, runId)
  if (record?.kind === 'recorded') return { target, spec: record.spec, signal, isStopped: false, warnings: [] }
  const { flags } = target
  if (record?.kind === 'loading') {
    throw new ImageryError(
      'RUN_NOT_COMPLETE',
      `Run ${runId} is still loading its source, or was stopped while loading it. It has called no model, and has no rows to keep`,
      {
        suggestions: [
          `imagery teardown ${runId}${flags}   (deletes it; or press Ctrl-C in the command that started it)`,
        ],
      },
    )
  }
  if (record?.kind === 'leaving') {
    throw new ImageryError('RUN_TORN_DOWN', `Run ${runId} is being torn down; there is nothing left to cancel`, {
      suggestions: [`imagery teardown ${runId}${flags}   (finishes an interrupted teardown)`],
    })
  }
  if (!store.run(runId)?.tornDown) throw runNotFound(target, runId)
  throw new ImageryError('RUN_NOT_FOUND', `Run ${runId} was torn down; there is nothing left to cancel`, {
    suggestions: [`imagery results ${runId}${flags}`],
  })
}

/** Returns the report of a complete run, which has nothing to cancel. Writes its results if they are not written yet. */
export async function completeReport({ spec }: CancelContext): Promise<RunReport | undefined> {
  const report = await runReport(spec)
  return report.state === 'complete' && report.units.total > 0 ? completeRun(spec, report) : undefined
}

/**
 * Returns the steps that stop a run and keep what it has. Each is idempotent. From the first step on, no service starts a
 * call of the run, and every command that works on it ends.
 */
export const cancelSteps: readonly Step<CancelContext>[] = [
  {
    title: 'Stop the run',
    async run(context) {
      const { spec, target } = context
      const isFirst = await recordRunStop(spec, {
        v: 1,
        run_id: spec.run_id,
        reason: 'canceled',
        message: await canceledBy(),
        failure: null,
        stopped_at: new Date().toISOString(),
      })
      context.isStopped = true
      // A teardown deletes the run's objects, and may have missed this one.
      await requireRun(spec, target.flags).catch(async (error: unknown) => {
        if (isTornDownError(error)) await clearRunStop(spec)
        throw error
      })
      return { done: isFirst ? 'no more calls start' : 'it was stopped before' }
    },
  },
  {
    title: 'Calls in progress',
    async run({ spec, target: { place }, signal, warnings }, reporter) {
      const names = await workQueues(spec)
      if (names.length === 0) return { skipped: 'no queue' }
      return drain(names, { place, runId: spec.run_id, spec, signal, warnings, reporter })
    },
  },
  {
    title: 'Count the rows',
    async run(context) {
      const { spec, target } = context
      try {
        const report = await runReport(spec)
        await requireRun(spec, target.flags)
        context.report = await completeRun(spec, report)
      } catch (error) {
        throw await tornDownErrorOr(error, spec, target.flags)
      }
      // The calls in progress can have been the last ones.
      if (context.report.state === 'complete') await clearRunStop(spec)
      const failure = await notifyNow(spec)
      if (failure !== undefined) context.warnings.push(failure)
      const { ok, failed, pending } = context.report.units
      return { done: `${countText(ok)} ok, ${countText(failed)} failed, ${countText(pending)} pending` }
    },
  },
]

/** Returns the error for a cancel that was interrupted or failed, with the command that repeats it. */
export function errorForUnfinishedCancel(error: unknown, { target, spec, isStopped }: CancelContext): unknown {
  const known = expectedFailure(error, target.place)
  if (!(known instanceof ImageryError) || isTornDownError(known)) return error
  const again = `imagery cancel ${spec.run_id}${target.flags}`
  if (known.code !== 'CANCELLED')
    return new ImageryError(known.code, known.message, {
      suggestions: [...new Set([...known.suggestions, again])],
      cause: error,
    })
  const what = isStopped
    ? `Interrupted; run ${spec.run_id} is stopped and starts no more calls. Those in progress still write their rows`
    : `Interrupted; run ${spec.run_id} was not stopped`
  return new ImageryError('CANCELLED', what, { suggestions: [again] })
}

async function canceledBy(): Promise<string> {
  const member = await callerMember().catch(() => undefined)
  return member === undefined ? 'someone canceled it' : `${member.replace(/^\w+:/, '')} canceled it`
}
