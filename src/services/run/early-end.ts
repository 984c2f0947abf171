import { ImageryError } from '../../contracts/errors.ts'
import type { RunReport } from '../../contracts/run-report.ts'
import { deleteDatasetIfEmpty } from '../../google/bigquery/bigquery.ts'
import { localCloud } from '../../google/transport/environment.ts'
import { usesLocalGemini } from '../../run-data/gemini-backend.ts'
import { expectedFailure } from '../failures/cloud-failure.ts'
import type { RecordedContext, RunContext } from './context.ts'
import type { Finished } from './steps.ts'
import { deleteRunRecord } from '../runs/record.ts'
import { runReport } from '../runs/report.ts'
import { teardownContext, teardownSteps } from '../teardown/run.ts'
import { isStoppedError } from '../runs/stopped.ts'
import { isTornDownError, tornDownErrorOr } from '../runs/torn-down.ts'

/** What the error for an early end is made from. */
type EndedContext = Pick<RecordedContext, 'target' | 'runId' | 'spec' | 'milestones'>

/**
 * Returns the error for work on a recorded run that ended early: what happened, and how to continue
 * the run. Returns a bug unchanged.
 */
export async function errorForInterruptedRun(
  error: unknown,
  { target, runId, spec, milestones }: EndedContext,
): Promise<unknown> {
  const known = expectedFailure(
    isCancelled(error) ? error : await tornDownErrorOr(error, spec, target.flags),
    target.place,
  )
  if (!(known instanceof ImageryError)) return error
  if (isTornDownError(known) || isStoppedError(known)) return known
  const flag = target.flags
  if (known.code !== 'CANCELLED') {
    const resume = `imagery resume ${runId}${flag}`
    // Where a fix must come first, the error already says when to resume.
    const suggestions = known.suggestions.includes(resume) ? known.suggestions : [resume, ...known.suggestions]
    return new ImageryError(known.code, known.message, { suggestions, cause: error })
  }
  const what = !milestones.isPublished
    ? 'is recorded; no new tasks are queued'
    : target.kind === 'local'
      ? `is paused in the local cloud, which records the calls in progress; ${usesLocalGemini(spec) && localCloud()?.gemini === 'forward' ? 'imagery resume' : 'the next --local command'} continues it`
      : 'continues in the cloud'
  return new ImageryError('CANCELLED', `Interrupted; run ${runId} ${what}`, {
    suggestions: [`imagery resume ${runId}${flag}`, `imagery teardown ${runId}${flag}`],
  })
}

/** Returns the report of a run whose steps have ended. */
export async function finishedReport(context: Finished): Promise<RunReport> {
  return context.report ?? explainInterruption(context, runReport(context.spec, { isOneLook: true }))
}

/**
 * Work on a recorded run outside its steps. A Ctrl-C can come while any of its queries is waited for,
 * and the error then says which run it is and what becomes of it.
 */
export async function explainInterruption<Result>(context: EndedContext, work: Promise<Result>): Promise<Result> {
  return work.catch(async (error: unknown) => {
    throw isCancelled(error) ? await errorForInterruptedRun(error, context) : error
  })
}

function isCancelled(error: unknown): boolean {
  return error instanceof ImageryError && error.code === 'CANCELLED'
}

/**
 * Returns the error for a run whose steps ended early. An interrupted or stopped run that is recorded is kept: it
 * has read its source, and resume continues it. A run whose user did not agree to its cost is not.
 */
export async function errorForEarlyEnd(failure: unknown, context: RunContext): Promise<unknown> {
  const { spec, isRecorded, isPublished, hasRows, isAsking } = context.milestones
  const isEndedByUser = (isCancelled(failure) && !isAsking) || isStoppedError(failure)
  const isKept = isPublished || hasRows === true || (isRecorded && isEndedByUser)
  return spec && isKept ? errorForInterruptedRun(failure, { ...context, spec }) : rollBack(context, failure)
}

/**
 * Deletes the resources of a run that failed before its first shard was published, or was interrupted
 * before it was recorded, so that no asset was processed and nothing was billed.
 *
 * Returns the failure and, if the resources cannot be deleted now, how to delete them later.
 */
async function rollBack(context: RunContext, failure: unknown): Promise<unknown> {
  if (isTornDownError(failure) && context.milestones.isRecorded) return failure
  try {
    await undoRun(context)
    return failure
  } catch {
    // The rollback probably failed for the same reason as the run, so the run's failure is reported.
    const known = expectedFailure(failure, context.target.place)
    const { spec, isStarted } = context.milestones
    if (!(known instanceof ImageryError) || (!spec && !isStarted)) return failure
    const { runId, target } = context
    const suggestions = [
      ...known.suggestions,
      ...(spec ? [`imagery resume ${runId}${target.flags}`] : []),
      `imagery teardown ${runId}${target.flags} --delete-results`,
    ]
    return new ImageryError(known.code, `${known.message}. The resources of run ${runId} still exist`, {
      suggestions,
      cause: failure,
    })
  }
}

async function undoRun(context: RunContext): Promise<void> {
  const { spec, isStarted, datasetFor, hasTables } = context.milestones
  if (spec && !hasTables) {
    // Nothing but the record exists. An account that may not create tables may not delete any either.
    await deleteRunRecord(context.target.place, context.runId)
    context.store.forgetRun(context.runId)
  } else if (spec || isStarted) {
    const teardown = await teardownContext(
      { target: context.target, store: context.store, deleteResults: true },
      context.runId,
    )
    for (const step of teardownSteps(teardown)) await step.run(teardown, { detail: () => undefined })
    context.store.forgetRun(context.runId)
  }
  if (datasetFor) await deleteDatasetIfEmpty(datasetFor)
}
