import { setImmediate } from 'node:timers/promises'
import { ManualClock } from '@imagery/local-cloud/internal/kernel/clock'
import { describe, expect, test } from 'vitest'
import { CALLS_UNTIL_AN_ANSWER, FirstCalls, FIRST_ANSWER_MS } from '../../src/runtime/main/first-calls.ts'
import { FirstInstance, type FirstCallRecords } from '../../src/runtime/main/first-instance.ts'
import { Budget } from '../../src/runtime/budget.ts'
import { modelForRun } from '../../src/runtime/main/model-for-run.ts'
import { ImageMemory } from '../../src/runtime/models/image-memory.ts'
import { SPEC, TASK } from './fixtures.ts'
import { geminiSpec } from './gemini-fixtures.ts'

const { signal } = new AbortController()

/** Calls that end when the test says so. */
function calls({
  clock = new ManualClock(),
  turnMs = 120_000,
  records,
}: { clock?: ManualClock; turnMs?: number; records?: FirstCallRecords } = {}) {
  const first = new FirstCalls(clock, records && new FirstInstance(records, SPEC, clock))
  const open: { answer: () => void; fail: () => void }[] = []
  const outcomes: string[] = []
  const start = (count: number, with_ = signal): void => {
    for (let index = 0; index < count; index++) {
      first
        .make(
          with_,
          turnMs,
          () =>
            new Promise<void>((resolve, reject) =>
              open.push({ answer: resolve, fail: () => reject(new Error('failed')) }),
            ),
        )
        .then(
          () => outcomes.push('answered'),
          (error: Error) => outcomes.push(error.message),
        )
    }
  }
  return { clock, first, open, outcomes, start }
}

test('few calls are made at once until one is answered, and then all', async () => {
  const { clock, open, start } = calls()
  start(50)
  await clock.advance(0)
  expect(open).toHaveLength(CALLS_UNTIL_AN_ANSWER)
  open[0]!.fail()
  await clock.advance(0)
  expect(open).toHaveLength(CALLS_UNTIL_AN_ANSWER + 1)
  open[1]!.answer()
  await clock.advance(0)
  expect(open).toHaveLength(50)
  start(10)
  await clock.advance(0)
  expect(open).toHaveLength(60)
})

test('calls do not wait for a slow first answer longer than a few seconds', async () => {
  const { clock, open, start } = calls()
  start(20)
  await clock.advance(FIRST_ANSWER_MS - 1)
  expect(open).toHaveLength(CALLS_UNTIL_AN_ANSWER)
  await clock.advance(1)
  expect(open).toHaveLength(20)
})

test('a call that is given up while it waits is never made, and holds no turn', async () => {
  const { clock, open, outcomes, start } = calls()
  const abort = new AbortController()
  start(CALLS_UNTIL_AN_ANSWER)
  start(3, abort.signal)
  start(1)
  await clock.advance(0)
  abort.abort(new Error('given up'))
  await clock.advance(0)
  expect(outcomes).toEqual(['given up', 'given up', 'given up'])
  expect(open).toHaveLength(CALLS_UNTIL_AN_ANSWER)
  open[0]!.fail()
  await clock.advance(0)
  expect(open).toHaveLength(CALLS_UNTIL_AN_ANSWER + 1)
})

test('calls do not wait longer than a quarter of the time that their deliveries have', async () => {
  const { clock, open, start } = calls({ turnMs: 2_000 })
  start(6)
  await clock.advance(500)
  expect(open).toHaveLength(6)
})

test('calls wait longer while the first ones fail, because these must end before they stop the run', async () => {
  const { clock, open, start } = calls()
  start(100)
  for (let failures = 0; failures < 10; failures++) {
    await clock.advance(FIRST_ANSWER_MS / 2)
    expect(open).toHaveLength(CALLS_UNTIL_AN_ANSWER + failures)
    open[failures]!.fail()
  }
  await clock.advance(FIRST_ANSWER_MS - 1)
  expect(open).toHaveLength(CALLS_UNTIL_AN_ANSWER + 10)
  await clock.advance(1)
  expect(open).toHaveLength(100)
})

