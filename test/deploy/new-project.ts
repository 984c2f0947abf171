import { expect } from 'vitest'
import { bucketName } from '../../src/contracts/names.ts'
import { describeService } from '../../src/google/cloud-run/services.ts'
import { pendingChanges, type DeployContext } from '../../src/services/deploy/context.ts'
import { deployPlan } from '../../src/services/deploy/deploy.ts'
import { checkedDeploySteps } from '../../src/services/doctor/preflight.ts'
import type { EmulatedProject } from './emulated-project.ts'
import type { JumpingClock } from './jumping-clock.ts'

/** Where Cloud Run and Cloud Tasks are, and a new project may not build. */
export const REGION = 'europe-west3'

/** What a new project is like: nothing that was enabled, created or granted counts at once. */
const NEW = { servicesMs: 60_000, accountsMs: 90_000, grantsMs: 180_000 }

/** Deploys as `imagery deploy` does, into a project in which everything is new, and expects that it ends well. */
export async function expectDeploy(emulated: EmulatedProject, clock: JumpingClock): Promise<DeployContext> {
  await emulated.setConditions(NEW)
  const startedMs = clock.now()
  const context = emulated.context(REGION)
  const said = await emulated.deploy(context, { steps: checkedDeploySteps(context).steps })
  expect(said['Health check']?.done).toBe('both services respond')
  expect(said['Image']?.done).toMatch(/^runtime:[0-9a-f]+, built in europe-west1$/)
  // IAM took three minutes, by the clock of the local cloud and of imagery.
  expect(clock.now() - startedMs).toBeGreaterThan(NEW.grantsMs)

  const { place } = context.target
  const [main, populate] = await Promise.all(
    ['imagery-main', 'imagery-populate'].map((id) => describeService(place, id)),
  )
  expect([main?.ready, populate?.ready]).toEqual([true, true])
  // A new project has room for 20 CPUs.
  expect(main?.service.template?.scaling?.maxInstanceCount).toBe(8)
  const { location, labels } = await emulated.project.call('GET', `storage/v1/b/${bucketName(place)}`)
  expect({ location, labels }).toMatchObject({
    location: REGION.toUpperCase(),
    labels: { 'imagery-build-region': 'europe-west1' },
  })
  return context
}

/** Expects that another deploy has nothing to do. */
export async function expectNothingToDo(emulated: EmulatedProject): Promise<void> {
  const plan = await deployPlan(emulated.context(REGION), () => undefined)
  expect(plan.flatMap(({ changes }) => pendingChanges(changes))).toEqual([])
}
