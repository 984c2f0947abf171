import { ImageryError } from '../contracts/errors.ts'
import type { RunReport } from '../contracts/run-report.ts'
import { deleteDatasetIfEmpty } from '../google/bigquery.ts'
import { deleteRunTables } from '../google/run-tables.ts'
import { expectedFailure } from './cloud-failure.ts'
import type { RunContext, WorkContext } from './run-context.ts'
import { runReport } from './run-progress.ts'
import { teardownContext, teardownSteps } from './teardown-run.ts'

export { checkRunOptions, newRunContext, type RunContext } from './run-context.ts'
export { runSteps } from './start-run.ts'

/**
 * What to tell of a published run's work that ended early: what happened, and how the run goes on.
 * A bug stays as it is.
 */
export function interruption(error: unknown, { target, runId }: WorkContext): unknown {
  const known = expectedFailure(error, target.place)
  if (!(known instanceof ImageryError)) return error
  const flag = target.flags
  if (known.code !== 'CANCELLED') {
    const suggestions = [...new Set([`imagery resume ${runId}${flag}`, ...known.suggestions])]
    return new ImageryError(known.code, known.message, { suggestions, cause: error })
  }
  const what =
    target.kind === 'local'
      ? 'waits in the local cloud, which records the calls under way; its next user takes the run further'
      : 'goes on in the cloud'
  return new ImageryError('CANCELLED', `Interrupted; run ${runId} ${what}`, {
    suggestions: [`imagery resume ${runId}${flag}`, `imagery teardown ${runId}${flag}`],
  })
}

/** The report of a run whose steps have ended. */
export async function finishedReport(context: WorkContext): Promise<RunReport> {
  return context.report ?? runReport(context.spec!)
}

/**
 * Takes back what a run has made that came to nothing: it failed, or was interrupted, before its
 * first shard was published, so no asset has been worked on and nothing has been spent.
 *
 * Answers what to tell: the failure, and how to take back by hand what cannot be taken back now.
 */
export async function takeBack(context: RunContext, failure: unknown): Promise<unknown> {
  try {
    await undoRun(context)
    return failure
  } catch {
    // Whatever made the run fail made this fail too: that is what has to be told.
    const known = expectedFailure(failure, context.target.place)
    if (!(known instanceof ImageryError) || !context.spec) return failure
    const { runId, target } = context
    const suggestions = [
      ...known.suggestions,
      `imagery resume ${runId}${target.flags}`,
      `imagery teardown ${runId}${target.flags} --delete-results`,
    ]
    return new ImageryError(known.code, `${known.message}. What run ${runId} has made is still there`, {
      suggestions,
      cause: failure,
    })
  }
}

async function undoRun(context: RunContext): Promise<void> {
  if (context.spec) {
    const teardown = await teardownContext(
      { target: context.target, store: context.store, deleteResults: true },
      context.runId,
    )
    for (const step of teardownSteps) await step.run(teardown, { detail: () => undefined })
    context.store.forgetRun(context.runId)
  } else if (context.tables) {
    await deleteRunTables(context.tables, ['source'])
  }
  if (context.datasetMade && context.tables) await deleteDatasetIfEmpty(context.tables)
}
