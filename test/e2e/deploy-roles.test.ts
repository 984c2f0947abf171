import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { newUser, type ImageryUser, type Outcome } from '../cli/imagery-process.ts'
import { DEPLOYER_ROLES, enableApis, newAccount, setRoles } from './deployer.ts'
import { openProject, type Project } from './project-state.ts'

let user: ImageryUser
let project: Project
let deployer: string

beforeAll(async () => {
  user = await newUser()
  await user.startLocalCloud()
  project = await openProject(user.dataDirectory)
  await enableApis(project, ['iam.googleapis.com', 'cloudresourcemanager.googleapis.com'])
  deployer = await newAccount(project, 'deployer', [])
})

afterAll(() => user.leave())

const deploy = (): Promise<Outcome> => user.run(['deploy', '--local', '--json'], { IMAGERY_LOCAL_ACCOUNT: deployer })

/** By the order of the steps, so that each finds done what those before it had to do. */
const IN_ORDER = [
  'roles/serviceusage.serviceUsageAdmin',
  'roles/artifactregistry.admin',
  'roles/storage.admin',
  'roles/iam.serviceAccountAdmin',
  'roles/resourcemanager.projectIamAdmin',
  'roles/run.sourceDeveloper',
  'roles/run.admin',
]

describe('a deploy by an account with all the documented roles but one', () => {
  test('is tried without each of them', () => {
    expect(new Set(IN_ORDER)).toEqual(new Set(DEPLOYER_ROLES))
  })

  test.each(IN_ORDER)('names %s, with the command that gives it', async (role) => {
    await setRoles(
      project,
      deployer,
      DEPLOYER_ROLES.filter((other) => other !== role),
    )
    const outcome = await deploy()
    expect(outcome.exitCode).toBe(1)
    const { code, message, suggestions } = outcome.error()
    expect({ code, message }).toEqual({
      code: 'ACCESS_DENIED',
      message: expect.stringContaining(`It takes ${role} on`),
    })
    expect(suggestions).toContain(
      `gcloud projects add-iam-policy-binding ${project.locator.projectId} --member serviceAccount:${deployer} --role ${role}`,
    )
  })

  test('goes through once it has them all', async () => {
    await setRoles(project, deployer, DEPLOYER_ROLES)
    expect(await deploy()).toMatchObject({ exitCode: 0, stderr: '' })
  })
})
