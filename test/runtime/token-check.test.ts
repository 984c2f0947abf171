import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { useLocalCloud } from '../../src/google/transport/environment.ts'
import { tokenCheck } from '../../src/google/auth/identity-tokens.ts'
import { EnvironmentError, mainEnvironment, readEnvironment, tokenRules } from '../../src/runtime/environment.ts'
import { httpService } from '../../src/runtime/http-service.ts'
import { fakeLog } from './fixtures.ts'

const AUDIENCE = 'https://main.example.com'
const ACCOUNT = 'imagery-invoker@demo.iam.gserviceaccount.com'
const NOW_MS = Date.parse('2026-11-23T10:00:00Z')

const signers = { first: await generateKeyPair('RS256'), second: await generateKeyPair('RS256') }

/** The keys as Google publishes them; undefined while they are unavailable. */
let published: (keyof typeof signers)[] | undefined
let fetches = 0
const server = createServer((_request, response) => {
  fetches++
  if (!published) return void response.writeHead(503).end()
  const keys = published.map(async (kid) => ({ ...(await exportJWK(signers[kid].publicKey)), kid, alg: 'RS256' }))
  void Promise.all(keys).then((set) =>
    response.setHeader('content-type', 'application/json').end(JSON.stringify({ keys: set })),
  )
})

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`
  useLocalCloud({
    version: 1,
    pid: process.pid,
    projectId: 'demo',
    projectNumber: '1',
    region: 'us-central1',
    http: `http://${host}`,
    grpc: { host: '127.0.0.1', port: 1 },
    caFile: '/no-ca.pem',
    metadataHost: host,
    adminToken: 'none',
    startedAt: new Date(0).toISOString(),
  })
})

afterAll(() => server.close())

const NOW_S = NOW_MS / 1_000

/** Claims and header members of undefined are left out. */
function token(
  kid: keyof typeof signers,
  change: Record<string, unknown> = {},
  header: { kid?: string | undefined } = {},
): Promise<string> {
  const usual = { iss: 'https://accounts.google.com', aud: AUDIENCE, iat: NOW_S, exp: NOW_S + 3_600 }
  return new SignJWT({ email: ACCOUNT, email_verified: true, ...usual, ...change })
    .setProtectedHeader({ alg: 'RS256', kid, ...header } as { alg: string })
    .sign(signers[kid].privateKey)
}

/** A service that checks tokens, and a call of it. */
function checkingService(now = () => NOW_MS) {
  const { log, entries } = fakeLog()
  const checkToken = tokenCheck({ audiences: [AUDIENCE], account: ACCOUNT }, now)
  const app = httpService({ log, projectId: 'demo', callers: { checkToken } })
  app.post('/', (context) => context.json({ served: true }))
  const call = async (given: string) =>
    (await app.request('/', { method: 'POST', headers: { authorization: `Bearer ${given}` } })).status
  return { call, entries }
}

