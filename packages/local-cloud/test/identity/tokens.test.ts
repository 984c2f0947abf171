import { execFile } from 'node:child_process'
import { createPublicKey, sign } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import https from 'node:https'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import { OAuth2Client } from 'google-auth-library'
import { createRemoteJWKSet, decodeJwt, decodeProtectedHeader, generateKeyPair, jwtVerify, SignJWT } from 'jose'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Identity } from '../../src/apis/identity/index.ts'
import { ManualClock, type Clock } from '../../src/kernel/clock.ts'
import { systemClock } from '../../src/kernel/clock.ts'
import { serveHttp } from '../../src/kernel/http-server.ts'
import { giveSigningKey } from './signing-key-fixture.ts'

const operator = 'operator@imagery-local.iam.gserviceaccount.com'
const audience = 'https://imagery-main-abc-uc.a.run.app'
const hourMs = 3_600_000

let dataDir: string
let directory: string
const cleanups: (() => Promise<unknown>)[] = []

beforeEach(() => {
  dataDir = mkdtempSync(path.join(tmpdir(), 'imagery-identity-'))
  directory = path.join(dataDir, 'identity')
})

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup()
  rmSync(dataDir, { recursive: true, force: true })
})

async function open(clock: Clock = systemClock): Promise<Identity> {
  const identity = await Identity.open({
    directory,
    clock,
    projectId: 'imagery-local',
    projectNumber: '123456789012',
    region: 'europe-west1',
  })
  cleanups.push(() => identity.metadata.stop())
  return identity
}

describe('certificates', () => {
  it('lets a TLS client that trusts ca.pem connect to localhost and to 127.0.0.1', async () => {
    const identity = await open()
    const server = https.createServer(
      { key: identity.certificate.key, cert: identity.certificate.cert },
      (_, response) => response.end('hello'),
    )
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    cleanups.push(() => new Promise((resolve) => server.close(resolve)))
    const { port } = server.address() as { port: number }
    const get = (host: string, ca?: string): Promise<string> =>
      new Promise((resolve, reject) => {
        https
          .get({ host, port, agent: false, ...(ca === undefined ? {} : { ca }) }, (answer) =>
            answer.on('data', (chunk: Buffer) => resolve(chunk.toString())),
          )
          .on('error', reject)
      })
    const ca = readFileSync(identity.caFile, 'utf8')
    expect(await get('localhost', ca)).toBe('hello')
    expect(await get('127.0.0.1', ca)).toBe('hello')
    await expect(get('localhost')).rejects.toThrow(/certificate/)
  })

  it('keeps its keys across a restart, readable only by their owner', async () => {
    const first = await open()
    const second = await open()
    expect(second.certificate).toEqual(first.certificate)
    for (const name of ['ca.pem', 'ca-key.pem', 'server-key.pem', 'signing-key.pem', 'access-token-secret']) {
      expect([name, statSync(path.join(directory, name)).mode & 0o777]).toEqual([name, 0o600])
    }
  })

  it('creates a new server certificate when the authority was deleted', async () => {
    const first = await open()
    rmSync(first.caFile)
    const second = await open()
    expect(second.certificate.cert).not.toBe(first.certificate.cert)
  })

  it('names the file when a key is damaged', async () => {
    await open()
    writeFileSync(path.join(directory, 'signing-key.pem'), 'not a key')
    await expect(open()).rejects.toThrow(/signing\.pem or its key is damaged/)
  })
})

