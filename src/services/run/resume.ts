import { ImageryError } from '../../contracts/errors.ts'
import type { RunReport } from '../../contracts/run-report.ts'
import type { Step } from '../../contracts/steps.ts'
import { findRunId, runNotFound } from '../runs/find.ts'
import type { WorkContext } from './context.ts'
import { runReport } from '../runs/report.ts'
import { loadRunRecord } from '../runs/record.ts'
import {
  connect,
  deployIfAbsent,
  findServices,
  processAssets,
  publishShards,
  setUp,
  stageLocalImages,
  takeSnapshot,
} from './steps.ts'
import { completeRun } from '../runs/watch.ts'

/**
 * Finds a run to finish.
 *
 * @throws ImageryError RUN_NOT_FOUND, also for a run that was torn down; RUN_TORN_DOWN while it is;
 *   RUN_NOT_COMPLETE for one that is not recorded yet
 */
export async function resumeContext(
  base: Pick<WorkContext, 'target' | 'store' | 'runtimeFolder' | 'signal'>,
  typed: string | undefined,
): Promise<WorkContext> {
  const runId = await findRunId(base.target, base.store, typed)
  const record = await loadRunRecord(base.target, runId)
  if (record?.kind === 'recorded') return { ...base, runId, spec: record.spec, isPublished: false }
  const { flags } = base.target
  if (record?.kind === 'loading') {
    throw new ImageryError(
      'RUN_NOT_COMPLETE',
      `Run ${runId} loads its source, or was stopped while it did: there is nothing to go on with`,
      {
        suggestions: [
          `imagery teardown ${runId}${flags}   (when what started it is gone)`,
          `imagery run${flags} --table TABLE --profile PROFILE`,
        ],
      },
    )
  }
  if (record?.kind === 'leaving') {
    throw new ImageryError('RUN_TORN_DOWN', `Run ${runId} is being torn down; there is nothing left to resume`, {
      suggestions: [`imagery teardown ${runId}${flags}   (ends a teardown that was interrupted)`],
    })
  }
  if (!base.store.run(runId)?.tornDown) throw runNotFound(base.target, runId)
  throw new ImageryError('RUN_NOT_FOUND', `Run ${runId} was torn down; there is nothing left to resume`, {
    suggestions: [
      `imagery results ${runId}${base.target.flags}`,
      `imagery run${base.target.flags} --table TABLE --profile PROFILE`,
    ],
  })
}

/** The run's report when all its assets have their row: then there is nothing to resume but, perhaps, the results table. */
export async function completeReport(context: WorkContext): Promise<RunReport | undefined> {
  const report = await runReport(context.spec!)
  return report.state === 'complete' && report.units.total > 0 ? completeRun(context.spec!, report) : undefined
}

/**
 * The steps that finish what a dead command line, runtime or cloud left: each leaves alone what is
 * there, makes what is missing, and replaces a queue that was deleted. Only assets without a final
 * row are queued, under the names that they have in the queue already, if they are still there.
 */
export function resumeSteps(context: WorkContext, options: { wait: boolean }): readonly Step<WorkContext>[] {
  return [
    context.target.kind === 'local' ? deployIfAbsent : findServices,
    takeSnapshot,
    ...(context.spec!.source.loaded ? [stageLocalImages] : []),
    setUp,
    connect,
    publishShards,
    ...(options.wait ? [processAssets] : []),
  ]
}
