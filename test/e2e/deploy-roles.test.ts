import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { newUser, type ImageryUser, type Outcome } from '../cli/imagery-process.ts'
import { DEPLOYER_ROLES, enableApis, newAccount, setRoles } from './deployer.ts'
import { openProject, type Project } from './project-state.ts'

let user: ImageryUser
let project: Project
let deployer: string

beforeAll(async () => {
  user = await newUser({ isWarm: true })
  await user.startLocalCloud()
  project = await openProject(user.dataDirectory)
  await enableApis(project, ['iam.googleapis.com', 'cloudresourcemanager.googleapis.com'])
  deployer = await newAccount(project, 'deployer', [])
})

afterAll(() => user.leave())

const deploy = (): Promise<Outcome> => user.run(['deploy', '--local', '--json'], { IMAGERY_LOCAL_ACCOUNT: deployer })

/** In the order of the steps, so that the work of earlier steps is done. */
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
  test('is tested without each of them', () => {
    expect(new Set(IN_ORDER)).toEqual(new Set(DEPLOYER_ROLES))
  })

  test.each(IN_ORDER)('names %s, with the command that grants it', async (role) => {
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
      message: expect.stringContaining(`It requires ${role} on`),
    })
    expect(suggestions).toContain(
      `gcloud projects add-iam-policy-binding ${project.locator.projectId} --member serviceAccount:${deployer} --role ${role}`,
    )
  })

  test('succeeds with all of them', async () => {
    await setRoles(project, deployer, DEPLOYER_ROLES)
    expect(await deploy()).toMatchObject({ exitCode: 0, stderr: '' })
  })
})

/** Deletes the deployment's image, so that the next deploy builds one. */
async function deleteImage(): Promise<void> {
  const { projectId, region } = project.locator
  const image = `v1/projects/${projectId}/locations/${region}/repositories/imagery/packages/runtime`
  const { versions } = (await project.call('GET', `${image}/versions`).catch(() => ({}))) as {
    versions?: { name: string }[]
  }
  for (const { name } of versions ?? []) await project.call('DELETE', `v1/${name}?force=true`)
  const isGone = (): Promise<boolean> =>
    project.call('GET', image).then(
      () => false,
      () => true,
    )
  await expect.poll(isGone).toBe(true)
}

/** The outcome of a deploy that loses a role after it has checked the grant. The role is then restored. */
async function deployLosing(on: string, role: string, member: string, ...flags: string[]): Promise<Outcome> {
  const { http, adminToken, projectId } = project.locator
  const admin = async (init: RequestInit = {}): Promise<unknown> => {
    const headers = { authorization: `Bearer ${adminToken}` }
    return (await fetch(new URL('/_imagery/faults', http), { headers, ...init })).json()
  }
  // The first call after the roles were checked: whether there is an image.
  const rules = [{ method: 'artifactregistry.tags.get', times: 1, effect: { kind: 'delay', delayMs: 600 } }]
  await admin({ method: 'PUT', body: JSON.stringify(rules) })
  const running = user.run(['deploy', '--local', '--json', ...flags], { IMAGERY_LOCAL_ACCOUNT: deployer })
  await expect.poll(admin, { interval: 20, timeout: 20_000 }).toMatchObject([{ applied: 1 }])
  const route = on === 'project' ? `v3/projects/${projectId}` : `v1/projects/${projectId}/serviceAccounts/${on}`
  const bindings = async (change: (bindings: Binding[]) => Binding[]): Promise<void> => {
    const policy = await project.call('POST', `${route}:getIamPolicy`, {})
    await project.call('POST', `${route}:setIamPolicy`, {
      policy: { ...policy, bindings: change((policy['bindings'] ?? []) as Binding[]) },
    })
  }
  await bindings((all) =>
    all.filter((each) => each.role !== role || !each.members.includes(`serviceAccount:${member}`)),
  )
  const outcome = await running
  await bindings((all) => [...all, { role, members: [`serviceAccount:${member}`] }])
  return outcome
}

interface Binding {
  role: string
  members: string[]
}

describe('a deploy whose own grant of a role is lost', () => {
  const account = (name: string): string => `imagery-${name}@${project.locator.projectId}.iam.gserviceaccount.com`

  test.each([
    ['runtime', 'change a service', 'there'],
    ['builder', 'build', 'gone'],
  ])('to act as imagery-%s cannot %s, and names the account', async (name, _what, image) => {
    if (image === 'gone') await deleteImage()
    const role = 'roles/iam.serviceAccountUser'
    const outcome = await deployLosing(account(name), role, deployer, '--max-instances', '9')
    expect(outcome.exitCode).toBe(1)
    expect(outcome.error()).toMatchObject({
      code: 'ACCESS_DENIED',
      message: expect.stringMatching(new RegExp(`It requires ${role} on ${account(name)}$`)) as string,
      suggestions: [
        `gcloud iam service-accounts add-iam-policy-binding ${account(name)} --project ${project.locator.projectId} ` +
          `--member serviceAccount:${deployer} --role ${role}`,
      ],
    })
  })

  test('to imagery-builder cannot build, and says what that account cannot read', async () => {
    await deleteImage()
    const outcome = await deployLosing('project', 'roles/run.builder', account('builder'))
    expect(outcome.exitCode).toBe(1)
    expect(outcome.error()).toMatchObject({
      code: 'DEPLOYMENT_FAILED',
      message: expect.stringMatching(
        new RegExp(`could not be built: .*${account('builder')} does not have storage.objects.get access`),
      ) as string,
    })
  })
})
