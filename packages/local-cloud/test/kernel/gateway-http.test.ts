import { createServer, request, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Hono } from 'hono'
import { afterEach, describe, expect, it } from 'vitest'
import type { Deliver, Delivery, DeliveryAnswer } from '../../src/kernel/api.ts'
import { ManualClock, systemClock } from '../../src/kernel/clock.ts'
import { createDeliver, type DeliverOptions } from '../../src/kernel/deliver.ts'
import { createFaults, type FaultRule } from '../../src/kernel/faults.ts'
import { serveHttp, type FrontDoor, type HttpServer } from '../../src/kernel/http-server.ts'

const cleanups: (() => Promise<unknown>)[] = []

afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup()
})

const echoDoor: FrontDoor = {
  handle: async (host, { method, url, headers, body }) => ({
    status: 201,
    headers: { 'x-host': host, connection: 'close', 'content-type': 'application/json' },
    body: Buffer.from(JSON.stringify({ method, url, headers, body: body.toString() })),
  }),
}

async function serve(options: Partial<Parameters<typeof serveHttp>[0]> = {}): Promise<HttpServer> {
  const server = await serveHttp({ faces: [], port: 0, ...options })
  cleanups.push(() => server.stop(50))
  return server
}

function face(prefix: string, answer: string): { prefixes: string[]; app: Hono } {
  const app = new Hono()
  app.all('*', (context) => context.text(`${answer} ${context.req.path}`))
  return { prefixes: [prefix], app }
}

/** A request with a custom Host header. */
function ask(
  port: number,
  host: string,
  path: string,
  body?: Buffer | string,
): Promise<{ answer: IncomingMessage; text: string }> {
  return new Promise((resolve, reject) => {
    const asked = request(
      { port, host: '127.0.0.1', path, method: body === undefined ? 'GET' : 'POST', headers: { host } },
      (answer) => {
        let text = ''
        answer.on('data', (chunk: Buffer) => (text += chunk.toString()))
        answer.on('end', () => resolve({ answer, text }))
      },
    )
    asked.on('error', reject)
    asked.end(body)
  })
}

describe('the HTTP listener', () => {
  it('gives a request to the API with the longest matching prefix, on whole path segments', async () => {
    const { port } = await serve({ faces: [face('/upload', 'short'), face('/upload/storage/v1', 'long')] })
    const text = async (path: string): Promise<string> => (await fetch(`http://127.0.0.1:${port}${path}`)).text()
    expect(await text('/upload/x')).toBe('short /upload/x')
    expect(await text('/upload/storage/v1/b?x=1')).toBe('long /upload/storage/v1/b')
    expect(await text('/upload/storage/v10')).toBe('short /upload/storage/v10')
    expect(await text('/uploads')).toContain('GET /uploads is not emulated')
  })

  it('gives requests for *.run.app to the front door, without hop-by-hop headers', async () => {
    const { port } = await serve({ frontDoor: echoDoor })
    const { answer, text } = await ask(port, 'imagery-main-1.us-central1.run.app:443', '/process?x=1', 'hello')
    expect([answer.statusCode, answer.headers['x-host']]).toEqual([201, 'imagery-main-1.us-central1.run.app'])
    const seen = JSON.parse(text) as { method: string; url: string; headers: Record<string, string>; body: string }
    expect(seen).toMatchObject({
      method: 'POST',
      url: 'https://imagery-main-1.us-central1.run.app/process?x=1',
      body: 'hello',
    })
    expect(seen.headers).not.toHaveProperty('connection')
  })

  // https://cloud.google.com/run/quotas: 32 MiB per HTTP/1 request.
  it('refuses a request of more than 32 MiB for a service', async () => {
    const { port } = await serve({
      frontDoor: { handle: async () => ({ status: 200, headers: {}, body: Buffer.alloc(0) }) },
    })
    const mebibyte = 1024 * 1024
    expect((await ask(port, 'a.run.app', '/', Buffer.alloc(32 * mebibyte))).answer.statusCode).toBe(200)
    expect((await ask(port, 'a.run.app', '/', Buffer.alloc(32 * mebibyte + 1))).answer.statusCode).toBe(413)
  })

  it('answers for IPv6 loopback and for no other host', async () => {
    const { port } = await serve({ faces: [face('/x', 'x')] })
    expect((await ask(port, 'attacker.example', '/x')).answer.statusCode).toBe(403)
    expect((await ask(port, 'run.app.attacker.example', '/x')).answer.statusCode).toBe(403)
    expect((await ask(port, '127.0.0.1.attacker.example', '/x')).answer.statusCode).toBe(403)
    expect((await ask(port, `[::1]:${port}`, '/x')).answer.statusCode).toBe(200)
  })

  it('refuses a request with two tokens, for an API or a service', async () => {
    const { port } = await serve({ faces: [face('/x', 'x')], frontDoor: echoDoor })
    const twice = (host: string): Promise<number | undefined> =>
      new Promise((resolve, reject) => {
        request({ port, host: '127.0.0.1', path: '/x' }, (answer) => {
          answer.resume()
          resolve(answer.statusCode)
        })
          .on('error', reject)
          .setHeader('host', host)
          .setHeader('AUTHORIZATION', ['Bearer a', 'Bearer b'])
          .end()
      })
    expect([await twice('localhost'), await twice('a.run.app')]).toEqual([401, 401])
  })

  it('lets requests in progress finish when it stops', async () => {
    const app = new Hono()
    const { promise: started, resolve: start } = Promise.withResolvers<void>()
    const { promise: mayEnd, resolve: end } = Promise.withResolvers<void>()
    app.get('/slow', async (context) => {
      start()
      await mayEnd
      return context.text('done')
    })
    const server = await serve({ faces: [{ prefixes: ['/slow'], app }] })
    const answer = fetch(`http://127.0.0.1:${server.port}/slow`)
    await started
    const stopped = server.stop(5_000)
    end()
    expect(await (await answer).text()).toBe('done')
    await stopped
    await expect(fetch(`http://127.0.0.1:${server.port}/slow`)).rejects.toThrow()
  })

  it('rejects when its port is in use', async () => {
    const { port } = await serve()
    await expect(serveHttp({ faces: [], port })).rejects.toMatchObject({ code: 'EADDRINUSE' })
  })
})

