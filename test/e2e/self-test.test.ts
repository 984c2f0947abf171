import { readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { newUser, type ImageryUser } from '../cli/imagery-process.ts'

let user: ImageryUser

beforeEach(async () => {
  user = await newUser()
  await writeFile(path.join(user.folder, 'good.yaml'), '')
  await writeFile(path.join(user.folder, 'blind.yaml'), 'shares: {unreadable: 1}\n')
})

afterEach(() => user.leave())

interface Report {
  ok: boolean
  problems: string[]
  left_behind: string[]
  cost_usd: number
  behaviors: { id: string; outcome: string; detail: string }[]
  commands: { command: string; exit_code: number }[]
}

async function report(): Promise<{ text: string; report: Report }> {
  const text = await readFile(path.join(user.folder, 'imagery-self-test.json'), 'utf8')
  return { text, report: JSON.parse(text) as Report }
}

/** What the local cloud holds, without the APIs that stay enabled and the history of operations. */
async function holdings(): Promise<Record<string, Record<string, number>>> {
  const all = (await user.holdings()) ?? {}
  return Object.fromEntries(
    ['storage', 'bigquery', 'pubsub', 'cloud-tasks', 'cloud-run', 'artifact-registry', 'iam'].flatMap((api) =>
      all[api] ? [[api, all[api]]] : [],
    ),
  )
}

const SELF_TEST = ['doctor', '--self-test', '--local']

test('passes on the local cloud, names no project or account in its report, and leaves nothing behind', async () => {
  await user.run(['local', 'start', '--detach', '--gemini', 'script:good.yaml'])
  const before = await holdings()
  const { exitCode, stdout } = await user.run(SELF_TEST)
  const { text, report: found } = await report()
  expect({ exitCode, problems: found.problems, left: found.left_behind }).toEqual({
    exitCode: 0,
    problems: [],
    left: [],
  })
  expect(stdout).toContain('The self-test passed, and nothing is left behind.')
  expect(found.ok).toBe(true)
  expect(found.behaviors.length).toBeGreaterThan(10)
  expect(found.behaviors.filter(({ outcome }) => outcome !== 'as_expected')).toEqual([])
  expect(found.commands.map(({ exit_code: code }) => code)).toEqual(found.commands.map(() => 0))
  expect(found.cost_usd).toBeGreaterThan(0)
  expect(found.cost_usd).toBeLessThan(0.05)
  expect(text).not.toMatch(/imagery-local|gserviceaccount|imagery-user-/)
  const { storage, ...others } = await holdings()
  const { storage: _, ...othersBefore } = before
  expect(others).toEqual(othersBefore)
  // The log of the build, which Cloud Build keeps in a bucket of Google's own.
  expect(storage).toMatchObject({ buckets: 1, objects: 1 })
})

test('reports a run whose assets failed, exits with 1, and still deletes everything', async () => {
  await user.run(['local', 'start', '--detach', '--gemini', 'script:blind.yaml'])
  const { exitCode } = await user.run([...SELF_TEST, '--json'])
  const { report: found } = await report()
  expect({ exitCode, ok: found.ok, left: found.left_behind }).toEqual({ exitCode: 1, ok: false, left: [] })
  expect(found.problems).toEqual([expect.stringMatching(/^imagery run .*--profile utility-pole .* exited with 3/)])
  expect(found.commands.some(({ command }) => command.startsWith('imagery teardown --deployment'))).toBe(true)
})

test('deletes what exists after a Ctrl-C, and exits with 130', async () => {
  const { process: child, outcome } = user.start(SELF_TEST)
  let isInterrupted = false
  child.stderr?.on('data', (chunk: Buffer) => {
    // A second Ctrl-C would end the cleanup.
    if (isInterrupted || !String(chunk).includes('Measure the sample')) return
    isInterrupted = true
    child.kill('SIGINT')
  })
  const { exitCode } = await outcome
  const { report: found } = await report()
  expect({ exitCode, ok: found.ok, left: found.left_behind }).toEqual({ exitCode: 130, ok: false, left: [] })
  expect(found.behaviors).toEqual([])
})