test('calls of a run that failures do not stop wait for few of them', async () => {
  const { clock, open, start } = calls()
  start(100)
  await clock.advance(0)
  for (let failures = 0; failures < 20; failures++) {
    open[failures]!.fail()
    await clock.advance(0)
  }
  for (let failures = 20; open.length < 100 && failures < 40; failures++) {
    open[failures]!.fail()
    await clock.advance(FIRST_ANSWER_MS / 5)
  }
  expect(open).toHaveLength(100)
})

test('a probe, which has less time for its turn, does not shorten the wait of the tasks after it', async () => {
  const clock = new ManualClock()
  const unused = () => Promise.reject(new Error('not used'))
  const images = { readImage: unused, readRange: unused, describeObject: unused }
  const memory = new ImageMemory({ bytes: 1, clock })
  const { modelFor } = modelForRun(
    { ...images, memory, decoding: new Budget(1), clock },
    { begun: new AbortController().signal },
  )
  const spec = geminiSpec()
  const withTurn = (turn_timeout_ms: number) => ({ ...spec, limits: { ...spec.limits, turn_timeout_ms } })
  const [probe, run] = await Promise.all([modelFor(withTurn(10_000)), modelFor(withTurn(60_000))])
  await expect(probe.answer(TASK, { signal, onTurn: () => Promise.reject(new Error('no JSON')) })).rejects.toThrow(
    'no JSON',
  )
  let made = 0
  const onTurn = (): Promise<never> => {
    made += 1
    return new Promise(() => undefined)
  }
  for (let unit = 0; unit < 50; unit++) void run.answer(TASK, { signal, onTurn })
  await clock.advance(FIRST_ANSWER_MS - 1)
  expect(made).toBe(CALLS_UNTIL_AN_ANSWER)
  await clock.advance(1)
  expect(made).toBe(50)
})

test('a retry with another model makes few calls until its own first answer, whatever the run had', async () => {
  const clock = new ManualClock()
  const unused = () => Promise.reject(new Error('not used'))
  const images = { readImage: unused, readRange: unused, describeObject: unused }
  const memory = new ImageMemory({ bytes: 1, clock })
  const { modelFor } = modelForRun(
    { ...images, memory, decoding: new Budget(1), clock },
    { begun: new AbortController().signal },
  )
  const spec = geminiSpec()
  const made = async (gemini: object): Promise<number> => {
    let count = 0
    const model = await modelFor({ ...spec, gemini: { ...spec.gemini!, ...gemini } })
    const onTurn = (): Promise<never> => {
      count += 1
      return new Promise(() => undefined)
    }
    for (let unit = 0; unit < 20; unit++) void model.answer(TASK, { signal, onTurn })
    await clock.advance(0)
    return count
  }
  expect(await made({})).toBe(CALLS_UNTIL_AN_ANSWER)
  // The price is not part of the question, so these share the turns of the first ones.
  expect(await made({ price: { ...spec.gemini!.price, input_nanousd: 1 } })).toBe(0)
  expect(await made({ model: 'gemini-2.5-pro' })).toBe(CALLS_UNTIL_AN_ANSWER)
  expect(await made({ media_resolution: 'low' })).toBe(CALLS_UNTIL_AN_ANSWER)
})

test('an instance that stops makes no call that waits or comes later', async () => {
  const { clock, first, open, outcomes, start } = calls()
  start(7)
  await clock.advance(0)
  first.dismiss(new Error('stopping'))
  await clock.advance(0)
  expect(outcomes).toEqual(['stopping', 'stopping', 'stopping'])
  open[0]!.answer()
  start(1)
  await clock.advance(FIRST_ANSWER_MS)
  expect(outcomes).toEqual(['stopping', 'stopping', 'stopping', 'answered', 'stopping'])
  expect(open).toHaveLength(CALLS_UNTIL_AN_ANSWER)
})

