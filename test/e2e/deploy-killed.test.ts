import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { newUser, type ImageryUser } from '../cli/imagery-process.ts'
import { someOf } from './campaign-length.ts'
import { openProject, type Project } from './project-state.ts'

/** The steps of a deploy that change something, by their titles in the progress. */
const STEPS = [
  'APIs',
  'Image repository',
  'Bucket',
  'Service accounts',
  'Roles in the project',
  'Roles on the bucket and accounts',
  'Image access for Vertex AI',
  'Image',
  'Service main',
  'Service populate',
  'Access to the services',
]

let user: ImageryUser
let project: Project
/** The state after an uninterrupted deploy, and before it. */
let deployed: unknown
let empty: unknown

beforeAll(async () => {
  user = await newUser({ isWarm: true })
  // Every call is slow, so that a kill hits a step at work.
  await user.startLocalCloud({ addedLatencyMs: 20 })
  project = await openProject(user.dataDirectory)
  await deploy()
  deployed = await project.state()
  await tearDown()
  empty = await project.state()
})

afterAll(() => user.leave())

async function deploy(): Promise<void> {
  const { exitCode, stderr } = await user.run(['deploy', '--local'])
  if (exitCode !== 0) throw new Error(stderr)
}

async function tearDown(): Promise<void> {
  const { exitCode, stderr } = await user.run(['teardown', '--deployment', '--yes', '--local'])
  if (exitCode !== 0) throw new Error(stderr)
}

/** Makes the next build take longer. */
async function slowBuild(delayMs: number): Promise<void> {
  const { http, adminToken } = project.locator
  const method = 'operation/google.cloud.run.v2.Builds/SubmitBuild'
  const rules = [{ method, times: 1, effect: { kind: 'delay', delayMs } }]
  const headers = { authorization: `Bearer ${adminToken}` }
  await fetch(new URL('/_imagery/faults', http), { method: 'PUT', headers, body: JSON.stringify(rules) })
}

async function builds(): Promise<{ id: string; status: string }[]> {
  const { projectId, region } = project.locator
  const path = `v1/projects/${projectId}/locations/${region}/builds`
  return ((await project.call('GET', path))['builds'] ?? []) as { id: string; status: string }[]
}

/** Starts a command and kills it with SIGKILL a moment after a step has begun. Returns whether it reached the step. */
async function killedAt(args: readonly string[], title: string, afterMs: number): Promise<boolean> {
  const { process: running, outcome } = user.start([...args, '--local'])
  let isReached = false
  running.stderr?.on('data', (chunk: Buffer | string) => {
    if (isReached || !String(chunk).includes(`· ${title}\n`)) return
    isReached = true
    setTimeout(() => running.kill('SIGKILL'), afterMs)
  })
  await outcome.catch(() => undefined)
  return isReached
}

describe('an interrupted deploy', () => {
  test('killed at any step is finished by the next deploy, with the same result', async () => {
    for (const [index, title] of someOf(STEPS, 4).entries()) {
      // At once, or between the step's calls.
      expect(await killedAt(['deploy'], title, (index % 3) * 40), title).toBe(true)
    }
    await deploy()
    expect(await project.state()).toEqual(deployed)
  })

  test.each(someOf(['Service main', 'Roles in the project'], 2))(
    'killed at "%s" is removed by teardown',
    async (title) => {
      await tearDown()
      expect(await killedAt(['deploy'], title, 30)).toBe(true)
      await tearDown()
      expect(await project.state()).toEqual(empty)
    },
  )

  test('killed during its build leaves that build to the next deploy, which starts none', async () => {
    const before = await builds()
    await slowBuild(2_000)
    const { process: running, outcome } = user.start(['deploy', '--local'])
    await expect.poll(builds, { interval: 20, timeout: 20_000 }).toHaveLength(before.length + 1)
    running.kill('SIGKILL')
    await outcome.catch(() => undefined)
    await deploy()
    expect(await builds()).toEqual([expect.objectContaining({ status: 'SUCCESS' }), ...before])
    expect(await project.state()).toEqual(deployed)
  })
})

test('a teardown killed at any step is finished by the next', async () => {
  for (const title of someOf(['Services', 'Image repository', 'Roles in the project', 'Service accounts', 'Bucket'], 4))
    await killedAt(['teardown', '--deployment', '--yes'], title, 30)
  await tearDown()
  expect(await project.state()).toEqual(empty)
})
