import { ImageryError } from '../../contracts/errors.ts'
import type { Step, StepReporter } from '../../contracts/steps.ts'
import type { WorkContext } from './context.ts'
import { loadLeavingRun } from '../runs/record.ts'
import { removalSteps, type TeardownContext } from '../teardown/run.ts'
import { needRun, unlessTornDown } from '../runs/torn-down.ts'

/**
 * A step that makes something of a run, which another command may tear down at the same time. A
 * teardown takes the run's record away before it deletes anything, and the step looks for the record
 * after it has made its part: while it is there, the teardown has yet to come by; once it is gone,
 * what was made may have come too late for it, and is deleted here.
 *
 * The step rejects with ImageryError RUN_TORN_DOWN then.
 */
export function creatingStep(step: Step<WorkContext>): Step<WorkContext> {
  return {
    title: step.title,
    async run(context, reporter) {
      try {
        const outcome = await step.run(context, reporter)
        await needRun(context.spec!, context.target.flags)
        return outcome
      } catch (error) {
        const known = await unlessTornDown(error, context.spec!, context.target.flags)
        if (isTornDownError(known)) await clearAway(context, reporter, known)
        throw known
      }
    },
  }
}

export function isTornDownError(error: unknown): error is ImageryError & { code: 'RUN_TORN_DOWN' } {
  return error instanceof ImageryError && error.code === 'RUN_TORN_DOWN'
}

async function clearAway(context: WorkContext, reporter: StepReporter, known: ImageryError): Promise<void> {
  const { target, store, runId, signal } = context
  try {
    const leaving = await loadLeavingRun(target.place, runId)
    const teardown: TeardownContext = {
      target,
      store,
      runId,
      signal,
      spec: context.spec!,
      deleteResults: leaving?.delete_results ?? false,
      found: [],
      deleted: [],
      kept: [],
      warnings: [],
    }
    for (const step of removalSteps(teardown)) await step.run(teardown, reporter)
  } catch (error) {
    throw new ImageryError('RUN_TORN_DOWN', `${known.message}. What this command has made since may be left`, {
      suggestions: [`imagery teardown ${runId}${target.flags}`, ...known.suggestions],
      cause: error,
    })
  }
}
