import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { useLocalCloud } from '../../src/google/environment.ts'
import { tokenCheck } from '../../src/google/identity-tokens.ts'
import { EnvironmentError, mainEnvironment, readEnvironment, tokenRules } from '../../src/runtime/environment.ts'
import { httpService } from '../../src/runtime/http-service.ts'
import { fakeLog } from './fixtures.ts'

const AUDIENCE = 'https://main.example.com'
const ACCOUNT = 'imagery-invoker@demo.iam.gserviceaccount.com'
const NOW_MS = Date.parse('2026-11-23T10:00:00Z')

const signers = { first: await generateKeyPair('RS256'), second: await generateKeyPair('RS256') }

/** The keys as Google publishes them; undefined while they cannot be had. */
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

function token(kid: keyof typeof signers): Promise<string> {
  return new SignJWT({ email: ACCOUNT, email_verified: true })
    .setProtectedHeader({ alg: 'RS256', kid })
    .setIssuer('https://accounts.google.com')
    .setAudience(AUDIENCE)
    .setIssuedAt(NOW_MS / 1_000)
    .setExpirationTime(NOW_MS / 1_000 + 3_600)
    .sign(signers[kid].privateKey)
}

/** A service that checks tokens, and a call of it. */
function checkingService() {
  const { log, entries } = fakeLog()
  const checkToken = tokenCheck({ audiences: [AUDIENCE], account: ACCOUNT }, () => NOW_MS)
  const app = httpService({ log, projectId: 'demo', callers: { checkToken } })
  app.post('/', (context) => context.json({ served: true }))
  const call = async (given: string) =>
    (await app.request('/', { method: 'POST', headers: { authorization: `Bearer ${given}` } })).status
  return { call, entries }
}

describe('the check of identity tokens', () => {
  test('answers 503 while Google’s keys cannot be had, so that the call is made again', async () => {
    published = undefined
    const { call, entries } = checkingService()
    expect(await call(await token('first'))).toBe(503)
    expect(JSON.stringify(entries)).not.toContain('eyJ')
    published = ['first']
    expect(await call(await token('first'))).toBe(200)
  })

  test('fetches the keys once, however many tokens come, of unknown keys too', async () => {
    published = ['first']
    const { call } = checkingService()
    fetches = 0
    const good = await token('first')
    const unknown = await token('second')
    expect(await Promise.all([good, good, unknown, unknown].map(call))).toEqual([200, 200, 401, 401])
    expect(await call(unknown)).toBe(401)
    expect(fetches).toBe(1)
  })

  test('does not parse what is far longer than any token', async () => {
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

  test.each(['', 'yes', 'ON', 'true'])('that are set to %j start no service', (value) => {
    expect(() => readEnvironment(mainEnvironment, { ...SERVICE, IMAGERY_CHECK_TOKENS: value })).toThrow(
      EnvironmentError,
    )
  })
})