describe('a delivery', () => {
  const delivery = (change: Partial<Delivery> = {}): Delivery => ({
    method: 'POST',
    url: 'https://imagery-main-1.us-central1.run.app/process',
    headers: { 'x-cloudtasks-queuename': 'q' },
    body: Buffer.from('{}'),
    deadlineMs: 600_000,
    ...change,
  })

  function deliverer(options: Partial<DeliverOptions> = {}, rules: FaultRule[] = []): Deliver {
    return createDeliver({
      idToken: async (email, audience) => `token-of-${email}-for-${audience}`,
      frontDoor: echoDoor,
      clock: systemClock,
      faults: createFaults(rules),
      ...options,
    })
  }

  async function target(
    handler: (received: IncomingMessage, body: string) => Partial<DeliveryAnswer> | undefined,
  ): Promise<string> {
    const server = createServer((received, response) => {
      let body = ''
      received.on('data', (chunk: Buffer) => (body += chunk.toString()))
      received.on('end', () => {
        const answer = handler(received, body)
        if (answer) response.writeHead(answer.status ?? 200, answer.headers).end(answer.body)
      })
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    cleanups.push(
      () =>
        new Promise((resolve) => {
          server.close(resolve)
          server.closeAllConnections()
        }),
    )
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}/x`
  }

  it('to a Cloud Run service goes through its front door, signed for its account', async () => {
    const answer = await deliverer()(
      delivery({ oidc: { serviceAccountEmail: 'invoker@p.iam.gserviceaccount.com', audience: 'https://main' } }),
    )
    expect(answer.headers['x-host']).toBe('imagery-main-1.us-central1.run.app')
    expect(JSON.parse(answer.body.toString())).toMatchObject({
      headers: {
        authorization: 'Bearer token-of-invoker@p.iam.gserviceaccount.com-for-https://main',
        'x-cloudtasks-queuename': 'q',
      },
    })
  })

  it('without OIDC carries no token', async () => {
    const answer = await deliverer()(delivery())
    expect(JSON.parse(answer.body.toString())).not.toHaveProperty('headers.authorization')
  })

  it('to any other address goes over the network and returns the answer with any status', async () => {
    let seen: unknown
    const url = await target((received, body) => {
      seen = { method: received.method, queue: received.headers['x-cloudtasks-queuename'], body }
      return { status: 429, headers: { 'retry-after': '7' }, body: Buffer.from('slow down') }
    })
    const answer = await deliverer()(delivery({ url }))
    expect(seen).toEqual({ method: 'POST', queue: 'q', body: '{}' })
    expect([answer.status, answer.headers['retry-after'], answer.body.toString()]).toEqual([429, '7', 'slow down'])
  })

  it('rejects with UNAVAILABLE when nothing listens', async () => {
    await expect(deliverer()(delivery({ url: 'http://127.0.0.1:1/x' }))).rejects.toMatchObject({
      status: 'UNAVAILABLE',
    })
  })

  it('rejects with UNAVAILABLE when the connection breaks', async () => {
    const url = await target((received) => {
      received.socket.destroy()
      return undefined
    })
    await expect(deliverer()(delivery({ url }))).rejects.toMatchObject({ status: 'UNAVAILABLE' })
  })

  it('rejects with DEADLINE_EXCEEDED when its time is up, and hangs up', async () => {
    const clock = new ManualClock()
    const { promise: arrived, resolve: arrive } = Promise.withResolvers<IncomingMessage>()
    const url = await target((received) => {
      arrive(received)
      return undefined
    })
    const outcome = deliverer({ clock })(delivery({ url, deadlineMs: 15_000 })).catch((error: unknown) => error)
    const hungUp = new Promise((resolve) => void arrived.then(({ socket }) => socket.once('close', resolve)))
    await arrived
    await clock.advance(14_999)
    await clock.advance(1)
    expect(await outcome).toMatchObject({ status: 'DEADLINE_EXCEEDED' })
    await hungUp
  })

  it.each([
    [
      { kind: 'error', status: 'RESOURCE_EXHAUSTED', retryAfterS: 3 },
      0,
      { status: 429, headers: { 'retry-after': '3' } },
    ],
    [{ kind: 'drop' }, 0, { status: 'UNAVAILABLE' }],
    [{ kind: 'lose-answer' }, 1, { status: 'UNAVAILABLE' }],
    [{ kind: 'duplicate' }, 2, { status: 200 }],
  ] as const)('with the scripted fault %o reaches the target %i times', async (effect, times, outcome) => {
    let reached = 0
    const frontDoor: FrontDoor = {
      handle: async () => {
        reached += 1
        return { status: 200, headers: {}, body: Buffer.alloc(0) }
      },
    }
    const deliver = deliverer({ frontDoor }, [{ method: 'deliver/*.run.app/process', effect }])
    expect(await deliver(delivery()).catch((error: unknown) => error)).toMatchObject(outcome)
    expect(reached).toBe(times)
  })
})
