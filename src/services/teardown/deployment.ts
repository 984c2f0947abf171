import { ImageryError } from '../../contracts/errors.ts'
import { bucketName } from '../../contracts/names.ts'
import type { Step, StepReporter } from '../../contracts/steps.ts'
import { callerMember } from '../../google/auth/caller-member.ts'
import { findBucket } from '../../google/storage/bucket.ts'
import { missingRoleFailure } from '../failures/missing-role.ts'
import {
  deploymentTeardown,
  deploymentTeardownSteps,
  teardownPlan,
  type DeploymentTeardown,
} from './deployment-parts.ts'
import type { PlannedStep } from '../deploy/steps.ts'
import { listRunIds } from '../runs/find.ts'
import type { StateStore } from '../session/state-store.ts'
import { deploymentText, type Target } from '../session/target.ts'
import { teardownContext, teardownSteps } from './run.ts'

export interface TeardownDeploymentContext extends DeploymentTeardown {
  store: StateStore
  signal?: AbortSignal | undefined
  /** Whether runs are torn down with the deployment. */
  all: boolean
  /** The runs that existed at the start. */
  runIds: string[]
  warnings: string[]
  plan: PlannedStep[]
}

/**
 * Finds the resources of a deployment, without any local state.
 *
 * @param options.all also tear down its runs
 * @throws ImageryError RUNS_EXIST if there are runs and `all` is not set
 */
export async function teardownDeploymentContext(
  { target, store, signal }: Pick<TeardownDeploymentContext, 'target' | 'store' | 'signal'>,
  options: { all: boolean },
): Promise<TeardownDeploymentContext> {
  const explain = (error: unknown): Promise<never> => refused(error, target)
  const { projectId } = target.place
  const bucket = await findBucket(projectId, bucketName(target.place)).catch(explain)
  const runIds = bucket === undefined || bucket === 'taken' ? [] : await listRunIds(target)
  if (runIds.length > 0 && !options.all) throw runsExist(target, runIds)
  const context = await deploymentTeardown(target).catch(explain)
  const plan = (await teardownPlan(context).catch(explain)).filter(hasChanges)
  return { ...context, store, signal, all: options.all, runIds, warnings: [], plan }
}

const hasChanges = ({ changes }: PlannedStep): boolean => changes.length > 0

function runsExist(target: Target, runIds: readonly string[]): ImageryError {
  const count = runIds.length === 1 ? 'a run' : `${runIds.length} runs`
  return new ImageryError(
    'RUNS_EXIST',
    `The deployment in ${deploymentText(target.place)} has ${count}: ${runIds.join(', ')}. Without the deployment, they can be neither finished nor torn down`,
    {
      suggestions: [
        ...runIds.slice(0, SHOWN_RUNS).map((runId) => `imagery teardown ${runId}${target.flags}`),
        `imagery teardown --deployment --all${target.flags}   (also tears down its runs; their results are kept)`,
      ],
    },
  )
}

const SHOWN_RUNS = 5

/** Returns the steps of `imagery teardown --deployment`: its runs first, because the services delete their queues. */
export function teardownDeploymentSteps(context: TeardownDeploymentContext): Step<TeardownDeploymentContext>[] {
  const steps = deploymentTeardownSteps(context).map((step) => ({
    title: step.title,
    run: (_: TeardownDeploymentContext, reporter: Parameters<typeof step.run>[1]) =>
      step.run(context, reporter).catch((error: unknown) => refused(error, context.target)),
  }))
  return [runs, ...steps]
}

const runs: Step<TeardownDeploymentContext> = {
  title: 'Runs',
  async run(context, reporter) {
    const { target, all } = context
    let tornDown = 0
    // Other commands can start runs after the confirmation, and while the first runs are torn down.
    for (let ids = await runsNow(target); ids.length > 0; ids = await runsNow(target)) {
      if (!all) throw runsExist(target, ids)
      for (const runId of ids) await tearDown(runId, context, reporter)
      tornDown += ids.length
    }
    return tornDown === 0 ? { skipped: 'none' } : { done: `${tornDown} torn down; their results are kept` }
  },
}

async function runsNow(target: Target): Promise<string[]> {
  return listRunIds(target).catch((error: unknown) => refused(error, target))
}

async function tearDown(
  runId: string,
  { target, store, signal, deleted, kept, warnings }: TeardownDeploymentContext,
  reporter: StepReporter,
): Promise<void> {
  const run = await teardownContext({ target, store, signal, deleteResults: false }, runId)
  for (const step of teardownSteps(run)) {
    signal?.throwIfAborted()
    reporter.detail(`${runId}: ${step.title}`)
    await step.run(run, { detail: (text) => reporter.detail(`${runId}: ${text}`) })
  }
  deleted.push(`run ${runId}`)
  kept.push(...run.kept)
  warnings.push(...run.warnings)
}

async function refused(error: unknown, { place }: Target): Promise<never> {
  const member = await callerMember().catch(() => undefined)
  throw missingRoleFailure(error, { place, to: 'deployer', what: 'The teardown', roles: [], member })
}
