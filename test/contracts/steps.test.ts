import { expect, test } from 'vitest'
import { pipeline, together, type Pipeline, type PipelineStep } from '../../src/contracts/steps.ts'

interface Counted {
  count: number
}

const countWords: PipelineStep<{ text: string }, Counted> = {
  title: 'Count',
  async run({ text }) {
    return { done: 'counted', adds: { count: text.split(' ').length } }
  },
}

const double: PipelineStep<Counted, { doubled: number }> = {
  title: 'Double',
  async run({ count }) {
    return { skipped: 'trivial', adds: { doubled: count * 2 } }
  },
}

const silent = { detail: () => undefined }

async function run<State extends object>({ steps, result }: Pipeline<State>): Promise<State> {
  for (const step of steps) await step.run({}, silent)
  return result()
}

test('a pipeline gives each step what the steps before it added, and returns it all', async () => {
  const steps = pipeline({ text: 'one two three' }).step(countWords).step(double)
  expect(steps.steps.map(({ title }) => title)).toEqual(['Count', 'Double'])
  expect(await run(steps)).toEqual({ text: 'one two three', count: 3, doubled: 6 })
})

test("a pipeline's step reports only its outcome", async () => {
  const [first, second] = pipeline({ text: 'one' }).step(countWords).step(double).steps
  expect(await first?.run({}, silent)).toEqual({ done: 'counted' })
  expect(await second?.run({}, silent)).toEqual({ skipped: 'trivial' })
})

test('a pipeline has a conditional step only if its condition is true', async () => {
  const start = pipeline({ count: 4 })
  const without = start.stepIf(false, double)
  expect(without.steps).toEqual([])
  expect(await run(without)).toEqual({ count: 4 })
  expect(await run(start.stepIf(true, double))).toEqual({ count: 4, doubled: 8 })
})

test('a pipeline has no result before its last step has ended', async () => {
  const { steps, result } = pipeline({ text: 'one' }).step(countWords).step(double)
  await steps[0]?.run({}, silent)
  expect(result).toThrow('the step "Double" has not ended')
})

test('a pipeline does not compile if a step comes before the step that adds its input', () => {
  // @ts-expect-error -- `count` does not exist yet
  const steps = pipeline({ text: 'one' }).step(double)
  expect(steps.steps).toHaveLength(1)
  // @ts-expect-error -- a conditional step may not have run
  const maybe = pipeline({ text: 'one' }).stepIf(true, countWords).step(double)
  expect(maybe.steps).toHaveLength(2)
})

test('two steps together run at the same time, and add what both add', async () => {
  let open: () => void = () => undefined
  const opened = new Promise<void>((resolve) => (open = resolve))
  const waits: PipelineStep<{ text: string }, { waited: true }> = {
    title: 'Wait',
    async run() {
      await opened
      return { done: 'waited', adds: { waited: true } }
    },
  }
  const opens: PipelineStep<{ text: string }, Counted> = {
    ...countWords,
    async run(...given) {
      open()
      return countWords.run(...given)
    },
  }
  const steps = pipeline({ text: 'one two' }).step(together('Both', waits, opens))
  expect(await steps.steps[0]!.run({}, silent)).toEqual({ done: 'waited, counted' })
  expect(steps.result()).toEqual({ text: 'one two', waited: true, count: 2 })
})

test('two steps together fail only when both have ended, with the error of the first', async () => {
  const ended: string[] = []
  const fails = (name: string, ticks: number): PipelineStep<object, object> => ({
    title: name,
    async run() {
      for (let tick = 0; tick < ticks; tick++) await Promise.resolve()
      ended.push(name)
      throw new Error(name)
    },
  })
  const run = (...[one, other]: [PipelineStep<object, object>, PipelineStep<object, object>]) =>
    together('Both', one, other).run({}, silent)
  await expect(run(fails('one', 9), fails('other', 0))).rejects.toThrow('one')
  expect(ended).toEqual(['other', 'one'])
  const works: PipelineStep<object, object> = { title: 'Work', run: async () => ({ adds: {} }) }
  await expect(run(works, fails('other', 0))).rejects.toThrow('other')
  await expect(run(fails('one', 0), works)).rejects.toThrow('one')
})
