import { createServer } from 'node:net'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { describeService } from '../../src/google/cloud-run/services.ts'
import { useLocalCloud } from '../../src/google/transport/environment.ts'
import { expectedFailure } from '../../src/services/failures/cloud-failure.ts'

/** A metadata server that breaks each connection, but only after a while. */
const SLOW_MS = 400
const metadata = createServer((socket) => {
  socket.on('error', () => undefined)
  setTimeout(() => socket.destroy(), SLOW_MS)
})

beforeAll(async () => {
  metadata.listen(0, '127.0.0.1')
  await once(metadata, 'listening')
})
afterAll(() => metadata.close())

test('a call without a token says why there is none, however long its client waits for one', async () => {
  const { port } = metadata.address() as AddressInfo
  useLocalCloud({
    http: 'http://127.0.0.1:1',
    grpc: { host: '127.0.0.1', port: 1 },
    metadataHost: `127.0.0.1:${port}`,
    caFile: '/nowhere',
    pid: process.pid,
  } as Parameters<typeof useLocalCloud>[0])
  const failure = await describeService({ projectId: 'p', region: 'us-central1' }, 'main').then(
    () => undefined,
    (error: unknown) => expectedFailure(error),
  )
  expect(failure).toMatchObject({
    code: 'LOCAL_CLOUD_FAILED',
    message: expect.stringContaining("The local cloud's metadata server"),
  })
})
