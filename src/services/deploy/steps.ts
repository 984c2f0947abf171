import { pipeline, type Pipeline, type PipelineStep, type StepOutcome } from '../../contracts/steps.ts'
import { projectNumber } from '../../google/admin/resource-manager.ts'
import { callerMember } from '../../google/auth/caller-member.ts'
import { bucket } from './bucket.ts'
import { callers, health } from './callers.ts'
import {
  isBuilding,
  pendingChanges,
  type AddingStep,
  type DeployContext,
  type DeployedContext,
  type DeployStep,
  type PlannedChange,
} from './context.ts'
import { programStep } from './program.ts'
import { imageAccess } from './image-access.ts'
import { accounts, apis, projectRoles, repository } from './project.ts'
import { imageAccessFailure } from '../failures/image-access.ts'
import { missingRoleFailure } from '../failures/missing-role.ts'
import { resourceRoles } from './resource-roles.ts'
import { main, populate } from './services.ts'
import { withSettling } from './settling.ts'

/** The steps before those that build on each other, in dependency order. */
function preparation(context: DeployContext): DeployStep[] {
  return [
    apis,
    ...(isBuilding(context) ? [repository] : []),
    bucket,
    accounts,
    projectRoles,
    resourceRoles,
    imageAccess,
  ]
}

/**
 * Returns the steps of a deploy. Each skips what is up to date, so the next deploy finishes an
 * interrupted one.
 */
export function deploySteps(context: DeployContext): Pipeline<DeployedContext> {
  let prepared: Pipeline<DeployContext> = pipeline(context)
  for (const step of preparation(context)) prepared = prepared.step(asPipelineStep(addingNothing(step)))
  return prepared
    .step(asPipelineStep(programStep(context.options)))
    .step(asPipelineStep(main))
    .step(asPipelineStep(populate))
    .step(asPipelineStep(addingNothing(callers)))
    .step(health)
}

function addingNothing<Needs extends object>(step: DeployStep<Needs>): AddingStep<Needs, object> {
  return {
    title: step.title,
    roles: step.roles,
    inspect: async (context) => ({ changes: await step.inspect(context), found: {} }),
    apply: async (context, changes, reporter) => ({ ...(await step.apply(context, changes, reporter)), adds: {} }),
  }
}

/** Turns a step of a deploy into one to run, which is skipped if nothing must change. */
function asPipelineStep<Needs extends object, Added extends object>(
  step: AddingStep<Needs, Added>,
): PipelineStep<DeployContext & Needs, Added> {
  return {
    title: step.title,
    async run(context, reporter) {
      const work = async (): Promise<StepOutcome & { adds: Added }> => {
        const { changes, found } = await step.inspect(context)
        const isUpToDate = pendingChanges(changes).length === 0
        return isUpToDate && found ? { skipped: 'up to date', adds: found } : step.apply(context, changes, reporter)
      }
      try {
        return await withSettling(context, step, reporter, work)
      } catch (error) {
        throw await explained(error, step, context)
      }
    },
  }
}

async function explained(
  error: unknown,
  step: Pick<DeployStep, 'title' | 'roles'>,
  { target }: DeployContext,
): Promise<unknown> {
  const member = await callerMember().catch(() => undefined)
  const number = await projectNumber(target.place.projectId).catch(() => 'PROJECT_NUMBER')
  const ofImage = imageAccessFailure(error, { deployer: member ?? 'user:EMAIL', projectNumber: number })
  if (ofImage) return ofImage
  return missingRoleFailure(error, { place: target.place, to: 'deployer', what: step.title, roles: step.roles, member })
}

/** A part of a deploy with its planned changes. */
export interface PlannedStep {
  title: string
  changes: PlannedChange[]
}

/** Returns the plan of a deploy, without changing anything. */
export async function deployPlan(context: DeployContext, looking: (title: string) => void): Promise<PlannedStep[]> {
  const planned: PlannedStep[] = []
  const plan = async <Needs extends object, Added extends object>(
    step: AddingStep<Needs, Added>,
    known: DeployContext & Partial<Needs>,
  ): Promise<Added | undefined> => {
    looking(step.title)
    const { changes, found } = await step.inspect(known).catch(async (error: unknown) => {
      throw await explained(error, step, context)
    })
    planned.push({ title: step.title, changes })
    return found
  }
  for (const step of preparation(context)) await plan(addingNothing(step), context)
  const withCode = { ...context, ...(await plan(programStep(context.options), context)) }
  const withMain = { ...withCode, ...(await plan(main, withCode)) }
  const withBoth = { ...withMain, ...(await plan(populate, withMain)) }
  await plan(addingNothing(callers), withBoth)
  return planned
}
