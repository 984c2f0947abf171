import { request } from 'node:http'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { listeningAddresses, outerAddresses, takesConnections } from '../e2e/service-ports.ts'
import { deploy, ECHO, echoOf, eventually, harnessMaker, serviceOf, type Harness } from './run-harness.ts'

vi.setConfig({ testTimeout: 30_000, hookTimeout: 60_000 })

/*
 * Programs of the user's own, which check nothing: on Google Cloud their ports are out of reach.
 */

const { harnessWith, cleanUp } = harnessMaker()
let harness: Harness

/** Answers with its process, its port and what it got; listens as `listen` says. */
const listening = (listen: string): string => `
import http, { createServer } from 'node:http'
import net from 'node:net'
const port = Number(process.env.PORT)
const server = createServer((request, response) => {
  response.end(JSON.stringify({ port, headers: request.headers, rawHeaders: request.rawHeaders, address: server.address() }))
})
server.on('upgrade', (request, socket) => socket.end('HTTP/1.1 101 Switching Protocols\\r\\n\\r\\n'))
${listen}
`

/** Every form of `listen` that asks for all interfaces or for the outer ones. */
const FORMS: Record<string, string> = {
  plain: 'server.listen(port)',
  text: 'server.listen(process.env.PORT)',
  host: "server.listen(port, '0.0.0.0')",
  backlog: "server.listen(port, '0.0.0.0', 100, () => {})",
  number: 'server.listen(port, 100)',
  callback: 'server.listen(port, () => {})',
  nothing: 'server.listen(port, undefined, undefined, () => {})',
  six: "server.listen(port, '::')",
  options: "server.listen({ port, host: '0.0.0.0' })",
  bare: 'server.listen({ port, backlog: 7 })',
  borrowed: 'net.Server.prototype.listen.call(server, port)',
  more: "server.listen(port); net.createServer().listen(port + 1, '0.0.0.0')",
}

const ports: Record<string, number> = {}

beforeAll(async () => {
  const programs = Object.fromEntries(Object.entries(FORMS).map(([name, listen]) => [name, listening(listen)]))
  harness = await harnessWith({ ...programs, echo: ECHO, cluster: CLUSTER })
  for (const name of [...Object.keys(FORMS), 'cluster']) {
    await deploy(harness, name, serviceOf(`${name}.tar.gz`))
    ports[name] = (JSON.parse((await harness.call(name)).body.toString()) as { port: number }).port
  }
})

afterAll(cleanUp)

/** Workers that share one port. */
const CLUSTER = `
import cluster from 'node:cluster'
import { createServer } from 'node:http'
if (cluster.isPrimary) cluster.fork()
else createServer((_, response) => response.end(JSON.stringify({ port: Number(process.env.PORT) }))).listen(process.env.PORT)
`

function status(port: number, headers: Record<string, string> = {}, path = '/'): Promise<number> {
  return new Promise((resolve, reject) => {
    request({ host: '127.0.0.1', port, path, headers, agent: false }, (answer) => {
      answer.resume()
      resolve(answer.statusCode ?? 0)
    })
      .on('upgrade', (answer) => resolve(answer.statusCode ?? 0))
      .on('error', reject)
      .end()
  })
}

describe('a program that asks for all interfaces', () => {
  test.each([...Object.keys(FORMS), 'cluster'])('is open on this machine alone: %s', async (name) => {
    const port = ports[name]!
    expect(await takesConnections('127.0.0.1', port)).toBe(true)
    for (const address of outerAddresses()) expect(await takesConnections(address, port), address).toBe(false)
    if (process.platform === 'linux') expect(listeningAddresses(port)).toEqual(['0100007F'])
  })

  test('has its other ports on this machine alone too', async () => {
    const port = ports['more']! + 1
    expect(await takesConnections('127.0.0.1', port)).toBe(true)
    for (const address of outerAddresses()) expect(await takesConnections(address, port), address).toBe(false)
  })
})

describe('the port of a program that checks nothing', () => {
  test.each([
    ['nothing else', {}],
    ['a token', { authorization: 'Bearer x' }],
    ['a guessed secret', { 'x-imagery-front-door': 'x'.repeat(43) }],
    ['another guess', { 'x-imagery-front-door': 'é'.repeat(43) }],
    ['an expectation', { expect: '100-continue' }],
  ])('refuses a caller with %s', async (_, headers) => {
    for (const name of ['plain', 'cluster']) expect(await status(ports[name]!, headers), name).toBe(403)
  })

  test('refuses to change the protocol', async () => {
    const upgrade = status(ports['plain']!, { connection: 'upgrade', upgrade: 'websocket' })
    await expect(upgrade).rejects.toThrow(/socket hang up|ECONNRESET/)
  })

  test('is open to the front door, which alone knows the secret: not even the program sees it in a request', async () => {
    const answer = await harness.call('plain', {
      headers: { 'X-Imagery-Front-Door': 'of the caller', 'X-Mine': 'kept' },
    })
    expect(answer.status).toBe(200)
    expect(answer.body.toString()).toContain('"x-mine":"kept"')
    expect(answer.body.toString().toLowerCase()).not.toContain('front-door')
  })

  test('is open to its probes', async () => {
    const probed = { httpGet: { path: '/ready' }, periodSeconds: 1, timeoutSeconds: 1, failureThreshold: 2 }
    await deploy(
      harness,
      'probed',
      serviceOf('echo.tar.gz', { container: { startupProbe: probed, livenessProbe: probed } }),
    )
    await eventually('it was looked at', () =>
      harness.logLines.some((line) => line.includes('STARTUP HTTP probe succeeded')),
    )
    expect((await harness.call('probed')).status).toBe(200)
  })
})

test('a program that checks by itself gets every request as it came, and the secret to tell them apart', async () => {
  const env = [{ name: 'IMAGERY_CHECK_TOKENS', value: 'on' }]
  await deploy(harness, 'checks', serviceOf('echo.tar.gz', { container: { env } }))
  const { headers, environment } = echoOf(await harness.call('checks'))
  expect(headers['x-imagery-front-door']).toBe(environment['IMAGERY_FRONT_DOOR_SECRET'])
  expect(await status(Number(environment['PORT']))).toBe(200)
})

test('each process has a secret of its own', async () => {
  const secrets = new Set<string | undefined>()
  for (const id of ['first', 'second']) {
    await deploy(harness, id, serviceOf('echo.tar.gz'))
    secrets.add(echoOf(await harness.call(id)).environment['IMAGERY_FRONT_DOOR_SECRET'])
  }
  expect(secrets.size).toBe(2)
})
