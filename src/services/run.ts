import { ImageryError } from '../contracts/errors.ts'
import type { RunReport } from '../contracts/run-report.ts'
import { deleteDatasetIfEmpty } from '../google/bigquery.ts'
import { deleteRunTables } from '../google/run-tables.ts'
import type { RunContext, WorkContext } from './run-context.ts'
import { runReport } from './run-progress.ts'
import { teardownContext, teardownSteps } from './teardown-run.ts'

export { checkRunOptions, newRunContext, type RunContext } from './run-context.ts'
export { runSteps } from './start-run.ts'

/**
 * What to tell of a run's work that ended early: an interruption of a run that is published says
 * how it goes on; anything else stays as it is.
 */
export function interruption(error: unknown, { target, runId }: WorkContext): unknown {
  if (!(error instanceof ImageryError) || error.code !== 'CANCELLED') return error
  const flag = target.flags
  const what = target.kind === 'local' ? 'waits in the local cloud, whose next user takes it further' : 'goes on in the cloud'
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
 */
export async function undoRun(context: RunContext): Promise<void> {
  if (context.spec) {
    const teardown = await teardownContext({ target: context.target, store: context.store, deleteResults: true }, context.runId)
    for (const step of teardownSteps) await step.run(teardown, { detail: () => undefined })
    context.store.forgetRun(context.runId)
  } else if (context.tables) {
    await deleteRunTables(context.tables, ['source'])
  }
  if (context.datasetMade && context.tables) await deleteDatasetIfEmpty(context.tables)
}
