import { allEnded } from '../../contracts/all-ended.ts'
import { ImageryError } from '../../contracts/errors.ts'
import type { PipelineStep, StepReporter } from '../../contracts/steps.ts'
import type { RecordedContext } from './context.ts'
import { loadLeavingRun } from '../runs/record.ts'
import { removalSteps, type TeardownContext } from '../teardown/run.ts'
import { requireNotStopped, stoppedErrorOr } from '../runs/stopped.ts'
import { isTornDownError, requireRun, tornDownErrorOr } from '../runs/torn-down.ts'

/**
 * Wraps a step that creates resources of a run, which another command can tear down at the same time.
 * A teardown deletes the run's record before anything else, and the step checks for the record after
 * it has created its resources. If the record exists, a later teardown finds the resources. If it is
 * gone, the teardown may have missed them, and they are deleted here.
 *
 * The step rejects with ImageryError RUN_TORN_DOWN then, or with RUN_STOPPED if another command has stopped the run:
 * everything is kept then, and a resume continues it.
 */
export function creatingStep<Input extends RecordedContext, Added extends object>(
  step: PipelineStep<Input, Added>,
): PipelineStep<Input, Added> {
  return {
    title: step.title,
    async run(context, reporter) {
      try {
        const outcome = await step.run(context, reporter)
        // That the run is gone counts more than that it was stopped.
        await allEnded([
          requireRun(context.spec, context.target.flags),
          requireNotStopped(context.spec, context.target.flags),
        ])
        return outcome
      } catch (error) {
        const known = await tornDownErrorOr(error, context.spec, context.target.flags)
        if (!isTornDownError(known)) throw await stoppedErrorOr(known, context.spec, context.target.flags)
        await deleteCreated(context, reporter, known)
        throw known
      }
    },
  }
}

async function deleteCreated(context: RecordedContext, reporter: StepReporter, known: ImageryError): Promise<void> {
  const { target, store, runId, signal } = context
  try {
    const leaving = await loadLeavingRun(target.place, runId)
    const teardown: TeardownContext = {
      target,
      store,
      runId,
      signal,
      spec: context.spec,
      deleteResults: leaving?.delete_results ?? false,
      found: [],
      deleted: [],
      kept: [],
      warnings: [],
    }
    for (const step of removalSteps(teardown)) await step.run(teardown, reporter)
  } catch (error) {
    throw new ImageryError(
      'RUN_TORN_DOWN',
      `${known.message}. Some resources that this command created since then may remain`,
      {
        suggestions: [`imagery teardown ${runId}${target.flags}`, ...known.suggestions],
        cause: error,
      },
    )
  }
}
