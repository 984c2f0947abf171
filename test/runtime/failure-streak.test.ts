import { describe, expect, test } from 'vitest'
import { ManualClock } from '@imagery/local-cloud/internal/kernel/clock'
import { failureKind } from '../../src/contracts/failure-kind.ts'
import { FailureStreak } from '../../src/runtime/limits/failure-streak.ts'
import { randomFrom } from '../e2e/random.ts'
import { FakeRunObjects } from './fake-limits.ts'
import { TASK } from './fixtures.ts'
import { mainService } from './main-service.ts'
import { AttemptFailure } from '../../src/runtime/models/model.ts'
import { ANSWER } from './fixtures.ts'

const failed = { failed: 'schema' }

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
