import { request } from 'node:http'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { listeningAddresses, outerAddresses, takesConnections } from './service-ports-fixture.ts'
import { deploy, ECHO, echoOf, eventually, harnessMaker, serviceOf, type Harness } from './cloud-run-fixture.ts'

vi.setConfig({ testTimeout: 30_000, hookTimeout: 60_000 })

/*
 * A user's programs without checks of their own. On Google Cloud their ports are not reachable.
 */

const { harnessWith, cleanUp } = harnessMaker()
let harness: Harness

/** Every form of `listen` for all interfaces or for external ones. */
const FORMS = [
  'listen()',
  'listen(0)',
  "listen('0')",
  'listen(() => {})',
  'listen(null)',
  "listen(0, '0.0.0.0')",
  "listen(0, '0.0.0.0', 100, () => {})",
  'listen(0, 100)',
  'listen(0, undefined, undefined, () => {})',
  "listen(0, '::')",
  "listen({ port: 0, host: '0.0.0.0' })",
  'listen({ port: 0, backlog: 7 })',
  'listen({ port: undefined })',
]

/** Opens a port in each form, and its own; answers with the request and its listening addresses. */
const PLAIN = `
import { createServer } from 'node:http'
import net from 'node:net'
const others = [${FORMS.map((form) => `net.createServer().${form}`).join(', ')}]
const server = createServer((request, response) => {
  const addresses = [server, ...others].map((one) => one.address())
  response.end(JSON.stringify({ addresses, headers: request.headers, rawHeaders: request.rawHeaders }))
})
server.on('upgrade', (request, socket) => socket.end('HTTP/1.1 101 Switching Protocols\\r\\n\\r\\n'))
server.listen(process.env.PORT)
`

/** Workers that share one port. */
const CLUSTER = `
import cluster from 'node:cluster'
import { createServer } from 'node:http'
const worker = () => createServer((_, response) => {
  response.end(JSON.stringify({ addresses: [{ address: '127.0.0.1', port: Number(process.env.PORT) }] }))
})
if (cluster.isPrimary) cluster.fork()
else worker().listen(process.env.PORT)
`

interface Open {
  address: string
  port: number
}

const programs = { plain: PLAIN, cluster: CLUSTER }
const opened: Record<string, Open[]> = {}
const ports: Record<string, number> = {}

beforeAll(async () => {
  harness = await harnessWith({ ...programs, echo: ECHO })
  for (const name of Object.keys(programs)) {
    await deploy(harness, name, serviceOf(`${name}.tar.gz`))
    const { addresses } = JSON.parse((await harness.call(name)).body.toString()) as { addresses: [Open] }
    opened[name] = addresses
    ports[name] = addresses[0].port
  }
})

afterAll(cleanUp)

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

test.each(Object.keys(programs))(
  'a program that listens on all interfaces listens only on loopback: %s',
  async (name) => {
    expect(opened[name]).toHaveLength(name === 'plain' ? FORMS.length + 1 : 1)
    for (const { address, port } of opened[name]!) {
      expect(address).toBe('127.0.0.1')
      expect(await takesConnections('127.0.0.1', port)).toBe(true)
      for (const outer of outerAddresses()) expect(await takesConnections(outer, port), outer).toBe(false)
      if (process.platform === 'linux') expect(listeningAddresses(port)).toEqual(['0100007F'])
    }
  },
)

describe('the port of a program without its own checks', () => {
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

  test('is open to the front door, whose secret not even the program sees in a request', async () => {
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

test('a program with its own check gets every request unchanged, and the secret to tell them apart', async () => {
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
