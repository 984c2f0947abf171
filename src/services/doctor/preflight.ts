import { ImageryError } from '../../contracts/errors.ts'
import type { Pipeline, Step } from '../../contracts/steps.ts'
import { isBuilding, type DeployContext, type DeployedContext } from '../deploy/context.ts'
import { deploySteps } from '../deploy/deploy.ts'
import { withSettling } from '../deploy/settling.ts'
import { runChecksAgain, runChecksBeforeDeploy, type CheckedThing } from './doctor.ts'

/** Returns the steps of a deploy with the checks that they need: before anything is created, and once the APIs are on. */
export function checkedDeploySteps(context: DeployContext): Pick<Pipeline<DeployedContext>, 'steps' | 'result'> {
  const unchecked: CheckedThing[] = []
  const { steps, result } = deploySteps(context)
  const [apis, ...others] = steps
  const checks = checksWithApis(context, unchecked)
  return { steps: [preflight(context, unchecked), ...(apis ? [apis] : []), checks, ...others], result }
}

/**
 * The first step of a deploy. It fails before anything is created if the deploy would stop halfway.
 *
 * @param unchecked gets the checks that could not be made
 * @throws ImageryError PREFLIGHT_FAILED with the fixes
 */
function preflight(context: DeployContext, unchecked: CheckedThing[]): Step<unknown> {
  return {
    title: 'Preflight checks',
    async run() {
      const { obstacles, concerns, unknowns, who } = await runChecksBeforeDeploy(doctorOptions(context))
      refuse(context, obstacles)
      unchecked.push(...unknowns)
      const found = concerns.map(inOneLine)
      context.warnings.push(...found)
      const later = unknowns.length === 0 ? [] : [`checked once the APIs are on: ${titles(unknowns)}`]
      return { done: [who, ...found, ...later].join('; ') }
    },
  }
}

const AGAIN = 'Checks that need the APIs'

/** Makes the checks that an API did not allow before. An answer can still be missing, because of a role. */
function checksWithApis(context: DeployContext, unchecked: readonly CheckedThing[]): Step<unknown> {
  return {
    title: AGAIN,
    async run(_, reporter) {
      if (unchecked.length === 0) return { skipped: 'made before' }
      const names = unchecked.map(({ check }) => check)
      const { obstacles, concerns, unknowns } = await runChecksAgain(doctorOptions(context), names, (check) =>
        withSettling(context, { title: AGAIN, roles: [] }, reporter, check),
      )
      refuse(context, obstacles)
      const found = [...concerns, ...unknowns].map(inOneLine)
      context.warnings.push(...found)
      return { done: found.length === 0 ? `no problem with ${titles(unchecked)}` : found.join('; ') }
    },
  }
}

function doctorOptions(context: DeployContext): Parameters<typeof runChecksBeforeDeploy>[0] {
  const { target, runtimeFolder } = context
  return { target, runtimeFolder, isBuilding: isBuilding(context) }
}

/** @throws ImageryError PREFLIGHT_FAILED if there is an obstacle */
function refuse({ target }: DeployContext, obstacles: readonly CheckedThing[]): void {
  if (obstacles.length === 0) return
  throw new ImageryError(
    'PREFLIGHT_FAILED',
    `imagery cannot be deployed here. ${obstacles.map(inOneLine).join('; ')}`,
    { suggestions: [...obstacles.flatMap(({ fixes }) => fixes), `imagery doctor${target.flags}`] },
  )
}

const inOneLine = ({ title, detail }: CheckedThing): string => `${title}: ${detail}`

function titles(checks: readonly CheckedThing[]): string {
  return checks.map(({ title }) => title).join(', ')
}
