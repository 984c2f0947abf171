import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { useLocalAccount } from '../../src/google/transport/environment.ts'
import { DEPLOYER_ROLES, enableApis, newAccount } from '../e2e/deployer.ts'
import { emulatedProject, type EmulatedProject } from './emulated-project.ts'
import { JumpingClock } from './jumping-clock.ts'
import { expectDeploy, expectNothingToDo } from './new-project.ts'

/* A file of its own: the clients of a process act as one account. */

const clock = new JumpingClock()
let emulated: EmulatedProject
let deployer: string

/** The APIs that making the account takes. */
const FOR_ACCOUNT = ['iam.googleapis.com', 'cloudresourcemanager.googleapis.com']

beforeAll(async () => {
  emulated = await emulatedProject(clock)
  const { project } = emulated
  await enableApis(project, FOR_ACCOUNT)
  deployer = await newAccount(project, 'deployer', DEPLOYER_ROLES)
  for (const name of FOR_ACCOUNT) {
    await project.call('POST', `v1/projects/imagery-local/services/${name}:disable`, {})
    await vi.waitFor(async () => {
      const { state } = await project.call('GET', `v1/projects/imagery-local/services/${name}`)
      if (state !== 'DISABLED') throw new Error(`${name} is ${String(state)}`)
    })
  }
  await useLocalAccount({ IMAGERY_LOCAL_ACCOUNT: deployer })
})
afterAll(() => emulated.stop())

test('a deploy into a brand-new project by an account with exactly the documented roles ends well', async () => {
  await expectDeploy(emulated, clock)
  const callers = new Set(emulated.calls('google.cloud.run.v2.Services/CreateService').map(({ email }) => email))
  expect([...callers]).toEqual([deployer])
})

test('and leaves nothing for the next one to do', () => expectNothingToDo(emulated))