describe('of several instances of a run', () => {
  /** The records of one run, which its instances share. */
  function shared() {
    const run = { isClaimed: false, isAnswered: false, isStopped: false, isOther: false }
    const records: FirstCallRecords = {
      claim: async () => {
        const isFirst = !run.isClaimed
        run.isClaimed = true
        return isFirst
      },
      state: async () => {
        if (run.isStopped) throw new Error('stopped')
        if (!run.isClaimed) return 'unclaimed'
        if (run.isOther) return 'answered otherwise'
        return run.isAnswered ? 'answered' : 'claimed'
      },
      noteAnswer: async () => void (run.isAnswered = true),
    }
    const clock = new ManualClock()
    const [one, other] = [calls({ clock, records }), calls({ clock, records })]
    return { run, records, clock, one, other }
  }

  test('one makes the first calls, and the others make all of theirs soon after it has an answer', async () => {
    const { clock, one, other } = shared()
    for (const instance of [one, other]) instance.start(50)
    await clock.advance(0)
    expect([one.open.length, other.open.length]).toEqual([CALLS_UNTIL_AN_ANSWER, 0])
    for (let failures = 0; failures < 9; failures++) {
      one.open[failures]!.fail()
      await clock.advance(100)
    }
    expect(other.open).toHaveLength(0)
    one.open.at(-1)!.answer()
    await clock.advance(600)
    expect([one.open.length, other.open.length]).toEqual([50, 50])
  })

  test('one that starts after an answer makes all of its calls at once', async () => {
    const { clock, one, other } = shared()
    one.start(1)
    await clock.advance(0)
    one.open[0]!.answer()
    await clock.advance(0)
    other.start(50)
    await clock.advance(0)
    expect(other.open).toHaveLength(50)
  })

  test('the others learn soon that the run was stopped, which their calls then find out', async () => {
    const { run, clock, one, other } = shared()
    for (const instance of [one, other]) instance.start(8)
    await clock.advance(600)
    expect(other.open).toHaveLength(0)
    run.isStopped = true
    await clock.advance(600)
    expect(other.open).toHaveLength(CALLS_UNTIL_AN_ANSWER)
  })

  test('each makes few calls at first, and at once, if the answer was to another question', async () => {
    const { run, clock, one, other } = shared()
    Object.assign(run, { isClaimed: true, isOther: true })
    for (const instance of [one, other]) instance.start(50)
    await clock.advance(0)
    expect([one.open.length, other.open.length]).toEqual([CALLS_UNTIL_AN_ANSWER, CALLS_UNTIL_AN_ANSWER])
    one.open[0]!.answer()
    await clock.advance(0)
    expect([one.open.length, other.open.length]).toEqual([50, CALLS_UNTIL_AN_ANSWER])
  })

  test('the others claim nothing in a run that is torn down while they wait', async () => {
    const { run, clock, one, other } = shared()
    for (const instance of [one, other]) instance.start(8)
    await clock.advance(0)
    run.isClaimed = false
    await clock.advance(600)
    expect(run.isClaimed).toBe(false)
    expect(other.open).toHaveLength(8)
  })

  test('the others make few calls if the first one is gone', async () => {
    const { clock, one, other } = shared()
    for (const instance of [one, other]) instance.start(8)
    await clock.advance(FIRST_ANSWER_MS / 2 - 1)
    expect(other.open).toHaveLength(0)
    await clock.advance(1)
    expect(other.open).toHaveLength(CALLS_UNTIL_AN_ANSWER)
  })

  test.each([
    ['refuses', () => Promise.reject(new Error('down'))],
    ['does not answer', () => new Promise<never>(() => undefined)],
  ])('each limits its own calls while the bucket %s', async (_, claim) => {
    const { clock, open, start } = calls({ records: { ...shared().records, claim } })
    start(8)
    await clock.advance(FIRST_ANSWER_MS / 2)
    await setImmediate()
    expect(open).toHaveLength(CALLS_UNTIL_AN_ANSWER)
  })
})
