import { expect, test } from 'vitest'
import { allEnded } from '../../src/contracts/all-ended.ts'

test('results come in their order, when all work has ended', async () => {
  expect(await allEnded([Promise.resolve(1), Promise.resolve('two')])).toEqual([1, 'two'])
})

test('a failure waits for the other work, and the first in the list counts', async () => {
  const ended: string[] = []
  const fails = async (name: string, ticks: number): Promise<never> => {
    for (let tick = 0; tick < ticks; tick++) await Promise.resolve()
    ended.push(name)
    throw new Error(name)
  }
  await expect(allEnded([fails('first', 9), fails('second', 0), Promise.resolve()])).rejects.toThrow('first')
  expect(ended).toEqual(['second', 'first'])
})