describe('access tokens', () => {
  beforeEach(() => giveSigningKey(dataDir))

  it('belong to an email address and survive a restart', async () => {
    const token = (await open()).accessToken(operator)
    expect(token).toMatch(/^ya29\.local-/)
    expect((await open()).authenticate(`Bearer ${token}`)).toMatchObject({ email: operator })
  })

  it('expire after one hour', async () => {
    const clock = new ManualClock()
    const identity = await open(clock)
    const header = `Bearer ${identity.accessToken(operator)}`
    await clock.advance(hourMs - 1)
    expect(identity.authenticate(header)).toMatchObject({ email: operator })
    await clock.advance(1)
    expect(() => identity.authenticate(header)).toThrow(/invalid authentication credentials/)
  })

  it('are refused by a clock more than five minutes behind their issue time', async () => {
    const late = new ManualClock(Date.UTC(2026, 5, 1, 1))
    const header = `Bearer ${(await open(late)).accessToken(operator)}`
    const at = async (minutesBefore: number): Promise<Identity> =>
      open(new ManualClock(Date.UTC(2026, 5, 1, 1) - minutesBefore * 60_000))
    expect((await at(5)).authenticate(header)).toMatchObject({ email: operator })
    const identity = await at(6)
    expect(() => identity.authenticate(header)).toThrow(/invalid authentication credentials/)
  })

  it('are reused until five minutes before they expire', async () => {
    const clock = new ManualClock()
    const identity = await open(clock)
    const first = identity.accessToken(operator)
    await clock.advance(hourMs - 5 * 60_000 - 1)
    expect(identity.accessToken(operator)).toBe(first)
    await clock.advance(1)
    expect(identity.accessToken(operator)).not.toBe(first)
  })

  // https://cloud.google.com/apis/design/errors: HTTP 401 is UNAUTHENTICATED.
  it.each([
    ['missing', undefined, /missing required authentication credential/],
    ['garbage', 'Bearer nonsense', /invalid authentication credentials/],
    ['of another scheme', 'Basic dXNlcjpwYXNz', /invalid authentication credentials/],
    ['with our prefix but no signature', 'Bearer ya29.local-e30', /invalid authentication credentials/],
  ])('are refused when %s', async (_, header, message) => {
    const identity = await open()
    expect(() => identity.authenticate(header)).toThrow(message)
    expect(() => identity.authenticate(header)).toThrow(
      expect.objectContaining({ status: 'UNAUTHENTICATED', http: 401 }),
    )
  })

  it('are refused when the email address was changed after signing', async () => {
    const identity = await open()
    const [head = '', signature] = identity.accessToken(operator).split(/\.(?=[^.]*$)/)
    const payload = JSON.parse(Buffer.from(head.replace('ya29.local-', ''), 'base64url').toString()) as object
    const forged = Buffer.from(JSON.stringify({ ...payload, email: 'thief@example.com' })).toString('base64url')
    expect(() => identity.authenticate(`Bearer ya29.local-${forged}.${signature}`)).toThrow(/invalid/)
  })
})

