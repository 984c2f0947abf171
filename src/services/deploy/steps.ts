import type { Step, StepOutcome } from '../../contracts/steps.ts'
import { projectNumber } from '../../google/admin/resource-manager.ts'
import { callerMember } from '../../google/auth/caller-member.ts'
import { bucket } from './bucket.ts'
import { callers, health } from './callers.ts'
import { isBuilding, pendingChanges, type DeployContext, type DeployStep, type PlannedChange } from './context.ts'
import { programStep } from './program.ts'
import { imageAccess } from './image-access.ts'
import { accounts, apis, projectRoles, repository } from './project.ts'
import { imageAccessFailure } from '../failures/image-access.ts'
import { missingRoleFailure } from '../failures/missing-role.ts'
import { resourceRoles } from './resource-roles.ts'
import { main, populate } from './services.ts'
import { withSettling } from './settling.ts'

/** The parts of a deploy, in dependency order. */
function parts(context: DeployContext): DeployStep[] {
  return [
    apis,
    ...(isBuilding(context) ? [repository] : []),
    bucket,
    accounts,
    projectRoles,
    resourceRoles,
    imageAccess,
    programStep(context.options),
    main,
    populate,
    callers,
  ]
}

/**
 * Returns the steps of a deploy. Each skips what is up to date, so the next deploy finishes an
 * interrupted one.
 */
export function deploySteps(context: DeployContext): Step<DeployContext>[] {
  return [...parts(context).map(asStep), health]
}

/** Turns a part of a deploy into a step to run, which is skipped if nothing must change. */
function asStep(part: DeployStep): Step<DeployContext> {
  return {
    title: part.title,
    async run(context, reporter) {
      const work = async (): Promise<StepOutcome> => {
        const changes = await part.inspect(context)
        return pendingChanges(changes).length === 0 ? { skipped: 'up to date' } : part.apply(context, changes, reporter)
      }
      try {
        return await withSettling(context, part, reporter, work)
      } catch (error) {
        throw await explained(error, part, context)
      }
    },
  }
}

async function explained(error: unknown, step: DeployStep, { target }: DeployContext): Promise<unknown> {
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
  for (const step of parts(context)) {
    looking(step.title)
    const changes = await step.inspect(context).catch(async (error: unknown) => {
      throw await explained(error, step, context)
    })
    planned.push({ title: step.title, changes })
  }
  return planned
}
