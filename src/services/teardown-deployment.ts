import { ImageryError } from '../contracts/errors.ts'
import { bucketName } from '../contracts/names.ts'
import type { Step } from '../contracts/steps.ts'
import { callerMember } from '../google/caller-member.ts'
import { describeBucket } from '../google/bucket.ts'
import { refusal } from './deploy/refusal.ts'
import {
  deploymentTeardown,
  deploymentTeardownSteps,
  teardownPlan,
  type DeploymentTeardown,
} from './deploy/teardown.ts'
import type { PlannedStep } from './deploy/steps.ts'
import { listRunIds } from './find-run.ts'
import type { StateStore } from './state-store.ts'
import { placeText, type Target } from './target.ts'
import { teardownContext, teardownSteps } from './teardown-run.ts'

export interface TeardownDeploymentContext extends DeploymentTeardown {
  store: StateStore
  /** Runs that are torn down with the deployment. */
  runIds: string[]
  plan: PlannedStep[]
}

/**
 * Finds what there is of a deployment, without any local memory of it.
 *
 * @param options.all tear down its runs too
 * @throws ImageryError RUNS_EXIST when there are any and they may not go
 */
export async function teardownDeploymentContext(
  { target, store }: { target: Target; store: StateStore },
  options: { all: boolean },
): Promise<TeardownDeploymentContext> {
  const explain = (error: unknown): Promise<never> => refused(error, target)
  const runIds = (await describeBucket(bucketName(target.place)).catch(explain)) ? await listRunIds(target) : []
  if (runIds.length > 0 && !options.all) throw runsExist(target, runIds)
  const context = await deploymentTeardown(target).catch(explain)
  return { ...context, store, runIds, plan: (await teardownPlan(context).catch(explain)).filter(hasChanges) }
}

const hasChanges = ({ changes }: PlannedStep): boolean => changes.length > 0

function runsExist(target: Target, runIds: readonly string[]): ImageryError {
  const count = runIds.length === 1 ? 'a run' : `${runIds.length} runs`
  return new ImageryError(
    'RUNS_EXIST',
    `The deployment in ${placeText(target.place)} has ${count}: ${runIds.join(', ')}. Without it they can be neither finished nor torn down`,
    {
      suggestions: [
        ...runIds.slice(0, SHOWN_RUNS).map((runId) => `imagery teardown ${runId}${target.flags}`),
        `imagery teardown --deployment --all${target.flags}   (tears them all down, and keeps their results)`,
      ],
    },
  )
}

const SHOWN_RUNS = 5

/** The steps of `imagery teardown --deployment`: its runs first, since their queues are deleted by the services. */
export function teardownDeploymentSteps(context: TeardownDeploymentContext): Step<TeardownDeploymentContext>[] {
  const steps = deploymentTeardownSteps(context).map((step) => ({
    title: step.title,
    run: (_: TeardownDeploymentContext, reporter: Parameters<typeof step.run>[1]) =>
      step.run(context, reporter).catch((error: unknown) => refused(error, context.target)),
  }))
  return [...(context.runIds.length > 0 ? [runs] : []), ...steps]
}

const runs: Step<TeardownDeploymentContext> = {
  title: 'Runs',
  async run({ target, store, runIds, deleted, kept }, reporter) {
    for (const runId of runIds) {
      reporter.detail(runId)
      const run = await teardownContext({ target, store, deleteResults: false }, runId)
      for (const step of teardownSteps) await step.run(run, { detail: () => undefined })
      deleted.push(`run ${runId}`)
      kept.push(...run.kept)
    }
    return { done: `${runIds.length} torn down, their results kept` }
  },
}

async function refused(error: unknown, { place }: Target): Promise<never> {
  const member = await callerMember().catch(() => undefined)
  throw refusal(error, { place, to: 'deployer', what: 'The teardown', roles: [], member })
}
