import { describe, expect, test } from 'vitest'
import { ManualClock } from '@imagery/local-cloud/internal/kernel/clock'
import type { Asset } from '../../src/contracts/messages.ts'
import type { RunSpec } from '../../src/contracts/run-spec.ts'
import { failureKind } from '../../src/contracts/failure-kind.ts'
import { CloudError } from '../../src/google/transport/errors.ts'
import { MOST_FIRST_FAILURES } from '../../src/contracts/run-controls.ts'
import { FailureStreak } from '../../src/runtime/limits/failure-streak.ts'
import { randomFrom } from '../e2e/random.ts'
import { FakeRunObjects } from './fake-limits.ts'
import { ANSWER, RUN_ID, SPEC, TASK } from './fixtures.ts'
import { mainService } from './main-service.ts'
import { AttemptFailure, type Answer, type AnswerOptions } from '../../src/runtime/models/model.ts'

const failed = { failed: 'schema' }

/** A run whose calls cost nothing, so that only failures make an instance read its limits. */
const FREE: RunSpec = {
  ...SPEC,
  gemini: SPEC.gemini && { ...SPEC.gemini, price: { ...SPEC.gemini.price, input_nanousd: 0, output_nanousd: 0 } },
}

describe('failures in a row', () => {
  test('count in the order in which the units started, so that units that fail at once do not pass the others', () => {
    const streak = new FailureStreak(new ManualClock())
    const [first, second, third] = [streak.start(), streak.start(), streak.start()]
    expect(second.end(failed)).toBe(0)
    expect(third.end(failed)).toBe(0)
    expect(first.end('answered')).toBe(0)
    expect(streak.length).toBe(2)
    expect(streak.start().end(failed)).toBe(3)
    expect(streak.start().end('tried again')).toBe(0)
    expect(streak.start().end({ failed: 'blocked' })).toBe(1)
  })

  test('do not wait for a unit that takes far longer than others', async () => {
    const clock = new ManualClock()
    const streak = new FailureStreak(clock)
    streak.start()
    expect(streak.start().end(failed)).toBe(0)
    await clock.advance(6_000)
    expect(streak.start().end(failed)).toBe(2)
  })

  test('stay few in a healthy run, in which a third of the units fail at once', async () => {
    const clock = new ManualClock()
    const streak = new FailureStreak(clock)
    const random = randomFrom(7)
    for (let warm = 0; warm < 10; warm++) random()
    let longest = 0
    const work = async (): Promise<void> => {
      for (let unit = 0; unit < 50; unit++) {
        const one = streak.start()
        const isBad = random() < 0.33
        await new Promise<void>((resolve) => void clock.after(isBad ? 10 : 1_000 + random() * 1_000, resolve))
        longest = Math.max(longest, one.end(isBad ? failed : 'answered'))
      }
    }
    const all = Promise.all(Array.from({ length: 100 }, work))
    await clock.advance(200_000)
    await all
    expect(longest).toBeLessThan(15)
  })
})

test('failures of one kind have the same message apart from what names them', () => {
  const kind = failureKind('unreadable_image', 'no readable image: gs://a/1.jpg does not exist')
  expect(failureKind('unreadable_image', 'no readable image: gs://b/2 x.jpg does not exist')).toBe(kind)
  expect(failureKind('unreadable_image', 'no readable image: gs://b/2.jpg is empty')).not.toBe(kind)
  expect(failureKind('schema', 'sign is "a"')).toBe(failureKind('schema', 'sign is "b"'))
})

test('a run stops after as many failures alike as it allows, says why, and keeps their rows', async () => {
  const objects = new FakeRunObjects()
  objects.controls = { ...objects.controls, max_failures: 3 }
  const { process, rows } = mainService({
    objects,
    async answer(asset, _signal, options) {
      await options?.onTurn?.()
      if (asset.unit_id === 'good') return ANSWER
      throw new AttemptFailure('schema', `the answer is not JSON: "${asset.unit_id}"`, { retryable: false })
    },
  })
  for (const unit_id of ['a', 'b', 'good', 'c', 'd']) await process({ ...TASK, unit_id })
  expect(objects.stop).toBeUndefined()
  expect((await process({ ...TASK, unit_id: 'e' })).status).toBe(200)
  expect(objects.stop).toMatchObject({
    reason: 'max_failures',
    message: '3 assets in a row failed alike (schema), for example e: the answer is not JSON: "e"',
    failure: { cause: 'schema', unit_id: 'e', error_message: 'the answer is not JSON: "e"' },
  })
  expect(rows).toHaveLength(6)
})

