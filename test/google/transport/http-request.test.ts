import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { once } from 'node:events'
import { createServer, type ClientRequest, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { sendRequest } from '../../../src/google/transport/http-request.ts'

describe('a connection', () => {
  let server: Server
  let url: URL
  /** The connection of the request that was sent last. */
  let socket: Socket | undefined
  const heard = (message: unknown): void =>
    void (message as { request: ClientRequest }).request.once('socket', (used) => (socket = used))

  beforeAll(async () => {
    server = createServer(({ url: path }, response) => {
      if (path !== '/slow') response.end()
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
    subscribe('http.client.request.created', heard)
  })

  afterAll(() => {
    unsubscribe('http.client.request.created', heard)
    server.closeAllConnections()
    server.close()
  })

  const send = async (path = '/'): Promise<Socket> => {
    await sendRequest(new URL(path, url), { maxBytes: 100 })
    return socket!
  }

  test('is used again, but not after four seconds without a request', async () => {
    const first = await send()
    expect(await send()).toBe(first)
    expect(first.timeout).toBe(4_000)
    // Node's sockets say so when that time is over.
    first.emit('timeout')
    expect(first.destroyed).toBe(true)
    expect(await send()).not.toBe(first)
  })

  test('waits longer than that for a response', async () => {
    const late = send('/slow')
    const [, response] = (await once(server, 'request')) as [unknown, ServerResponse]
    socket!.emit('timeout')
    response.end()
    expect((await late).destroyed).toBe(false)
  })
})
