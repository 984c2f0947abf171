import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { selfTestContext, selfTestSteps } from '../../src/services/self-test/self-test.ts'
import { emulatedProject, type EmulatedProject } from './emulated-project.ts'
import { JumpingClock } from './jumping-clock.ts'

/** An imagery whose documents are not what the self-test expects, and that writes down how it was called. */
const PROGRAM = `
import { appendFileSync } from 'node:fs'
const [calls, command, ...rest] = process.argv.slice(1)
appendFileSync(calls, [command, ...rest].join(' ') + '\\n')
const documents = { run: { run_id: '261130-00000000', units: { ok: 1, total: 1 } }, results: { rows: [null] } }
console.log(JSON.stringify(documents[command] ?? {}))
`

let folder: string
let emulated: EmulatedProject

beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'imagery-self-test-'))
  emulated = await emulatedProject(new JumpingClock())
})
afterAll(async () => {
  await emulated.stop()
  await rm(folder, { recursive: true, force: true })
})

test('a bug in a step does not stop the cleanup, and is kept for its end', async () => {
  const calls = path.join(folder, 'calls.txt')
  const { target } = emulated.context('us-central1', 'selftest-0000')
  const { signal } = new AbortController()
  const kept: number[] = []
  const context = selfTestContext({
    target,
    launcher: { program: [process.execPath, '--input-type=module', '-e', PROGRAM, '--', calls], cloud: [], signal },
    sample: 'sample.jsonl',
    hasGemini: true,
    signal,
    keepReport: async ({ problems }) => void kept.push(problems.length),
  })
  const outcomes: unknown[] = []
  for (const step of selfTestSteps(context)) outcomes.push(await step.run(context, { detail: () => undefined }))
  expect(context.bug).toBeInstanceOf(TypeError)
  expect(context.problems).toEqual([expect.stringMatching(/^Measure the sample: a bug in imagery: Cannot read/)])
  expect(outcomes.slice(2, 4)).toEqual(
    ['because of the error before', 'because of the error before'].map((skipped) => ({ skipped })),
  )
  const commands = readFileSync(calls, 'utf8').trim().split('\n')
  expect(commands.slice(-2)).toEqual([
    'teardown 261130-00000000 --delete-results --yes --json',
    'teardown --deployment --all --yes --json',
  ])
  expect(context.leftBehind).toEqual([])
  // After each step that did something.
  expect(kept).toEqual([0, 1, 1, 1, 1])
})
