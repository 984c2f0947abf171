import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { describeService } from '../../src/google/cloud-run/services.ts'
import { pendingChanges, type DeployContext, type DeployOptions } from '../../src/services/deploy/context.ts'
import { deployPlan } from '../../src/services/deploy/deploy.ts'
import { emulatedProject, type EmulatedProject } from './emulated-project.ts'
import { JumpingClock } from './jumping-clock.ts'

const REGION = 'us-central1'
const CREATE = 'google.cloud.run.v2.Services/CreateService'

let emulated: EmulatedProject

/** Room for 5 instances of main, and for 11 of populate. */
beforeAll(async () => {
  const quotas = { runCpuMillis: 11_000 }
  emulated = await emulatedProject(new JumpingClock(), { allServicesEnabled: true, quotas })
})
afterEach(() => emulated.setFaults([]))
afterAll(() => emulated.stop())

const context = (name: string, options: Partial<DeployOptions> = {}): DeployContext =>
  emulated.context(REGION, name, { build: false, ...options })

async function maximum({ target: { place } }: DeployContext, service = 'main'): Promise<unknown> {
  const found = await describeService(place, `imagery-${place.name}-${service}`)
  return found?.service.template?.scaling?.maxInstanceCount
}

describe('a project with room for fewer instances than usual', () => {
  test('gets as many as it has room for, and the next deploy keeps them', async () => {
    const first = context('small')
    const said = await emulated.deploy(first)
    expect(await maximum(first)).toBe(5)
    expect(await maximum(first, 'populate')).toBe(4)
    expect(said['Service main']?.done).toMatch(/, at most 5 instances$/)
    expect(first.warnings).toEqual([
      expect.stringContaining('quota in us-central1 allows 5 instances of imagery-small-main, not 8') as string,
    ])

    const second = context('small')
    const plan = await deployPlan(second, () => undefined)
    expect(plan.flatMap(({ changes }) => pendingChanges(changes))).toEqual([])
    await emulated.deploy(second)
    expect(second.warnings).toEqual([])
    expect(await maximum(second)).toBe(5)
  })

  test('refuses a number that was chosen, and says which one fits', async () => {
    const chosen = context('chosen', { maxInstances: 9 })
    await expect(emulated.deploy(chosen)).rejects.toMatchObject({
      code: 'DEPLOYMENT_FAILED',
      message: expect.stringContaining(
        'allows 5 instances of imagery-chosen-main (2 CPU and 2Gi each), not 9',
      ) as string,
      suggestions: expect.arrayContaining([`imagery deploy --max-instances 5 --region ${REGION}`]) as string[],
    })
    expect(await maximum(chosen)).toBeUndefined()
    const fitting = context('chosen', { maxInstances: 5 })
    await emulated.deploy(fitting)
    expect(await maximum(fitting)).toBe(5)
  })

  test('refuses more instances that stay up than it has room for', async () => {
    await expect(emulated.deploy(context('up', { minInstances: 6 }), 'Service main')).rejects.toMatchObject({
      code: 'DEPLOYMENT_FAILED',
      suggestions: expect.arrayContaining([`imagery deploy --min-instances 5 --region ${REGION}`]) as string[],
    })
  })
})

test.each([
  ['at the call', 'google.cloud.run.v2.Services/CreateService'],
  ['by the operation that waits for the revision', 'google.longrunning.Operations/GetOperation'],
])('a refusal in the older wording, %s, leads to what it allows', async (_when, method) => {
  const message =
    'spec.template.spec.containers.resources.limits.cpu: Invalid value specified for cpu. For the specified value, maxScale may not exceed 3.'
  const effect = { kind: 'error', status: 'FAILED_PRECONDITION', message } as const
  await emulated.setFaults([{ method, nth: 1, seed: 1, effect }])
  const older = context(method === CREATE ? 'call' : 'later')
  await emulated.deploy(older, 'Service main')
  expect(await maximum(older)).toBe(3)
})

test('a project without room for one instance is told so', async () => {
  const message =
    'scaling.max_instance_count: Max instances must be set to 0 or fewer to set the requested total memory.'
  await emulated.setFaults([
    { method: CREATE, seed: 1, effect: { kind: 'error', status: 'INVALID_ARGUMENT', message } },
  ])
  await expect(emulated.deploy(context('none'), 'Service main')).rejects.toMatchObject({
    code: 'DEPLOYMENT_FAILED',
    message: expect.stringContaining('allows 0 instances') as string,
    suggestions: expect.arrayContaining([expect.stringContaining('--region REGION')]) as string[],
  })
})