describe('the check of identity tokens', () => {
  test('answers 503 while Google’s keys are unavailable, so that the call is retried', async () => {
    published = undefined
    const { call, entries } = checkingService()
    expect(await call(await token('first'))).toBe(503)
    expect(JSON.stringify(entries)).not.toContain('eyJ')
    published = ['first']
    expect(await call(await token('first'))).toBe(200)
  })

  test('fetches the keys once for any number of tokens, even with unknown keys', async () => {
    published = ['first']
    const { call } = checkingService()
    fetches = 0
    const good = await token('first')
    const unknown = await token('second')
    expect(await Promise.all([good, good, unknown, unknown].map(call))).toEqual([200, 200, 401, 401])
    expect(await call(unknown)).toBe(401)
    expect(fetches).toBe(1)
  })

  test.each<[title: string, change: Record<string, unknown>, status: number]>([
    ['issued in an hour', { iat: NOW_S + 3_600, exp: NOW_S + 7_200 }, 401],
    ['issued more than five minutes ahead', { iat: NOW_S + 301 }, 401],
    ['without the time of its issue', { iat: undefined }, 401],
    ['whose time of issue is text', { iat: String(NOW_S) }, 401],
    ['without an end', { exp: undefined }, 401],
    ['that ends in a day', { exp: NOW_S + 86_400 }, 401],
    ['that ends in a million years', { exp: 4e13 }, 401],
    ['that ends before it begins', { iat: NOW_S + 200, exp: NOW_S + 100 }, 401],
    ['that has just ended', { iat: NOW_S - 3_600, exp: NOW_S }, 401],
    ['good from an hour on', { nbf: NOW_S + 3_500 }, 401],
    ['for several audiences', { aud: [AUDIENCE, 'https://b.example.com'] }, 401],
    ['of another issuer', { iss: 'https://accounts.google.com.example.com' }, 401],
    ['without an issuer', { iss: undefined }, 401],
    ['without an address', { email: undefined }, 401],
    ['of an address that is not verified', { email_verified: false }, 403],
    ['of an address that is called verified', { email_verified: 'true' }, 403],
    ['that does not say whether its address is verified', { email_verified: undefined }, 403],
    ['of another account', { email: `x${ACCOUNT}` }, 403],
    ['of a clock that is five minutes ahead', { iat: NOW_S + 300 }, 200],
    ['issued yesterday and not expired', { iat: NOW_S - 80_000 }, 200],
  ])('answers a token %s', async (_title, change, status) => {
    published = ['first']
    expect(await checkingService().call(await token('first', change))).toBe(status)
  })

  test('refuses a token that names no key, even if there is only one', async () => {
    published = ['first']
    expect(await checkingService().call(await token('first', {}, { kid: undefined }))).toBe(401)
  })

  test('caches only accepted tokens, until they expire', async () => {
    published = ['first']
    let nowMs = NOW_MS
    const { call } = checkingService(() => nowMs)
    const good = await token('first')
    const [head, claims, signature = ''] = good.split('.')
    const forged = [head, claims, signature.slice(0, -8) + signature.slice(-8).split('').toReversed().join('')].join(
      '.',
    )
    expect([await call(good), await call(good), await call(forged)]).toEqual([200, 200, 401])
    nowMs += 3_600_000 - 1
    expect(await call(good)).toBe(200)
    nowMs += 1
    expect(await call(good)).toBe(401)
  })

  test('does not parse a header far longer than any token', async () => {
    const { call } = checkingService()
    fetches = 0
    expect(await call('e'.repeat(10_000))).toBe(401)
    expect(fetches).toBe(0)
  })
})

describe('the variables of the check', () => {
  const SERVICE = { IMAGERY_PROJECT: 'demo', IMAGERY_REGION: 'us-central1', IMAGERY_BUCKET: 'bucket' }

  test('are off unless they say otherwise', () => {
    expect(tokenRules(readEnvironment(mainEnvironment, SERVICE))).toBeUndefined()
  })

  test('need audiences and an account when they are on', () => {
    const on = { ...SERVICE, IMAGERY_CHECK_TOKENS: 'on' }
    const complete = { ...on, IMAGERY_TOKEN_AUDIENCES: `${AUDIENCE}/, https://b.example.com`, IMAGERY_INVOKER: ACCOUNT }
    expect(tokenRules(readEnvironment(mainEnvironment, complete))).toEqual({
      audiences: [AUDIENCE, 'https://b.example.com'],
      account: ACCOUNT,
    })
    expect(() => readEnvironment(mainEnvironment, on)).toThrow(
      /IMAGERY_TOKEN_AUDIENCES: not set\n.*IMAGERY_INVOKER: not set/,
    )
  })

  test.each(['', 'yes', 'ON', 'true'])('set to %j keep the service from starting', (value) => {
    expect(() => readEnvironment(mainEnvironment, { ...SERVICE, IMAGERY_CHECK_TOKENS: value })).toThrow(
      EnvironmentError,
    )
  })
})
