import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Storage } from '@google-cloud/storage'
import { PassThroughClient } from 'google-auth-library'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { downloadObject } from '../../src/google/storage/download.ts'
import { call, callUnless, CloudError, cloudError, repeatably } from '../../src/google/transport/errors.ts'

const never = (): Promise<never> => new Promise(() => undefined)

describe('an unanswered call to Google', () => {
  afterEach(() => vi.useRealTimers())

  test('ends with DEADLINE_EXCEEDED, which is retryable', async () => {
    await expect(call(never(), 20)).rejects.toMatchObject({ status: 'DEADLINE_EXCEEDED', retryable: true })
    await expect(callUnless('NOT_FOUND', never(), undefined, 20)).rejects.toMatchObject({ status: 'DEADLINE_EXCEEDED' })
  })

  test('ends after two minutes by default', async () => {
    vi.useFakeTimers()
    const failure = call(never()).catch((error: unknown) => error)
    await vi.advanceTimersByTimeAsync(119_000)
    expect(vi.getTimerCount()).toBe(1)
    await vi.advanceTimersByTimeAsync(1_000)
    expect(await failure).toMatchObject({ status: 'DEADLINE_EXCEEDED' })
  })

  test('leaves no timer behind when it is answered', async () => {
    vi.useFakeTimers()
    expect(await call(Promise.resolve('answer'))).toBe('answer')
    expect(vi.getTimerCount()).toBe(0)
  })
})

describe('a download that stalls', () => {
  let server: Server | undefined
  afterEach(() => {
    vi.useRealTimers()
    server?.closeAllConnections()
    server?.close()
  })

  test('is canceled and retried after its own time limit', async () => {
    let requests = 0
    server = createServer((_request, response) => {
      requests += 1
      if (requests > 1) response.end('the bytes')
    })
    await new Promise<void>((resolve) => server!.listen(0, '127.0.0.1', resolve))
    const apiEndpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const storage = new Storage({
      apiEndpoint,
      projectId: 'p',
      authClient: new PassThroughClient(),
      useAuthWithCustomEndpoint: true,
    })
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const downloaded = downloadObject(storage, { bucket: 'b', path: 'o' }, 1_000)
    await once(server, 'request')
    await vi.advanceTimersByTimeAsync(29_999)
    expect(requests).toBe(1)
    const again = once(server, 'request')
    await vi.advanceTimersByTimeAsync(1)
    await vi.waitUntil(() => vi.getTimerCount() > 0)
    await vi.advanceTimersByTimeAsync(1_000)
    await again
    expect((await downloaded).toString()).toBe('the bytes')
    expect(requests).toBe(2)
    expect(vi.getTimerCount()).toBe(0)
  })

  test('is a transient error', () => {
    expect(cloudError(Object.assign(new Error('timed out'), { code: 'TimeoutError' }))).toMatchObject({
      status: 'DEADLINE_EXCEEDED',
      retryable: true,
    })
  })
})

describe('retryable work', () => {
  test('is tried at most four times after transient failures', async () => {
    let tries = 0
    const work = (): Promise<never> => {
      tries += 1
      throw new CloudError('UNAVAILABLE', 'away')
    }
    vi.useFakeTimers()
    const failure = repeatably(async () => work()).catch((error: unknown) => error)
    await vi.advanceTimersByTimeAsync(10_000)
    expect(await failure).toMatchObject({ status: 'UNAVAILABLE' })
    expect(tries).toBe(4)
    vi.useRealTimers()
  })

  test('is not retried after a permanent failure', async () => {
    let tries = 0
    const refused = repeatably(async () => {
      tries += 1
      throw new CloudError('PERMISSION_DENIED', 'no')
    })
    await expect(refused).rejects.toMatchObject({ status: 'PERMISSION_DENIED' })
    expect(tries).toBe(1)
  })
})
