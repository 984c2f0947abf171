import { ImageryError } from '../../contracts/errors.ts'
import type { RunReport } from '../../contracts/run-report.ts'
import { deleteDatasetIfEmpty } from '../../google/bigquery/bigquery.ts'
import { expectedFailure } from '../failures/cloud-failure.ts'
import type { RunContext, WorkContext } from './context.ts'
import { runReport } from '../runs/report.ts'
import { isTornDownError } from './creating-step.ts'
import { teardownContext, teardownSteps } from '../teardown/run.ts'
import { unlessTornDown } from '../runs/torn-down.ts'

export { checkRunOptions, newRunContext, type RunContext } from './context.ts'
export { runSteps } from './start.ts'

/**
 * What to tell of work on a recorded run that ended early: what happened, and how the run goes on.
 * A bug stays as it is.
 */
export async function interruption(
  error: unknown,
  { target, runId, spec, isPublished }: WorkContext,
): Promise<unknown> {
  const known = expectedFailure(
    isCancelled(error) ? error : await unlessTornDown(error, spec!, target.flags),
    target.place,
  )
  if (!(known instanceof ImageryError)) return error
  if (isTornDownError(known)) return known
  const flag = target.flags
  if (known.code !== 'CANCELLED') {
    const suggestions = [...new Set([`imagery resume ${runId}${flag}`, ...known.suggestions])]
    return new ImageryError(known.code, known.message, { suggestions, cause: error })
  }
  const what = !isPublished
    ? 'is recorded; nothing new of it is queued'
    : target.kind === 'local'
      ? 'waits in the local cloud, which records the calls under way; its next user takes the run further'
      : 'goes on in the cloud'
  return new ImageryError('CANCELLED', `Interrupted; run ${runId} ${what}`, {
    suggestions: [`imagery resume ${runId}${flag}`, `imagery teardown ${runId}${flag}`],
  })
}

/** The report of a run whose steps have ended. */
export async function finishedReport(context: WorkContext): Promise<RunReport> {
  return context.report ?? unlessInterrupted(context, runReport(context.spec!))
}

/**
 * Work on a recorded run outside its steps. A Ctrl-C can come while any of its queries is waited for,
 * and the error then says which run it is and what becomes of it.
 */
export async function unlessInterrupted<Result>(context: WorkContext, work: Promise<Result>): Promise<Result> {
  return work.catch(async (error: unknown) => {
    throw isCancelled(error) ? await interruption(error, context) : error
  })
}

function isCancelled(error: unknown): boolean {
  return error instanceof ImageryError && error.code === 'CANCELLED'
}

/**
 * What to tell of a run whose steps ended early. One that is recorded and was interrupted stays as it
 * is: it has read its source, and resume takes it further.
 */
export async function endedEarly(failure: unknown, context: RunContext): Promise<unknown> {
  const isKept = context.isPublished || (context.isRecorded && isCancelled(failure))
  return isKept ? interruption(failure, context) : rollBack(context, failure)
}

/**
 * Takes back what a run has made that came to nothing: it failed before its first shard was
 * published, or was interrupted before it was recorded, so no asset has been worked on and nothing
 * has been spent.
 *
 * Answers what to tell: the failure, and how to take back by hand what cannot be taken back now.
 */
async function rollBack(context: RunContext, failure: unknown): Promise<unknown> {
  if (isTornDownError(failure) && context.isRecorded) return failure
  try {
    await undoRun(context)
    return failure
  } catch {
    // Whatever made the run fail made this fail too: that is what has to be told.
    const known = expectedFailure(failure, context.target.place)
    if (!(known instanceof ImageryError) || (!context.spec && !context.isStarted)) return failure
    const { runId, target } = context
    const suggestions = [
      ...known.suggestions,
      ...(context.spec ? [`imagery resume ${runId}${target.flags}`] : []),
      `imagery teardown ${runId}${target.flags} --delete-results`,
    ]
    return new ImageryError(known.code, `${known.message}. What run ${runId} has made is still there`, {
      suggestions,
      cause: failure,
    })
  }
}

async function undoRun(context: RunContext): Promise<void> {
  if (context.spec || context.isStarted) {
    const teardown = await teardownContext(
      { target: context.target, store: context.store, deleteResults: true },
      context.runId,
    )
    for (const step of teardownSteps(teardown)) await step.run(teardown, { detail: () => undefined })
    context.store.forgetRun(context.runId)
  }
  if (context.datasetMade && context.tables) await deleteDatasetIfEmpty(context.tables)
}