test('a run stops after answers that do not fit its schema in a row, each in its own way', async () => {
  const objects = new FakeRunObjects()
  objects.controls = { ...objects.controls, max_failures: 3 }
  const { process } = mainService({
    objects,
    async answer(asset, _signal, options) {
      await options?.onTurn?.()
      if (asset.unit_id === 'b') throw new AttemptFailure('blocked', 'the prompt was blocked', { retryable: false })
      throw new AttemptFailure('schema', `${asset.unit_id} is missing`, { retryable: false })
    },
  })
  for (const unit_id of ['a', 'b', 'c', 'd']) await process({ ...TASK, unit_id })
  expect(objects.stop).toBeUndefined()
  await process({ ...TASK, unit_id: 'e' })
  expect(objects.stop).toMatchObject({
    reason: 'max_failures',
    failure: { cause: 'schema', unit_id: 'e', error_message: 'e is missing' },
  })
})

test.each([
  ['which is published', async () => undefined],
  [
    'whose topic refuses it, which a heartbeat tries again',
    () => Promise.reject(new CloudError('NOT_FOUND', 'no topic')),
  ],
])('a stop is told to the topic of the run at once and by one instance, %s', async (_, publish) => {
  const objects = new FakeRunObjects()
  objects.controls = { ...objects.controls, max_failures: 1 }
  const told: unknown[] = []
  objects.notify = async () => {
    told.push(objects.stop?.reason)
    await publish()
  }
  const answer = async (asset: Asset, _signal: AbortSignal, options?: AnswerOptions): Promise<Answer> => {
    await options?.onTurn?.()
    throw new AttemptFailure('schema', 'the answer is not JSON', { retryable: false })
  }
  const [one, other] = [mainService({ objects, answer }), mainService({ objects, answer })]
  const statuses = await Promise.all([one.process(), other.process({ ...TASK, unit_id: 'sign-2' })])
  expect(statuses.map(({ status }) => status)).toEqual([200, 200])
  expect(told).toEqual(['max_failures'])
})

test('a unit whose row the ledger does not accept yet counts once, also if it failed before any call', async () => {
  const objects = new FakeRunObjects()
  objects.controls = { ...objects.controls, max_failures: 3 }
  let isDown = true
  const { process, rows } = mainService({
    objects,
    async append() {
      if (isDown) throw new CloudError('UNAVAILABLE', 'down')
    },
  })
  const withoutImage = { ...TASK, observations: [] }
  for (let delivery = 0; delivery < 5; delivery++) expect((await process(withoutImage)).status).toBe(503)
  expect(objects.stop).toBeUndefined()
  isDown = false
  expect((await process(withoutImage)).status).toBe(200)
  expect({ rows: rows.length, stop: objects.stop }).toEqual({ rows: 1, stop: undefined })
})

test('a run stops when its first units fail alike and none was answered, and starts no call while the stop is stored', async () => {
  const objects = new FakeRunObjects()
  objects.controls = { ...objects.controls, max_failures: 50 }
  let store = (): void => undefined
  objects.beforeStop = new Promise<void>((resolve) => (store = resolve))
  let calls = 0
  const { process } = mainService({
    objects,
    async answer(asset, _signal, options) {
      await options?.onTurn?.()
      calls += 1
      throw new AttemptFailure('schema', `the answer is not JSON: "${asset.unit_id}"`, { retryable: false })
    },
  })
  for (let unit = 1; unit < MOST_FIRST_FAILURES; unit++) await process({ ...TASK, unit_id: `u${unit}` })
  expect(objects.stop).toBeUndefined()
  const last = process({ ...TASK, unit_id: 'last' })
  while (calls < MOST_FIRST_FAILURES) await new Promise((resolve) => setImmediate(resolve))
  const later = ['x', 'y'].map((unit_id) => process({ ...TASK, unit_id }))
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve))
  store()
  expect((await last).status).toBe(200)
  expect((await Promise.all(later)).map(({ status }) => status)).toEqual([429, 429])
  expect(calls).toBe(MOST_FIRST_FAILURES)
  expect(objects.stop?.message).toMatch(/^10 assets in a row failed alike before any was answered \(schema\)/)
})

test('no call starts while the limits are read to judge a failure', async () => {
  const objects = new FakeRunObjects()
  objects.controls = { ...objects.controls, max_failures: 1 }
  let read = (): void => undefined
  objects.beforeControls = new Promise<void>((resolve) => (read = resolve))
  let calls = 0
  const { process } = mainService({
    objects,
    specs: new Map([[RUN_ID, FREE]]),
    async answer(_asset, _signal, options) {
      await options?.onTurn?.()
      calls += 1
      throw new AttemptFailure('schema', 'the answer is not JSON', { retryable: false })
    },
  })
  const first = process()
  while (objects.reads === 0) await new Promise((resolve) => setImmediate(resolve))
  const later = ['x', 'y'].map((unit_id) => process({ ...TASK, unit_id }))
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve))
  expect(calls).toBe(1)
  read()
  expect((await first).status).toBe(200)
  expect((await Promise.all(later)).map(({ status }) => status)).toEqual([429, 429])
  expect(calls).toBe(1)
})
