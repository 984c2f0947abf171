import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { DeployContext } from '../../src/services/deploy/context.ts'
import { deploySteps } from '../../src/services/deploy/deploy.ts'
import { emulatedProject, type EmulatedProject } from './emulated-project.ts'
import { JumpingClock } from './jumping-clock.ts'

const REGION = 'us-central1'

const clock = new JumpingClock()
let emulated: EmulatedProject

beforeAll(async () => {
  emulated = await emulatedProject(clock)
})
afterAll(() => emulated.stop())

async function setConditions(conditions: object): Promise<void> {
  const { http, adminToken } = emulated.cloud.locator
  const answer = await fetch(`${http}/_imagery/conditions`, {
    method: 'PUT',
    headers: { authorization: `Bearer ${adminToken}` },
    body: JSON.stringify(conditions),
  })
  if (!answer.ok) throw new Error(await answer.text())
}

interface Policy {
  bindings?: { role: string; members: string[] }[]
}

/** Removes a role from a member, in the policy at `path`. */
async function revoke(path: string, role: string, member: string): Promise<void> {
  const policy = (await emulated.project.call('POST', `${path}:getIamPolicy`, {})) as Policy
  const bindings = (policy.bindings ?? []).map((binding) =>
    binding.role === role ? { role, members: binding.members.filter((other) => other !== member) } : binding,
  )
  await emulated.project.call('POST', `${path}:setIamPolicy`, { policy: { ...policy, bindings } })
}

const minutesOf = (startedMs: number): number => (clock.now() - startedMs) / 60_000

describe('a deploy into a project where Google takes its time', () => {
  test('waits for APIs, accounts and roles, says so, and ends well', async () => {
    await setConditions({ servicesMs: 60_000, accountsMs: 90_000, grantsMs: 180_000 })
    const startedMs = clock.now()
    const said = await emulated.deploy(emulated.context(REGION, 'slow'))
    expect(said['Health check']?.done).toBe('both services respond')
    expect(minutesOf(startedMs)).toBeGreaterThan(3)
    const details = Object.values(said).flatMap((step) => step.details)
    expect(details).toContainEqual(
      expect.stringMatching(/^\w+\.googleapis\.com is enabled, but does not accept calls yet; waiting for \d+ s/),
    )
    expect(details).toContainEqual(
      expect.stringMatching(/^IAM does not show the new accounts everywhere yet; waiting for (1 min )?\d+ s/),
    )
    expect(details).toContainEqual(
      expect.stringMatching(/not applied .* everywhere yet; waiting for [12] min( \d+ s)?, at most 10 min$/),
    )
  })

  test('that stopped after it granted the roles is continued by another, which waits too', async () => {
    await setConditions({ grantsMs: 240_000 })
    await emulated.deploy(emulated.context(REGION, 'again'), 'Roles on the bucket and accounts')
    const startedMs = clock.now()
    const said = await emulated.deploy(emulated.context(REGION, 'again'))
    expect(said['Roles on the bucket and accounts']?.done).toBe('up to date')
    expect(said['Health check']?.done).toBe('both services respond')
    expect(minutesOf(startedMs)).toBeGreaterThan(3)
  })

  test('waits at most ten minutes, and then does not advise to grant what is granted', async () => {
    await setConditions({ grantsMs: 3_600_000 })
    const startedMs = clock.now()
    const failure: unknown = await emulated.deploy(emulated.context(REGION, 'never')).catch((error: unknown) => error)
    expect(failure).toMatchObject({
      code: 'DEPLOYMENT_FAILED',
      message: expect.stringMatching(/not applied .* everywhere yet, also after 10 min: /) as string,
      suggestions: [expect.stringMatching(/^imagery deploy/)],
    })
    expect(minutesOf(startedMs)).toBeGreaterThan(9)
    expect(minutesOf(startedMs)).toBeLessThan(12)
  })

  test('can be interrupted while it waits', async () => {
    await setConditions({ grantsMs: 3_600_000 })
    const cancel = new AbortController()
    const context: DeployContext = { ...emulated.context(REGION, 'stopped'), signal: cancel.signal }
    const deploying = emulated.deploy(context, 'Image')
    setTimeout(() => cancel.abort(new Error('interrupted')), 200)
    await expect(deploying).rejects.toThrow('interrupted')
  })
})

test('a refusal that no policy explains is reported at once', async () => {
  await setConditions({})
  const context = emulated.context(REGION, 'refused')
  const builder = 'imagery-refused-builder@imagery-local.iam.gserviceaccount.com'
  const takeRoleBack = {
    title: 'Take a role back',
    run: () => revoke('v3/projects/imagery-local', 'roles/run.builder', `serviceAccount:${builder}`),
  }
  const { steps } = deploySteps(context)
  const image = steps.findIndex(({ title }) => title === 'Image')
  const startedMs = clock.now()
  const failure: unknown = await emulated
    .deploy(context, { steps: steps.toSpliced(image, 0, takeRoleBack) })
    .catch((error: unknown) => error)
  expect(failure).toMatchObject({
    code: 'DEPLOYMENT_FAILED',
    message: expect.stringContaining(`${builder} does not have storage.objects.get access`) as string,
  })
  expect(minutesOf(startedMs)).toBeLessThan(1)
})