describe('ID tokens', () => {
  beforeEach(() => giveSigningKey(dataDir))

  it('carry the claims that Google documents', async () => {
    const clock = new ManualClock(Date.UTC(2026, 5, 1))
    const identity = await open(clock)
    const token = await identity.idToken(operator, audience)
    // https://cloud.google.com/docs/authentication/token-types#id
    expect(decodeProtectedHeader(token)).toMatchObject({
      alg: 'RS256',
      typ: 'JWT',
      kid: expect.any(String),
    })
    expect(decodeJwt(token)).toEqual({
      iss: 'https://accounts.google.com',
      aud: audience,
      azp: expect.stringMatching(/^\d{21}$/),
      sub: expect.stringMatching(/^\d{21}$/),
      email: operator,
      email_verified: true,
      iat: Date.UTC(2026, 5, 1) / 1000,
      exp: Date.UTC(2026, 5, 1, 1) / 1000,
    })
  })

  it('are accepted for their audience and name their account', async () => {
    const identity = await open()
    const token = await identity.idToken(operator, audience)
    expect(await identity.verifyIdToken(token, audience)).toMatchObject({ email: operator })
    expect(await identity.verifyIdToken(token, ['https://other.example', audience])).toEqual({
      email: operator,
    })
  })

  it('are refused when garbage, expired, for another audience or signed by another key', async () => {
    const clock = new ManualClock()
    const identity = await open(clock)
    const token = await identity.idToken(operator, audience)
    const { privateKey } = await generateKeyPair('RS256')
    const foreign = await new SignJWT(decodeJwt(token))
      .setProtectedHeader({ alg: 'RS256', kid: String(decodeProtectedHeader(token).kid) })
      .sign(privateKey)
    const refusal = (why: RegExp): object => ({
      status: 'UNAUTHENTICATED',
      message: expect.stringMatching(why) as string,
    })

    await expect(identity.verifyIdToken('nonsense', audience)).rejects.toMatchObject(refusal(/not valid/))
    await expect(identity.verifyIdToken(identity.accessToken(operator), audience)).rejects.toMatchObject(
      refusal(/not valid/),
    )
    await expect(identity.verifyIdToken(token, 'https://other.example')).rejects.toMatchObject(refusal(/aud/))
    await expect(identity.verifyIdToken(foreign, audience)).rejects.toMatchObject(refusal(/signature/))
    expect(await identity.verifyIdToken(token, audience)).toMatchObject({ email: operator })
    await clock.advance(hourMs)
    await expect(identity.verifyIdToken(token, audience)).rejects.toMatchObject(refusal(/exp/))
  })

  const NOW_S = Date.UTC(2026, 5, 1) / 1000
  it.each<[title: string, claims: Record<string, unknown>, why: RegExp]>([
    ['issued in an hour', { iat: NOW_S + 3_600, exp: NOW_S + 7_200 }, /"iat" is in the future/],
    ['issued more than five minutes ahead', { iat: NOW_S + 301 }, /"iat" is in the future/],
    ['without the time of their issue', { iat: undefined }, /iat/],
    ['without an end', { exp: undefined }, /exp/],
    ['that end in a day', { exp: NOW_S + 86_400 }, /"exp" is too far away/],
    ['that end before they begin', { iat: NOW_S + 200, exp: NOW_S + 100 }, /before "iat"/],
    ['good from an hour on', { nbf: NOW_S + 3_500 }, /nbf/],
    ['of an address that is not verified', { email_verified: false }, /not verified/],
    ['of an address that is called verified', { email_verified: 'true' }, /not verified/],
    ['that do not say whether the address is verified', { email_verified: undefined }, /not verified/],
    ['without an address', { email: undefined }, /email/],
    ['for several audiences', { aud: [audience] }, /must be strings/],
    ['of another issuer', { iss: 'https://issuer.example' }, /iss/],
  ])('are refused when signed by our key but %s', async (_, change, why) => {
    const identity = await open(new ManualClock(NOW_S * 1000))
    const token = await signedByUs(identity, change)
    await expect(identity.verifyIdToken(token, audience)).rejects.toMatchObject({
      status: 'UNAUTHENTICATED',
      message: expect.stringMatching(why) as string,
    })
  })

  it('may come from a clock up to five minutes ahead', async () => {
    const identity = await open(new ManualClock(NOW_S * 1000))
    const token = await signedByUs(identity, { iat: NOW_S + 300 })
    expect(await identity.verifyIdToken(token, audience)).toEqual({ email: operator })
  })

  it.each([
    ['of no signature', { alg: 'none' }],
    ['of an unknown key', { kid: 'unknown' }],
    ['of no key', { kid: undefined }],
  ])('are refused with a header %s', async (_, header) => {
    const identity = await open(new ManualClock(NOW_S * 1000))
    const token = await signedByUs(identity, {}, header)
    await expect(identity.verifyIdToken(token, audience)).rejects.toMatchObject({ status: 'UNAUTHENTICATED' })
  })

  it('are refused when the public key was used as an HMAC secret', async () => {
    const identity = await open(new ManualClock(NOW_S * 1000))
    const real = await identity.idToken(operator, audience)
    const publicKey = createPublicKey(readFileSync(path.join(directory, 'signing-key.pem')))
    const forged = await new SignJWT(decodeJwt(real))
      .setProtectedHeader({ alg: 'HS256', kid: String(decodeProtectedHeader(real).kid) })
      .sign(new TextEncoder().encode(String(publicKey.export({ type: 'spki', format: 'pem' }))))
    await expect(identity.verifyIdToken(forged, audience)).rejects.toMatchObject({ status: 'UNAUTHENTICATED' })
  })

  /** The operator's token with other claims, signed with the key of the local cloud. */
  async function signedByUs(identity: Identity, change: object, header: object = {}): Promise<string> {
    const real = await identity.idToken(operator, audience)
    const parts = [
      { ...decodeProtectedHeader(real), ...header },
      { ...decodeJwt(real), ...change },
    ]
    const signed = parts.map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.')
    const key = readFileSync(path.join(directory, 'signing-key.pem'))
    return `${signed}.${sign('RSA-SHA256', Buffer.from(signed), key).toString('base64url')}`
  }

  it('are reused until five minutes before they expire', async () => {
    const clock = new ManualClock()
    const identity = await open(clock)
    const first = await identity.idToken(operator, audience)
    expect(await identity.idToken(operator, audience)).toBe(first)
    expect(await identity.idToken(operator, 'https://other.example')).not.toBe(first)
    await clock.advance(hourMs - 5 * 60_000)
    expect(await identity.idToken(operator, audience)).not.toBe(first)
  })

  it('can be checked against the published keys, by jose and by google-auth-library', async () => {
    const identity = await open()
    const server = await serveHttp({ faces: [identity.http], port: 0 })
    cleanups.push(() => server.stop())
    const base = `http://127.0.0.1:${server.port}/oauth2`
    const token = await identity.idToken(operator, audience)
    const keys = createRemoteJWKSet(new URL(`${base}/v3/certs`))
    expect((await jwtVerify(token, keys, { audience })).payload['email']).toBe(operator)
    const client = new OAuth2Client({
      endpoints: {
        oauth2FederatedSignonPemCertsUrl: `${base}/v1/certs`,
        oauth2FederatedSignonJwkCertsUrl: `${base}/v3/certs`,
      },
    })
    const ticket = await client.verifyIdToken({ idToken: token, audience })
    expect(ticket.getPayload()?.email).toBe(operator)
  })
})

