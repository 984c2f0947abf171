import { rmSync } from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import * as z from 'zod'
import { LOCATOR_FILE } from '@imagery/local-cloud/contract/locator'
import { newUser, ROOT, type ImageryUser, type Outcome } from '../cli/imagery-process.ts'
import { runReport } from './documents.ts'
import { openProject, type Project } from './project-state.ts'

const OBSERVATIONS = path.join(ROOT, 'samples', 'street-signs', 'observations.jsonl')

// Without a name, a command would use the name of the only deployment that this machine remembers.
const AMERICA = ['--region', 'us-central1', '--name', '']
const EUROPE = ['--region', 'europe-west1', '--name', '']
const NIGHT = ['--region', 'us-central1', '--name', 'night']

const services = z.object({ services: z.array(z.object({ name: z.string(), outcome: z.string() })) })

let user: ImageryUser
let project: Project

beforeAll(async () => {
  user = await newUser({ isWarm: true })
  await user.startLocalCloud()
  project = await openProject(user.dataDirectory)
  for (const place of [AMERICA, EUROPE, NIGHT]) expect(await google('deploy', ...place)).toMatchObject({ exitCode: 0 })
})

afterAll(() => user.leave())

/** The commands as used on Google Cloud; only the clients' addresses are the local cloud's. */
const google = (...args: string[]): Promise<Outcome> => inProject(project.locator.projectId, ...args)

const inProject = (projectId: string, ...args: string[]): Promise<Outcome> =>
  user.run([...args, '--project', projectId, '--json'], {
    IMAGERY_LOCAL_CLOUD: path.join(user.dataDirectory, LOCATOR_FILE),
  })

async function accounts(): Promise<string[]> {
  const { accounts: found } = (await project.state()) as { accounts: { email: string }[] }
  return found.map(({ email }) => email.split('@')[0] ?? '').filter((id) => id.startsWith('imagery'))
}

async function places(): Promise<unknown> {
  const { deployments } = (await google('deploy', '--list')).json() as {
    deployments: { region: string; name: string | null; state: string }[]
  }
  return deployments.map(({ region, name, state }) => [region, name ?? '', state])
}

describe('deployments in two regions, and two in one', () => {
  test('are found from any machine', async () => {
    rmSync(user.stateFile)
    expect(await places()).toEqual([
      ['europe-west1', '', 'ready'],
      ['us-central1', '', 'ready'],
      ['us-central1', 'night', 'ready'],
    ])
  })

  test('have service accounts per name, not per region', async () => {
    expect((await accounts()).toSorted()).toEqual([
      'imagery-builder',
      'imagery-invoker',
      'imagery-night-builder',
      'imagery-night-invoker',
      'imagery-night-runtime',
      'imagery-runtime',
    ])
  })

  test('are refused in a project that the account may not see, before anything is created', async () => {
    const before = await project.state()
    const outcome = await inProject('another-owners', 'deploy', ...AMERICA)
    expect(outcome.exitCode).toBe(1)
    expect(outcome.error()).toMatchObject({
      code: 'PREFLIGHT_FAILED',
      message: expect.stringContaining('Project: another-owners does not exist, or this account has no access to it'),
      suggestions: expect.arrayContaining([
        'gcloud projects list',
        'imagery doctor --project another-owners --region us-central1',
      ]),
    })
    expect(await project.state()).toEqual(before)
  })

  test('work independently', async () => {
    const outcome = await google('run', ...NIGHT, '--table', OBSERVATIONS, '--profile', 'resolution')
    expect(runReport.parse(outcome.json())).toMatchObject({ state: 'complete', units: { total: 12, ok: 12 } })
    expect(((await google('runs', ...NIGHT)).json() as { runs: unknown[] }).runs).toHaveLength(1)
    expect(((await google('runs', ...AMERICA)).json() as { runs: unknown[] }).runs).toHaveLength(0)
  })

  test('run an image given by digest, without a build', async () => {
    const { projectId } = project.locator
    const repository = `projects/${projectId}/locations/us-central1/repositories/imagery`
    const { dockerImages } = (await project.call('GET', `v1/${repository}/dockerImages`)) as {
      dockerImages: { uri: string }[]
    }
    const image = dockerImages[0]!.uri
    expect(image).toMatch(/@sha256:[0-9a-f]{64}$/)
    const builds = await project.call('GET', `v1/projects/${projectId}/locations/us-central1/builds`)
    const outcome = await google('deploy', ...NIGHT, '--image', image)
    expect(services.parse(outcome.json()).services.map((each) => each.outcome)).toEqual(['updated', 'updated'])
    const run = await google('run', ...NIGHT, '--table', OBSERVATIONS, '--profile', 'resolution', '--limit', '1')
    expect(runReport.parse(run.json())).toMatchObject({ state: 'complete', units: { total: 1, ok: 1 } })
    const again = services.parse((await google('deploy', ...NIGHT, '--image', image)).json())
    expect(again.services.map((each) => each.outcome)).toEqual(['unchanged', 'unchanged'])
    expect(await project.call('GET', `v1/projects/${projectId}/locations/us-central1/builds`)).toEqual(builds)
  })

  test('run the archive without a build on request', async () => {
    const outcome = await google('deploy', ...NIGHT, '--no-build')
    expect(services.parse(outcome.json()).services.map((each) => each.outcome)).toEqual(['updated', 'updated'])
    const run = await google('run', ...NIGHT, '--table', OBSERVATIONS, '--profile', 'resolution')
    expect(runReport.parse(run.json())).toMatchObject({ state: 'complete', units: { total: 12, ok: 12 } })
  })
})

describe('a teardown', () => {
  test('of one region keeps the accounts for the other, which keeps working', async () => {
    const outcome = await google('teardown', '--deployment', ...EUROPE, '--yes')
    expect(outcome.json()).toMatchObject({ kept: [expect.stringContaining('us-central1') as string] })
    expect(await accounts()).toHaveLength(6)
    const again = services.parse((await google('deploy', ...AMERICA)).json())
    expect(again.services.map((each) => each.outcome)).toEqual(['unchanged', 'unchanged'])
  })

  test('of one name keeps the other', async () => {
    expect((await google('teardown', '--deployment', '--all', ...NIGHT, '--yes')).exitCode).toBe(0)
    expect((await accounts()).toSorted()).toEqual(['imagery-builder', 'imagery-invoker', 'imagery-runtime'])
    expect(await places()).toEqual([['us-central1', '', 'ready']])
  })

  test('of the last region deletes the accounts', async () => {
    expect((await google('teardown', '--deployment', ...AMERICA, '--yes')).exitCode).toBe(0)
    expect(await accounts()).toEqual([])
    expect(JSON.stringify(await project.state())).not.toContain('imagery-runtime')
  })
})
