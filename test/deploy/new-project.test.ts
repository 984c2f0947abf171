import { afterAll, beforeAll, expect, test } from 'vitest'
import { emulatedProject, type EmulatedProject } from './emulated-project.ts'
import { JumpingClock } from './jumping-clock.ts'
import { expectDeploy, expectNothingToDo } from './new-project.ts'

const clock = new JumpingClock()
let emulated: EmulatedProject

beforeAll(async () => {
  emulated = await emulatedProject(clock)
})
afterAll(() => emulated.stop())

test('a deploy into a brand-new project ends well with no help', async () => {
  const { warnings } = await expectDeploy(emulated, clock)
  expect(warnings.filter((warning) => !warning.startsWith('Gemini: '))).toEqual([])
})

test('and leaves nothing for the next one to do', () => expectNothingToDo(emulated))
