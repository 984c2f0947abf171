import { describe, expect, test } from 'vitest'
import { ManualClock } from '@imagery/local-cloud/internal/kernel/clock'
import { CloudError, type GoogleStatus } from '../../src/google/transport/errors.ts'
import { AttemptFailure, UnreadableImage } from '../../src/runtime/models/model.ts'
import { imageReader } from '../../src/runtime/models/fetch-image.ts'

const URI = 'gs://images/o1.jpg'
const { signal } = new AbortController()

function failing(status: GoogleStatus): Promise<unknown> {
  const read = imageReader({
    clock: new ManualClock(),
    readObject: () => Promise.reject(new CloudError(status, 'said Google')),
  })
  return read(URI, signal).catch((error: unknown) => error)
}

describe('reading an image', () => {
  test('returns its bytes', async () => {
    const read = imageReader({ clock: new ManualClock(), readObject: async (uri) => Buffer.from(uri) })
    expect((await read(URI, signal)).toString()).toBe(URI)
  })

  test('that does not exist makes it unreadable', async () => {
    const error = await failing('NOT_FOUND')
    expect(error).toBeInstanceOf(UnreadableImage)
    expect((error as Error).message).toBe(`${URI} does not exist`)
  })

  test('that is too large for an image makes it unreadable', async () => {
    expect(await failing('OUT_OF_RANGE')).toMatchObject({ name: 'UnreadableImage', reason: 'is larger than 64 MiB' })
  })

  test('is told the size limit of its reader, and reads no more', async () => {
    const limits: number[] = []
    const read = imageReader({
      clock: new ManualClock(),
      async readObject(_uri, maxBytes) {
        limits.push(maxBytes)
        return Buffer.alloc(0)
      },
    })
    await read(URI, signal, 7_000_000)
    await read(URI, signal)
    expect(limits).toEqual([7_000_000, 64 * 1024 * 1024])
  })

  test('whose URI is a web address makes it unreadable, without a call', async () => {
    const read = imageReader({ clock: new ManualClock(), readObject: () => Promise.reject(new Error('called')) })
    await expect(read('https://host/x.jpg', signal)).rejects.toThrow('https://host/x.jpg is a web address')
  })

  test.each(['gs://bucket', 'gs://bucket/', '', 'x.jpg'])(
    'whose URI is %j makes it unreadable, without a call',
    async (uri) => {
      const read = imageReader({ clock: new ManualClock(), readObject: () => Promise.reject(new Error('called')) })
      await expect(read(uri, signal)).rejects.toThrow(new UnreadableImage(uri, 'is not a gs:// URI').message)
    },
  )

  test.each([
    ['PERMISSION_DENIED', 'unreadable_image', false],
    ['RESOURCE_EXHAUSTED', 'throttled', true],
    ['DEADLINE_EXCEEDED', 'timeout', true],
    ['UNAVAILABLE', 'model_error', true],
  ] as const)(
    'that Cloud Storage answers with %s fails the asset: %s, retryable %s',
    async (status, failure, retryable) => {
      const error = await failing(status)
      expect(error).toBeInstanceOf(AttemptFailure)
      expect(error).toMatchObject({ failure, retryable })
    },
  )

  test('that never arrives is a timeout', async () => {
    const clock = new ManualClock()
    const reading = imageReader({ clock, readObject: () => new Promise(() => {}) })(URI, signal).catch(
      (error: unknown) => error,
    )
    await clock.advance(60_000)
    expect(await reading).toMatchObject({ failure: 'timeout', retryable: true })
  })
})
