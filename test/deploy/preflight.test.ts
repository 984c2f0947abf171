import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { accountOf } from '../../src/contracts/grants.ts'
import { bucketName } from '../../src/contracts/names.ts'
import type { DeployContext, DeployOptions } from '../../src/services/deploy/context.ts'
import { runChecks } from '../../src/services/doctor/doctor.ts'
import { checkedDeploySteps } from '../../src/services/doctor/preflight.ts'
import { teardownDeploymentContext } from '../../src/services/teardown/deployment.ts'
import { formatChecks } from '../../src/ui/checks.ts'
import { emulatedProject, type EmulatedProject } from './emulated-project.ts'
import { JumpingClock } from './jumping-clock.ts'

const REGION = 'us-central1'
const PREFLIGHT = 'Preflight checks'
const AGAIN = 'Checks that need the APIs'

let emulated: EmulatedProject

beforeAll(async () => {
  emulated = await emulatedProject(new JumpingClock())
})
beforeEach(() => setConditions({}))
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

/** Runs the steps of `imagery deploy`, up to and with the one that has this title. Returns their outcomes by title. */
async function deploy(context: DeployContext, last?: string): Promise<Record<string, string>> {
  const outcomes: Record<string, string> = {}
  for (const step of checkedDeploySteps(context).steps) {
    const outcome = (await step.run(context, { detail: () => undefined })) ?? {}
    outcomes[step.title] = 'skipped' in outcome ? outcome.skipped : (outcome.done ?? '')
    if (step.title === last) break
  }
  return outcomes
}

const context = (name: string, options: Partial<DeployOptions> = {}): DeployContext =>
  emulated.context(REGION, name, options)

const failure = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => undefined,
    (error: unknown) => error,
  )

async function createAccount(email: string): Promise<void> {
  const accountId = email.slice(0, email.indexOf('@'))
  await emulated.project.call('POST', 'v1/projects/imagery-local/serviceAccounts', { accountId })
}

test('doctor names each disabled API once, with a command for the project by its ID', async () => {
  const { target, runtimeFolder } = context('doctor')
  const checks = await runChecks({ target, runtimeFolder })
  const named = Object.fromEntries(checks.map((check) => [check.check, check]))
  expect(named['gemini']).toMatchObject({
    status: 'unknown',
    detail: 'cannot be checked while aiplatform.googleapis.com is not enabled',
  })
  const commands = checks.flatMap(({ fixes }) => fixes).filter((fix) => fix.startsWith('gcloud services enable'))
  for (const command of commands) expect(command).toMatch(/ --project imagery-local$/)
  const services = commands.flatMap((command) => command.split(' ').filter((word) => word.endsWith('.googleapis.com')))
  expect(services).toContain('aiplatform.googleapis.com')
  expect(services.toSorted()).toEqual([...new Set(services)].toSorted())
  const lines = formatChecks(checks, 80).split('\n')
  expect(lines.filter((line) => line.length > 80 && !line.startsWith('    '))).toEqual([])
})

describe('a deploy into a new project', () => {
  test('says what it cannot check yet, and finds it out before it creates anything', async () => {
    await setConditions({ servicesMs: 60_000, organizationPolicies: { 'gcp.resourceLocations': denied(REGION) } })
    const first = context('fresh')
    const { [PREFLIGHT]: said } = await deploy(first, PREFLIGHT)
    expect(said).toMatch(/checked once the APIs are on: Project, Billing, Region, Organization policies/)
    expect(await failure(deploy(context('fresh')))).toMatchObject({
      code: 'PREFLIGHT_FAILED',
      message: expect.stringContaining(`gcp.resourceLocations does not allow ${REGION}`) as string,
    })
    expect(emulated.calls('storage.buckets.insert')).toEqual([])
    expect(emulated.calls('iam.serviceAccounts.create')).toEqual([])
  })

  test('makes no check twice once the APIs are on', async () => {
    const outcomes = await deploy(context('later'), AGAIN)
    expect(outcomes[PREFLIGHT]).not.toContain('checked once')
    expect(outcomes[AGAIN]).toBe('made before')
  })
})

const denied = (value: string): object => ({ values: { deniedValues: [value] } })

describe.each(['iam.disableServiceAccountCreation', 'iam.managed.disableServiceAccountCreation'])(
  'where %s forbids new accounts, a deploy',
  (constraint) => {
    const name = constraint.includes('managed') ? 'm' : 'c'
    const organizationPolicies = { [constraint]: { enforce: true } }

    test('fails before it creates anything, and names the missing accounts', async () => {
      const { target } = context(name)
      const [runtime, invoker] = [accountOf(target.place, 'runtime'), accountOf(target.place, 'invoker')]
      await createAccount(runtime)
      await setConditions({ organizationPolicies })
      const error = await failure(deploy(context(name), PREFLIGHT))
      expect(error).toMatchObject({
        code: 'PREFLIGHT_FAILED',
        message: expect.stringContaining(`${constraint} blocks new service accounts, and ${invoker}, `) as string,
      })
      expect((error as Error).message).not.toContain(runtime)
    })

    test('goes through when an administrator has created them', async () => {
      const { target } = context(name)
      for (const account of ['invoker', 'builder'] as const) await createAccount(accountOf(target.place, account))
      await setConditions({ organizationPolicies })
      const outcomes = await deploy(context(name), 'Service accounts')
      expect(outcomes['Service accounts']).toBe('up to date')
    })
  },
)

test('a bucket that a stranger has is not ours: deploy says so, and teardown leaves it alone', async () => {
  const { target } = context('taken')
  const bucket = bucketName(target.place)
  await setConditions({ takenBuckets: [bucket] })
  expect(await failure(deploy(context('taken')))).toMatchObject({
    code: 'DEPLOYMENT_FAILED',
    message: `Bucket gs://${bucket} belongs to another project, so imagery does not write to it`,
    suggestions: [expect.stringContaining('deploy --name NAME')],
  })
  const store = {} as Parameters<typeof teardownDeploymentContext>[0]['store']
  const { plan } = await teardownDeploymentContext({ target, store, signal: undefined }, { all: false })
  expect(JSON.stringify(plan)).not.toContain(bucket)
})

test('with internal ingress, a deploy ends well and says that the services cannot be reached from here', async () => {
  const inside = context('inside', { ingress: 'internal' })
  const outcomes = await deploy(inside)
  expect(outcomes['Health check']).toBe(
    'not reachable from here (ingress internal); Cloud Run reports both services ready',
  )
  expect(inside.warnings).toContainEqual(expect.stringContaining('imagery run, work only inside the network'))
})

test("an image in another project is refused with what Cloud Run's agent and the deployer need", async () => {
  const image = 'us-central1-docker.pkg.dev/other-project/images/runtime:1'
  const error = await failure(deploy(context('foreign', { image })))
  expect(error).toMatchObject({
    code: 'ACCESS_DENIED',
    message: expect.stringMatching(
      /roles\/artifactregistry.reader on the repository images of project other-project/,
    ) as string,
    suggestions: [
      expect.stringMatching(
        /^gcloud artifacts repositories add-iam-policy-binding images --project other-project --location us-central1 --member serviceAccount:service-\d{12}@serverless-robot-prod\.iam\.gserviceaccount\.com --role roles\/artifactregistry\.reader/,
      ),
      expect.stringContaining('--member serviceAccount:operator@imagery-local.iam.gserviceaccount.com'),
    ],
  })
})