describe('metadata server', () => {
  beforeEach(() => giveSigningKey(dataDir))

  it('gives google-auth-library its project, account, access token and ID token', async () => {
    const identity = await open()
    const { host } = await identity.metadata.serve(operator)
    const script = `
      import { GoogleAuth } from 'google-auth-library'
      const auth = new GoogleAuth({ scopes: 'https://www.googleapis.com/auth/cloud-platform' })
      const idClient = await auth.getIdTokenClient('${audience}')
      const headers = await idClient.getRequestHeaders()
      console.log(JSON.stringify({
        project: await auth.getProjectId(),
        account: (await auth.getCredentials()).client_email,
        universe: await auth.getUniverseDomain(),
        access: await auth.getAccessToken(),
        authorization: headers.get('authorization'),
      }))`
    const { stdout, stderr } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], {
      env: { PATH: process.env['PATH'], GCE_METADATA_HOST: host, HOME: directory },
    })
    expect(stderr).toBe('')
    const found = JSON.parse(stdout) as Record<string, string>
    expect(found).toMatchObject({
      project: 'imagery-local',
      account: operator,
      universe: 'googleapis.com',
    })
    expect(identity.authenticate(`Bearer ${found['access']}`)).toMatchObject({ email: operator })
    const idToken = String(found['authorization']).replace('Bearer ', '')
    expect(await identity.verifyIdToken(idToken, audience)).toMatchObject({ email: operator })
  })

  // https://cloud.google.com/compute/docs/metadata/predefined-metadata-keys
  it.each([
    ['project/project-id', 'imagery-local'],
    ['project/numeric-project-id', '123456789012'],
    ['instance/region', 'projects/123456789012/regions/europe-west1'],
    ['instance/zone', 'projects/123456789012/zones/europe-west1-1'],
    ['instance/service-accounts/default/email', operator],
    [`instance/service-accounts/${operator}/email`, operator],
    ['instance/service-accounts/default/scopes', 'https://www.googleapis.com/auth/cloud-platform\n'],
    ['universe/universe-domain', 'googleapis.com'],
  ])('answers %s', async (key, value) => {
    const { host } = await (await open()).metadata.serve(operator)
    const answer = await fetch(`http://${host}/computeMetadata/v1/${key}`, {
      headers: { 'Metadata-Flavor': 'Google' },
    })
    expect([answer.status, answer.headers.get('metadata-flavor'), await answer.text()]).toEqual([200, 'Google', value])
  })

  it('serves one account per listener', async () => {
    const identity = await open()
    const first = await identity.metadata.serve(operator)
    const second = await identity.metadata.serve('main@imagery-local.iam.gserviceaccount.com')
    const email = async (host: string): Promise<string> =>
      (
        await fetch(`http://${host}/computeMetadata/v1/instance/service-accounts/default/email`, {
          headers: { 'Metadata-Flavor': 'Google' },
        })
      ).text()
    expect([await email(first.host), await email(second.host)]).toEqual([
      operator,
      'main@imagery-local.iam.gserviceaccount.com',
    ])
  })

  // https://cloud.google.com/compute/docs/metadata/querying-metadata#parts-of-a-request
  it.each([
    ['without the Metadata-Flavor header', {}, 403],
    ['with X-Forwarded-For', { 'Metadata-Flavor': 'Google', 'X-Forwarded-For': '10.0.0.1' }, 403],
  ])('refuses a request %s', async (_, headers, status) => {
    const { host } = await (await open()).metadata.serve(operator)
    expect((await fetch(`http://${host}/computeMetadata/v1/project/project-id`, { headers })).status).toBe(status)
  })

  it('answers 404 for a key that it does not have and 400 for an ID token without audience', async () => {
    const { host } = await (await open()).metadata.serve(operator)
    const status = async (key: string): Promise<number> =>
      (
        await fetch(`http://${host}/computeMetadata/v1/${key}`, {
          headers: { 'Metadata-Flavor': 'Google' },
        })
      ).status
    expect(await status('instance/attributes/ssh-keys')).toBe(404)
    expect(await status('instance/service-accounts/default/identity')).toBe(400)
  })
})
