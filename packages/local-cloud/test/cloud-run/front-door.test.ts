import { readdirSync } from 'node:fs'
import path from 'node:path'
import { exportPKCS8, generateKeyPair, importPKCS8, SignJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { ManualClock } from '../../src/kernel/clock.ts'
import type { DeliveryAnswer } from '../../src/kernel/api.ts'
import type { GoogleError } from '../../src/kernel/errors.ts'
import {
  addressOf,
  allow,
  deploy,
  DEPLOYER,
  echoOf,
  eventually,
  PARENT,
  removeDirectory,
  serviceOf,
  startHarness,
  upload,
  whileTimePasses,
} from './cloud-run-fixture.ts'
import type { Harness } from './cloud-run-fixture.ts'

vi.setConfig({ testTimeout: 20_000 })

/** Counts what reaches it in its log; `/size?n=` answers n bytes, `/hang` never does, `/cut` breaks the connection. */
const PROGRAM = `
import { createServer } from 'node:http'
createServer(async (request, response) => {
  console.log('reached ' + request.url)
  const url = new URL(request.url, 'http://x')
  if (url.pathname === '/hang') return
  if (url.pathname === '/cut') { request.socket.destroy(); return }
  if (url.pathname === '/size') { response.end(Buffer.alloc(Number(url.searchParams.get('n')))); return }
  if (url.pathname === '/stream') {
    for (let part = 0; part < 33; part++) response.write(Buffer.alloc(1024 * 1024))
    response.end()
    return
  }
  if (url.pathname === '/headers') {
    response.setHeader('x-mine', 'yes').setHeader('connection', 'close').setHeader('retry-after', '7')
    response.statusCode = 429
  }
  const chunks = []
  for await (const chunk of request) chunks.push(chunk)
  response.end(JSON.stringify({ url: request.url, method: request.method, headers: request.headers, bytes: Buffer.concat(chunks).length }))
}).listen(process.env.PORT)
`

const clock = new ManualClock()
let harness: Harness
beforeAll(async () => {
  harness = await startHarness({ clock })
  upload(harness, 'program.tar.gz', { 'server.mjs': PROGRAM })
  const service = serviceOf('program.tar.gz', {
    service: { customAudiences: ['https://signs.example.com'] },
    template: { timeout: { seconds: 20 } },
  })
  await whileTimePasses(clock, deploy(harness, 'private', service))
  await whileTimePasses(clock, deploy(harness, 'open', serviceOf('program.tar.gz')))
  await allow(harness, 'open', 'allUsers')
})
afterAll(async () => {
  await whileTimePasses(clock, harness.stop())
  removeDirectory(harness.directory)
})

/** Calls a service while the clock advances, because an instance may have to start first, which takes time on that clock. */
const call = (...parameters: Parameters<Harness['call']>): Promise<DeliveryAnswer> =>
  whileTimePasses(clock, harness.call(...parameters))

let marks = 0
/**
 * The requests that reached the private service. The log arrives after the answers, so our own request goes
 * last: its line comes after all others.
 */
async function reached(): Promise<string[]> {
  const mark = `/mark-${++marks}`
  expect((await call('private', { path: mark })).status).toBe(200)
  await eventually(`the line of ${mark}`, () => harness.logLines.includes(`[private] reached ${mark}`))
  return harness.logLines.filter((line) => line.startsWith('[private] reached') && !line.includes('/mark-'))
}

describe('authentication', () => {
  // https://cloud.google.com/run/docs/authenticating/service-to-service
  // https://cloud.google.com/run/docs/troubleshooting#unauthorized-client (401) and #forbidden (403)
  const cases: { title: string; status: number; request: () => Promise<Parameters<Harness['call']>[1]> }[] = [
    { title: 'no token', status: 403, request: async () => ({ token: null }) },
    { title: 'garbage', status: 401, request: async () => ({ token: 'garbage' }) },
    { title: 'three parts of garbage', status: 401, request: async () => ({ token: 'a.b.c' }) },
    {
      title: 'another scheme',
      status: 401,
      request: async () => ({ token: null, headers: { authorization: 'Basic eDp5' } }),
    },
    {
      title: 'a token for another audience',
      status: 401,
      request: async () => ({ token: await harness.identity.idToken(DEPLOYER, addressOf('open')) }),
    },
    {
      title: 'a token for a page of the service',
      status: 401,
      request: async () => ({ token: await harness.identity.idToken(DEPLOYER, `${addressOf('private')}/process`) }),
    },
    { title: 'a token of another signer', status: 401, request: async () => ({ token: await forged() }) },
    { title: 'a token whose claims were changed', status: 401, request: async () => ({ token: await tampered() }) },
    { title: 'an access token', status: 401, request: async () => ({ token: harness.identity.accessToken(DEPLOYER) }) },
    {
      title: 'an account without the invoker role',
      status: 403,
      request: async () => ({ email: 'stranger@demo.iam.gserviceaccount.com' }),
    },
    {
      title: 'a user of the same name as the service account',
      status: 403,
      request: async () => ({ email: DEPLOYER.replace('demo', 'other') }),
    },
  ]

  async function forged(): Promise<string> {
    const { privateKey } = await generateKeyPair('RS256', { extractable: true })
    return sign(await exportPKCS8(privateKey))
  }

  async function sign(key: string): Promise<string> {
    const nowS = Math.floor(clock.now() / 1_000)
    return new SignJWT({ email: DEPLOYER, email_verified: true })
      .setProtectedHeader({ alg: 'RS256' })
      .setIssuer('https://accounts.google.com')
      .setAudience(addressOf('private'))
      .setSubject('1')
      .setIssuedAt(nowS)
      .setExpirationTime(nowS + 3_600)
      .sign(await importPKCS8(key, 'RS256'))
  }

  async function tampered(): Promise<string> {
    const stranger = await harness.identity.idToken('stranger@demo.iam.gserviceaccount.com', addressOf('private'))
    const [head, payload = '', signature] = stranger.split('.')
    const claims = { ...JSON.parse(Buffer.from(payload, 'base64url').toString()), email: DEPLOYER }
    return [head, Buffer.from(JSON.stringify(claims)).toString('base64url'), signature].join('.')
  }

  test.each(cases)(
    'answers $status to a request with $title, and nothing reaches the program',
    async ({ status, request }) => {
      const before = await reached()
      const answer = await call('private', { method: 'POST', body: 'work', ...(await request()) })
      expect(answer.status).toBe(status)
      const challenge = status === 401 ? 'Bearer error="invalid_token"' : 'none'
      expect(answer.headers['www-authenticate'] ?? 'none').toContain(challenge)
      expect(await reached()).toEqual(before)
    },
  )

  test('answers 401 to an expired token, even one that it accepted before', async () => {
    const token = await harness.identity.idToken(DEPLOYER, addressOf('private'))
    expect((await call('private', { token })).status).toBe(200)
    const before = await reached()
    await clock.advance(61 * 60_000)
    expect((await call('private', { token })).status).toBe(401)
    expect(await reached()).toEqual(before)
  })

  test('admits everyone with the role: the account, allAuthenticatedUsers, its domain', async () => {
    const email = 'someone@signs.example.com'
    expect((await call('private', { email })).status).toBe(403)
    for (const member of [`user:${email}`, 'allAuthenticatedUsers', 'domain:signs.example.com']) {
      await allow(harness, 'private', member, `serviceAccount:${DEPLOYER}`)
      expect((await call('private', { email })).status).toBe(200)
      expect((await call('private', { token: null })).status).toBe(403)
    }
    await allow(harness, 'private', `serviceAccount:${DEPLOYER}`)
    expect((await call('private', { email })).status).toBe(403)
  })

  // https://cloud.google.com/run/docs/configuring/custom-audiences
  test('admits a token for a custom audience of the service', async () => {
    const token = await harness.identity.idToken(DEPLOYER, 'https://signs.example.com')
    expect((await call('private', { token })).status).toBe(200)
  })

  test('admits a request without a token to a service for allUsers, and to one with the invoker check off', async () => {
    expect((await call('open', { token: null })).status).toBe(200)
    const setCheck = async (invokerIamDisabled: boolean): Promise<void> => {
      const [operation] = await harness.services.updateService({
        service: { name: `${PARENT}/services/private`, invokerIamDisabled },
        updateMask: { paths: ['invoker_iam_disabled'] },
      })
      await operation.promise()
    }
    await setCheck(true)
    expect((await call('private', { token: null })).status).toBe(200)
    await setCheck(false)
    expect((await call('private', { token: null })).status).toBe(403)
  })

  test('passes a checked token to the program without its signature', async () => {
    const token = await harness.identity.idToken(DEPLOYER, addressOf('private'))
    const [head, payload] = token.split('.')
    const first = echoOf(await call('private', { token }))
    expect(first.headers['authorization']).toBe(`Bearer ${head}.${payload}.SIGNATURE_REMOVED_BY_GOOGLE`)
  })

  // https://cloud.google.com/run/docs/authenticating/service-to-service: X-Serverless-Authorization
  test('checks X-Serverless-Authorization first and then passes Authorization to the program unchanged', async () => {
    const token = await harness.identity.idToken(DEPLOYER, addressOf('private'))
    const headers = { 'X-Serverless-Authorization': `Bearer ${token}`, Authorization: 'Bearer mine' }
    const echo = echoOf(await call('private', { token: null, headers }))
    expect(echo.headers['authorization']).toBe('Bearer mine')
    expect(echo.headers['x-serverless-authorization']).toMatch(/SIGNATURE_REMOVED_BY_GOOGLE$/)
    const bad = { 'X-Serverless-Authorization': 'Bearer bad', Authorization: `Bearer ${token}` }
    expect((await call('private', { token: null, headers: bad })).status).toBe(401)
  })
})

// https://cloud.google.com/run/docs/securing/ingress
describe('a service with internal ingress', () => {
  test('answers Cloud Tasks and Pub/Sub, and answers 404 to the internet', async () => {
    const service = serviceOf('program.tar.gz', { service: { ingress: 'INGRESS_TRAFFIC_INTERNAL_ONLY' } })
    await whileTimePasses(clock, deploy(harness, 'internal', service))
    const [kept] = await harness.services.getService({ name: `${PARENT}/services/internal` })
    expect(kept.ingress).toBe('INGRESS_TRAFFIC_INTERNAL_ONLY')
    expect((await call('internal')).status).toBe(200)
    expect((await call('internal', { isFromInternet: true })).status).toBe(404)
    expect((await call('private', { isFromInternet: true })).status).toBe(200)
  })
})

describe('a host', () => {
  test('without a service gets a 404 page', async () => {
    const answer = await call('nobody')
    expect(answer.status).toBe(404)
    expect(answer.headers['content-type']).toContain('text/html')
    expect(answer.body.toString()).toContain('The requested URL was not found on this server.')
  })

  test('belongs to Cloud Run if it is under run.app, with or without a port', () => {
    const { frontDoor } = harness.api
    expect(frontDoor.serves('x-1.us-central1.run.app')).toBe(true)
    expect(frontDoor.serves('X-1.us-central1.run.app:8080')).toBe(true)
    expect(frontDoor.serves('127.0.0.1:8080')).toBe(false)
    expect(frontDoor.serves('run.app.example.com')).toBe(false)
  })
})

describe('requests and responses', () => {
  test('the program gets the request with forwarding headers', async () => {
    const echo = echoOf(
      await call('open', {
        path: '/x?y=%20z',
        method: 'PUT',
        body: 'body',
        token: null,
        headers: {
          'X-Mine': 'kept',
          Connection: 'close',
          'Keep-Alive': 'timeout=1',
          TE: 'trailers',
          'X-Forwarded-For': '203.0.113.7',
        },
      }),
    )
    expect(echo).toMatchObject({ url: '/x?y=%20z', method: 'PUT', bytes: 4 })
    expect(echo.headers).toMatchObject({
      host: new URL(addressOf('open')).host,
      'x-mine': 'kept',
      'x-forwarded-for': '203.0.113.7,127.0.0.1',
      'x-forwarded-proto': 'https',
      connection: 'keep-alive',
    })
    expect(echo.headers).not.toHaveProperty('te')
    expect(echo.headers).not.toHaveProperty('keep-alive')
    // https://cloud.google.com/trace/docs/trace-context
    const [, trace] = /^00-([0-9a-f]{32})-[0-9a-f]{16}-0[01]$/.exec(echo.headers['traceparent'] ?? '') ?? []
    expect(echo.headers['x-cloud-trace-context']).toMatch(new RegExp(`^${trace}/\\d+;o=[01]$`))
  })

  test("the caller's trace is kept", async () => {
    const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'
    const echo = echoOf(await call('open', { token: null, headers: { traceparent } }))
    expect(echo.headers['traceparent']).toMatch(/^00-4bf92f3577b34da6a3ce929d0e0e4736-/)
    expect(echo.headers['x-cloud-trace-context']).toMatch(/^4bf92f3577b34da6a3ce929d0e0e4736\//)
  })

  test('the caller gets the program’s status and headers, without hop-by-hop headers', async () => {
    const answer = await call('open', { path: '/headers', token: null })
    expect(answer.status).toBe(429)
    expect(answer.headers).toMatchObject({ 'x-mine': 'yes', 'retry-after': '7' })
    expect(answer.headers).not.toHaveProperty('connection')
  })
})

describe('limits', () => {
  const MEBIBYTE = 1024 * 1024

  // https://cloud.google.com/run/quotas#request_limits: 32 MiB, requests and responses that are not streamed
  test('a request of 32 MiB passes, and one byte more gets 413', async () => {
    const post = { path: '/', method: 'POST', token: null }
    const largest = await call('open', { ...post, body: 'x'.repeat(32 * MEBIBYTE) })
    expect(JSON.parse(largest.body.toString())).toMatchObject({ bytes: 32 * MEBIBYTE })
    const larger = await call('open', { ...post, body: 'x'.repeat(32 * MEBIBYTE + 1) })
    expect(larger.status).toBe(413)
  })

  test('a response of 32 MiB passes, and one byte more gets 500 unless it is streamed', async () => {
    const answer = (query: string) => call('open', { path: query, token: null })
    expect((await answer(`/size?n=${32 * MEBIBYTE}`)).body.length).toBe(32 * MEBIBYTE)
    expect((await answer(`/size?n=${32 * MEBIBYTE + 1}`)).status).toBe(500)
    expect((await answer('/stream')).body.length).toBe(33 * MEBIBYTE)
  })

  // https://cloud.google.com/run/docs/configuring/request-timeout
  test("a request gets 504 after the service's timeout", async () => {
    const path = `/hang?${++marks}`
    await call('private')
    const hanging = harness.call('private', { path })
    await eventually('the request reached the program', () => harness.logLines.includes(`[private] reached ${path}`))
    await clock.advance(19_900)
    expect(await Promise.race([hanging, Promise.resolve('still waiting')])).toBe('still waiting')
    await clock.advance(200)
    expect((await hanging).status).toBe(504)
  })

  test('a delivery is canceled at its own deadline if that comes first', async () => {
    await call('open', { token: null })
    const hanging = harness.call('open', { path: '/hang', token: null, deadlineMs: 5_000 })
    const outcome = hanging.then(
      () => 'answered',
      (error: unknown) => (error as GoogleError).status,
    )
    await clock.advance(5_001)
    expect(await outcome).toBe('DEADLINE_EXCEEDED')
  })

  test('a connection that the program breaks gets 503, and the program keeps running', async () => {
    const { status, body } = await call('open', { path: '/cut', token: null })
    expect(status).toBe(503)
    expect(body.toString()).toContain('malformed or connection to the instance had an error')
    const after = await call('open', { token: null })
    expect(after.status).toBe(200)
    expect(harness.logLines.join('\n')).not.toContain('Container called exit')
  })
})

test('a disabled default URL answers 404', async () => {
  const [operation] = await harness.services.updateService({
    service: { name: `${PARENT}/services/open`, defaultUriDisabled: true },
    updateMask: { paths: ['default_uri_disabled'] },
  })
  const [service] = await operation.promise()
  expect(service.urls).toEqual([])
  expect((await call('open', { token: null })).status).toBe(404)
  expect(readdirSync(path.join(harness.directory, 'run/logs')).toSorted()).toEqual([
    'internal.log',
    'open.log',
    'private.log',
  ])
})
