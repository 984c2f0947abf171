import type { Step } from '../../contracts/steps.ts'
import { callerMember } from '../../google/auth/caller-member.ts'
import { bucket } from './bucket.ts'
import { callers, health } from './callers.ts'
import { asStep, isBuilding, type DeployContext, type DeployStep, type PlannedChange } from './context.ts'
import { programStep } from './program.ts'
import { accounts, apis, projectRoles, repository } from './project.ts'
import { missingRoleFailure } from '../failures/missing-role.ts'
import { resourceRoles } from './resource-roles.ts'
import { main, populate } from './services.ts'

/** What a deploy sees to, in the order of what needs what. */
function parts(context: DeployContext): DeployStep[] {
  return [
    apis,
    ...(isBuilding(context) ? [repository] : []),
    bucket,
    accounts,
    projectRoles,
    resourceRoles,
    programStep(context.options),
    main,
    populate,
    callers,
  ]
}

/**
 * The steps of a deploy. Each leaves alone what is as it should be, so a deploy that was interrupted
 * is finished by the next.
 */
export function deploySteps(context: DeployContext): Step<DeployContext>[] {
  return [...parts(context).map((step) => asStep(step, (error) => explained(error, step, context))), health]
}

async function explained(error: unknown, step: DeployStep, { target }: DeployContext): Promise<unknown> {
  const member = await callerMember().catch(() => undefined)
  return missingRoleFailure(error, { place: target.place, to: 'deployer', what: step.title, roles: step.roles, member })
}

/** A part of a deploy with what it would change. */
export interface PlannedStep {
  title: string
  changes: PlannedChange[]
}

/** Everything that a deploy would see to, without changing anything. */
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
