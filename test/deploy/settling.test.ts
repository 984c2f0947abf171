import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { DeployContext } from '../../src/services/deploy/context.ts'
import type { FaultRule } from '@imagery/local-cloud/internal/kernel/faults'
import type { ImageryError } from '../../src/contracts/errors.ts'
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

const refused = (reason: string, message: string): FaultRule[] => [
  { method: '*CreateService', effect: { kind: 'error', status: 'PERMISSION_DENIED', reason, message } },
]

/** Deploys while Cloud Run refuses with these words. Returns the failure, and the minutes that it took. */
async function refusedDeploy(name: string, faults: FaultRule[]): Promise<{ failure: unknown; minutes: number }> {
  await setConditions({})
  const context = emulated.context(REGION, name)
  await emulated.deploy(context, 'Image')
  await emulated.setFaults(faults)
  const startedMs = clock.now()
  const failure: unknown = await emulated.deploy(context).catch((error: unknown) => error)
  await emulated.setFaults([])
  return { failure, minutes: minutesOf(startedMs) }
}

const BILLING =
  'This API method requires billing to be enabled. Please enable billing on project #1 by visiting https://console.developers.google.com/billing/enable?project=1 then retry.'

describe('a refusal that the roles of a deployer with every role cannot lift', () => {
  test.each([
    [
      'insufficient scopes',
      refused('ACCESS_TOKEN_SCOPE_INSUFFICIENT', 'Request had insufficient authentication scopes.'),
      'https://www.googleapis.com/auth/cloud-platform',
    ],
    [
      'a service perimeter',
      refused('SECURITY_POLICY_VIOLATED', "Request is prohibited by organization's policy."),
      'VPC Service Controls of your organization block this call',
    ],
    [
      'an organization policy',
      refused(
        'LOCATION_ORG_POLICY_VIOLATED',
        "Location 'us-central1' violates constraint 'constraints/gcp.resourceLocations'",
      ),
      'gcloud org-policies describe gcp.resourceLocations --effective --project imagery-local',
    ],
    ['a suspended project', refused('CONSUMER_SUSPENDED', "Consumer 'projects/1' has been suspended."), 'is suspended'],
    [
      'a permission in another project',
      refused(
        'IAM_PERMISSION_DENIED',
        "Permission 'run.services.create' denied on resource 'projects/somebody-else/locations/us-central1' (or it may not exist).",
      ),
      'somebody-else',
    ],
    [
      'a permission of another account',
      refused(
        'forbidden',
        'service-1@somewhere.iam.gserviceaccount.com does not have storage.objects.get access to the Google Cloud Storage object.',
      ),
      'service-1@somewhere.iam.gserviceaccount.com',
    ],
  ])('is reported at once: %s', async (_, faults, expected) => {
    const { failure, minutes } = await refusedDeploy('refusals', faults)
    const { message, suggestions } = failure as ImageryError
    expect([message, ...suggestions].join('\n')).toContain(expected)
    expect(minutes).toBeLessThan(1)
  })

  test('is waited for if it is about billing that Cloud Billing shows', async () => {
    const { failure, minutes } = await refusedDeploy('billed', refused('BILLING_DISABLED', BILLING))
    expect(failure).toMatchObject({
      message: expect.stringMatching(
        /billing is enabled, but Google Cloud has not applied it everywhere yet/,
      ) as string,
    })
    expect(minutes).toBeGreaterThan(9)
  })

  test('is reported at once if it is about billing that this account cannot see', async () => {
    const hidden: FaultRule = {
      method: 'cloudbilling.*',
      effect: { kind: 'error', status: 'PERMISSION_DENIED', message: 'The caller does not have permission' },
    }
    const { failure, minutes } = await refusedDeploy('unbilled', [...refused('BILLING_DISABLED', BILLING), hidden])
    expect(failure).toMatchObject({
      suggestions: ['gcloud billing projects link imagery-local --billing-account ACCOUNT_ID'],
    })
    expect(minutes).toBeLessThan(1)
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

// The last test: the API stays off.
test('APIs that are never enabled are waited for once, for ten minutes, and the wait is shown', async () => {
  await setConditions({})
  const context = emulated.context(REGION, 'off')
  await emulated.deploy(context, 'APIs')
  await emulated.project.call('POST', 'v1/projects/imagery-local/services/aiplatform.googleapis.com:disable', {})
  await clock.jump(60_000)
  await emulated.setFaults([{ method: 'operation/serviceusage.*', effect: { kind: 'delay', delayMs: 7_200_000 } }])
  const [apis] = deploySteps(context).steps
  const details: string[] = []
  const startedMs = clock.now()
  const failure: unknown = await apis
    ?.run(context, { detail: (text) => details.push(text) })
    .catch((error: unknown) => error)
  await emulated.setFaults([])
  expect(failure).toMatchObject({ message: 'enabling aiplatform.googleapis.com is not done after 10 min' })
  expect(minutesOf(startedMs)).toBeLessThan(11)
  expect(details).toContainEqual(
    expect.stringMatching(/^enabling aiplatform.googleapis.com; waiting for 9 min( \d+ s)?, at most 10 min$/),
  )
})
