import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { newUser, ROOT, type ImageryUser } from '../cli/imagery-process.ts'
import { LOCATOR_FILE } from '@imagery/local-cloud/contract/locator'
import { grantsTo, type GrantedOn } from '../../src/contracts/grants.ts'
import { bucketName, invokerAccount } from '../../src/contracts/names.ts'
import { newAccount, withRoles } from './deployer.ts'
import { runReport } from './documents.ts'
import { openProject, type Project } from './project-state.ts'

/** A user who starts runs on another user's deployment, with exactly the roles in docs/deploy.md. */

const SIGNS = path.join(ROOT, 'samples', 'street-signs', 'observations.jsonl')
const PLACE = { projectId: 'imagery-local', region: 'us-central1' }
const INVOKER = `v1/projects/${PLACE.projectId}/serviceAccounts/${invokerAccount(PLACE)}`
const BUCKET = `storage/v1/b/${bucketName(PLACE)}/iam`

let user: ImageryUser
let project: Project
let runner: string

const roles = (on: GrantedOn): string[] => grantsTo('runner', on).map(({ role }) => role)

async function giveOnInvoker(given: readonly string[]): Promise<void> {
  const policy = await project.call('POST', `${INVOKER}:getIamPolicy`, {})
  await project.call('POST', `${INVOKER}:setIamPolicy`, { policy: withRoles(policy, runner, given) })
}

const asRunner = (...args: string[]) =>
  user.run([...args, '--json'], {
    IMAGERY_LOCAL_CLOUD: path.join(user.dataDirectory, LOCATOR_FILE),
    IMAGERY_LOCAL_ACCOUNT: runner,
    IMAGERY_PROJECT: PLACE.projectId,
  })

beforeAll(async () => {
  user = await newUser({ isWarm: true })
  await user.startLocalCloud()
  expect((await user.run(['deploy', '--local'])).exitCode).toBe(0)
  project = await openProject(user.dataDirectory)
  runner = await newAccount(project, 'city-ci', roles('project'))
  await project.call('PUT', BUCKET, withRoles(await project.call('GET', BUCKET), runner, roles('bucket')))
  await giveOnInvoker(roles('account invoker'))
})

afterAll(() => user.leave())

test("passes doctor's checks for a run, and gets the roles missing for a deploy", async () => {
  const { exitCode, json } = await asRunner('doctor')
  const { checks } = json() as { checks: { check: string; status: string }[] }
  const statuses = Object.fromEntries(checks.map(({ check, status }) => [check, status]))
  expect(statuses).toMatchObject({ credentials: 'ok', roles_to_run: 'ok', roles_to_deploy: 'warning' })
  expect({ exitCode, failed: checks.filter(({ status }) => status === 'failed') }).toEqual({ exitCode: 0, failed: [] })
})

test('completes a run, calling the services as the invoker, reads its results and tears it down', async () => {
  const outcome = await asRunner('run', '--table', SIGNS, '--profile', 'resolution')
  expect(outcome.exitCode, outcome.stdout).toBe(0)
  const report = runReport.parse(outcome.json())
  expect(report.units).toMatchObject({ total: 12, ok: 12 })
  for (const command of ['status', 'results', 'resume', 'teardown']) {
    const { exitCode, stdout } = await asRunner(command, report.run_id)
    expect(exitCode, `${command}: ${stdout}`).toBe(0)
  }
})

test('without permission to impersonate the invoker gets the role named, and leaves nothing behind', async () => {
  const [creator] = roles('account invoker').filter((role) => role.endsWith('OpenIdTokenCreator'))
  await giveOnInvoker(roles('account invoker').filter((role) => role !== creator))
  const before = await user.holdings()
  const { exitCode, error } = await asRunner('run', '--table', SIGNS, '--profile', 'resolution')
  expect(exitCode).toBe(1)
  expect(error()).toMatchObject({
    code: 'ACCESS_DENIED',
    suggestions: expect.arrayContaining([
      `gcloud iam service-accounts add-iam-policy-binding ${invokerAccount(PLACE)} --project imagery-local --member serviceAccount:${runner} --role ${creator}`,
    ]),
  })
  expect(await user.holdings()).toEqual(before)
})
