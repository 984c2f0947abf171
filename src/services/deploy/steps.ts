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

/** The parts of a deploy, in dependency order. */
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
 * Returns the steps of a deploy. Each skips what is up to date, so the next deploy finishes an
 * interrupted one.
 */
export function deploySteps(context: DeployContext): Step<DeployContext>[] {
  return [...parts(context).map((step) => asStep(step, (error) => explained(error, step, context))), health]
}

async function explained(error: unknown, step: DeployStep, { target }: DeployContext): Promise<unknown> {
  const member = await callerMember().catch(() => undefined)
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
