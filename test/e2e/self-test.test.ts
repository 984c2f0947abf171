import os from 'node:os'
import { readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { newUser, type ImageryUser } from '../cli/imagery-process.ts'

let user: ImageryUser

beforeEach(async () => {
  user = await newUser({ isWarm: true })
  await writeFile(path.join(user.folder, 'good.yaml'), '')
  await writeFile(path.join(user.folder, 'blind.yaml'), 'shares: {unreadable: 1}\n')
})

afterEach(() => user.leave())

interface Report {
  ok: boolean
  finished_at: string | null
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
  await user.startLocalCloud({ gemini: `script:${path.join(user.folder, 'good.yaml')}` })
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
  expect(text).not.toMatch(/imagery-local|gserviceaccount|imagery-user-|observations_|street_signs/)
  expect(text).not.toContain(os.homedir())
  const { storage, ...others } = await holdings()
  const { storage: _, ...othersBefore } = before
  expect(others).toEqual(othersBefore)
  // The log of the build, which Cloud Build keeps in a bucket of Google's own.
  expect(storage).toMatchObject({ buckets: 1, objects: 1 })
})

test('reports a run whose assets failed, exits with 1, and still deletes everything', async () => {
  await user.startLocalCloud({ gemini: `script:${path.join(user.folder, 'blind.yaml')}` })
  const { exitCode } = await user.run([...SELF_TEST, '--json'])
  const { report: found } = await report()
  expect({ exitCode, ok: found.ok, left: found.left_behind }).toEqual({ exitCode: 1, ok: false, left: [] })
  expect(found.problems).toEqual([expect.stringMatching(/^imagery run .*--profile utility-pole .* exited with 3/)])
  expect(found.commands.some(({ command }) => command.startsWith('imagery teardown --deployment'))).toBe(true)
})

test('deletes what exists after a Ctrl-C, and after a second one too, and exits with 130', async () => {
  await user.startLocalCloud()
  const { process: child, outcome } = user.start(SELF_TEST)
  const moments = ['Measure the sample', 'Tear down the deployment']
  child.stderr?.on('data', (chunk: Buffer) => {
    if (moments[0] === undefined || !String(chunk).includes(moments[0])) return
    moments.shift()
    child.kill('SIGINT')
  })
  const { exitCode, stderr } = await outcome
  expect(stderr).toContain('Still deleting what the self-test created')
  const { report: found } = await report()
  expect({ exitCode, ok: found.ok, left: found.left_behind }).toEqual({ exitCode: 130, ok: false, left: [] })
  expect(found.behaviors).toEqual([])
})

test('says what it leaves, and where its report is, after a third Ctrl-C', async () => {
  const { process: child, outcome } = user.start(SELF_TEST)
  let isPressed = false
  child.stderr?.on('data', (chunk: Buffer) => {
    const text = String(chunk)
    const isNext = text.includes('Still deleting') || (!isPressed && text.includes('Deploy under a throwaway name'))
    if (!isNext) return
    child.kill('SIGINT')
    if (!isPressed) setTimeout(() => child.kill('SIGINT'), 100)
    isPressed = true
  })
  const { exitCode, stderr } = await outcome
  expect(exitCode).toBe(130)
  const file = path.join(user.folder, 'imagery-self-test.json')
  expect(stderr).toMatch(
    new RegExp(`To delete the rest: imagery teardown --deployment --all --local .*--name selftest-[0-9a-f]{4}`),
  )
  expect(stderr).toContain(`Report: ${file}`)
  const { report: found } = await report()
  expect(found).toMatchObject({ ok: false, finished_at: null })
})
