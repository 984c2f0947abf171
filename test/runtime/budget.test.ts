import { expect, test } from 'vitest'
import { Budget } from '../../src/runtime/budget.ts'

const never = new AbortController().signal

/** Work that ends on request and records its start. */
function work() {
  const done = Promise.withResolvers<void>()
  const state = {
    started: false,
    finish: done.resolve,
    fail: done.reject,
    run: () => ((state.started = true), done.promise),
  }
  return state
}

/** Runs everything that can continue. */
const settled = () => new Promise((resolve) => setImmediate(resolve))

test('work starts while it fits and otherwise waits in order', async () => {
  const budget = new Budget(10)
  const [first, second, third] = [work(), work(), work()]
  const all = [budget.spend(6, never, first.run), budget.spend(6, never, second.run), budget.spend(1, never, third.run)]
  await settled()
  // The third would fit, but later work must not keep a large image waiting forever.
  expect([first.started, second.started, third.started]).toEqual([true, false, false])
  first.finish()
  await settled()
  expect([second.started, third.started]).toEqual([true, true])
  second.finish()
  third.finish()
  await Promise.all(all)
})

test('work that lowers its amount makes room for the next, and gives back the rest once', async () => {
  const budget = new Budget(10)
  const [big, next, last] = [work(), work(), work()]
  let lower: (amount: number) => void = () => undefined
  const first = budget.spend(10, never, (own) => ((lower = own), big.run()))
  const others = [budget.spend(7, never, next.run), budget.spend(3, never, last.run)]
  await settled()
  expect(next.started).toBe(false)
  lower(3)
  lower(8)
  await settled()
  expect([next.started, last.started]).toEqual([true, false])
  big.finish()
  await settled()
  expect(last.started).toBe(true)
  next.finish()
  last.finish()
  await Promise.all([first, ...others])
  await budget.spend(10, never, async () => undefined)
})

test('an image larger than the whole budget takes all of it', async () => {
  const budget = new Budget(10)
  const [huge, small] = [work(), work()]
  const all = [budget.spend(1000, never, huge.run), budget.spend(1, never, small.run)]
  await settled()
  expect([huge.started, small.started]).toEqual([true, false])
  huge.finish()
  small.finish()
  await Promise.all(all)
})

test('failed work returns its share', async () => {
  const budget = new Budget(10)
  await expect(budget.spend(10, never, () => Promise.reject(new Error('torn')))).rejects.toThrow('torn')
  expect(await budget.spend(10, never, () => Promise.resolve('next'))).toBe('next')
})

test('a waiter that gives up lets the next one start', async () => {
  const budget = new Budget(10)
  const [running, abandoned, next] = [work(), work(), work()]
  const impatient = new AbortController()
  const first = budget.spend(6, never, running.run)
  const second = budget.spend(6, impatient.signal, abandoned.run)
  const third = budget.spend(4, never, next.run)
  impatient.abort(new Error('out of time'))
  await expect(second).rejects.toThrow('out of time')
  await settled()
  expect([abandoned.started, next.started]).toEqual([false, true])
  running.finish()
  next.finish()
  await Promise.all([first, third])
})

test('waiting work can be dismissed; started work continues, and later work gets its turn', async () => {
  const budget = new Budget(1)
  const [first, second, third] = [work(), work(), work()]
  const running = budget.spend(1, never, first.run)
  const waiting = budget.spend(1, never, second.run)
  await settled()
  budget.dismiss(new Error('stopping'))
  await expect(waiting).rejects.toThrow('stopping')
  const later = budget.spend(1, never, third.run)
  first.finish()
  await running
  await settled()
  expect([second.started, third.started]).toEqual([false, true])
  third.finish()
  await later
})
