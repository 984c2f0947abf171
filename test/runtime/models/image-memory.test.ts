import { describe, expect, test } from 'vitest'
import { ManualClock } from '@imagery/local-cloud/internal/kernel/clock'
import { geminiModel } from '../../../src/runtime/models/gemini.ts'
import { ImageMemory, imageMemoryBytes } from '../../../src/runtime/models/image-memory.ts'
import type { Answer } from '../../../src/runtime/models/model.ts'
import { deferred } from '../fixtures.ts'
import { asset, deniedImage, geminiSpec, STOP } from '../gemini-fixtures.ts'

const MEMORY = 30_000_000

/** Runs everything that can continue. */
const settled = () => new Promise((resolve) => setTimeout(resolve, 5))

/** A model over a bucket whose images all have the same size. Counts the bytes that it holds between read and answer. */
function modelOver({ imageBytes, transport = 'inline' }: { imageBytes: number; transport?: 'inline' | 'gs' }) {
  const clock = new ManualClock()
  const image = Buffer.concat([Buffer.from([0xff, 0xd8, 0xff, 0xe0]), Buffer.alloc(imageBytes - 4)])
  const held = { now: 0, most: 0, calls: 0, mostCalls: 0 }
  const answers: (() => void)[] = []
  const model = geminiModel({
    spec: geminiSpec({ image_transport: transport }),
    memory: new ImageMemory({ bytes: MEMORY, clock }),
    async readImage() {
      held.now += image.length
      held.most = Math.max(held.most, held.now)
      return image
    },
    readRange: (uri) => Promise.reject(deniedImage(uri)),
    describeObject: () => Promise.reject(new Error('not used')),
    async ask({ parts }) {
      held.calls += 1
      held.mostCalls = Math.max(held.mostCalls, held.calls)
      const answered = deferred<void>()
      answers.push(() => answered.resolve())
      await answered.promise
      held.calls -= 1
      held.now -= parts.reduce((sum, part) => sum + ('bytes' in part ? part.bytes.length : 0), 0)
      return STOP
    },
  })
  const ask = (images = 1): Promise<Answer> => model.answer(asset(images), { signal: new AbortController().signal })
  const answerAll = async (asked: readonly Promise<Answer>[]): Promise<void> => {
    let open = true
    void Promise.all(asked).then(() => (open = false))
    while (open) {
      for (const answer of answers.splice(0)) answer()
      await settled()
    }
  }
  return { clock, held, ask, answerAll }
}

describe('the inline images of concurrent calls', () => {
  test('never take more bytes than there is memory for, however many calls are allowed', async () => {
    const { held, ask, answerAll } = modelOver({ imageBytes: 5_000_000 })
    const asked = Array.from({ length: 40 }, () => ask(2))
    await answerAll(asked)
    expect(await Promise.all(asked)).toHaveLength(40)
    expect(held.most).toBeLessThanOrEqual(MEMORY)
    expect(held.mostCalls).toBeLessThanOrEqual(3)
    expect(held.now).toBe(0)
  })

  test('are limited by their real size, not by the largest possible one', async () => {
    const { held, ask, answerAll } = modelOver({ imageBytes: 100_000 })
    const asked = Array.from({ length: 100 }, () => ask())
    await answerAll(asked)
    expect(held.mostCalls).toBeGreaterThan(50)
  })

  test('that find no room in time go back to the queue without using up a try', async () => {
    const { clock, ask, answerAll } = modelOver({ imageBytes: 7_000_000 })
    const asked = Array.from({ length: 4 }, () => ask())
    await settled()
    const late = ask().catch((error: unknown) => error)
    await clock.advance(30_000)
    expect(await late).toMatchObject({ failure: 'throttled', retryable: true, countsAsTry: false })
    await answerAll(asked)
  })

  test('take no memory when Gemini reads them itself', async () => {
    const { held, ask, answerAll } = modelOver({ imageBytes: 7_000_000, transport: 'gs' })
    const asked = Array.from({ length: 100 }, () => ask(6))
    await answerAll(asked)
    expect(held.mostCalls).toBe(100)
  })
})

test('the images get a sixteenth of an instance’s memory, 128 MiB at most', () => {
  expect(imageMemoryBytes()).toBeGreaterThan(0)
  expect(imageMemoryBytes()).toBeLessThanOrEqual(128 * 1024 ** 2)
})
