import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import tls from 'node:tls'
import { GoogleAuth, type AuthClient, type IdTokenProvider } from 'google-auth-library'
import { decodeJwt, importPKCS8, SignJWT, type JWTPayload } from 'jose'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { startLocalCloud, type LocalCloud } from '../../src/host/local-cloud.ts'
import {
  externalAccountFile,
  grant,
  impersonatedFile,
  keyFile,
  providerOf,
  registerProvider,
  seconds,
  tokenIssuer,
  type Call,
  type Issuer,
} from './credentials-files-fixture.ts'
import { googleFront, type GoogleFront } from './google-front-fixture.ts'
import { callApi } from '../host/local-cloud-fixture.ts'

/** Google's own library, told nothing but a credentials file, against a local cloud behind Google's host names. */

const AUDIENCE = 'https://imagery-main-1.us-central1.run.app'
const TOPICS = 'https://pubsub.googleapis.com/v1/projects/imagery-local/topics'
const SCOPES = ['https://www.googleapis.com/auth/cloud-platform']
const CI = 'city-ci@imagery-local.iam.gserviceaccount.com'
const INVOKER = 'imagery-invoker@imagery-local.iam.gserviceaccount.com'
const PROJECT = 'v3/projects/imagery-local'

let folder: string
let cloud: LocalCloud
let front: GoogleFront
let call: Call
let issuer: Issuer
let provider: string
let key: Record<string, string>
const authorities = tls.getCACertificates('default')

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'imagery-credentials-'))
  cloud = await startLocalCloud({ dataDir: path.join(folder, 'cloud'), allServicesEnabled: true })
  front = await googleFront(cloud.locator)
  tls.setDefaultCACertificates([...authorities, front.certificate])
  vi.stubEnv('HTTPS_PROXY', front.proxy)
  vi.stubEnv('NO_PROXY', '127.0.0.1')
  vi.stubEnv('GOOGLE_CLOUD_PROJECT', 'imagery-local')
  call = async (method, route, body) => {
    const answer = await callApi(cloud, `/${route}`, { method, ...(body ? { body: JSON.stringify(body) } : {}) })
    const json = (await answer.json()) as Record<string, unknown>
    if (!answer.ok) throw Object.assign(new Error(`${method} ${route}`), { status: answer.status, body: json })
    return json
  }
  for (const accountId of ['city-ci', 'imagery-invoker']) {
    await call('POST', 'v1/projects/imagery-local/serviceAccounts', { accountId })
  }
  key = await keyFile(call, CI)
  issuer = await tokenIssuer()
  provider = await register('github', providerOf(issuer))
  await grant(call, PROJECT, 'roles/viewer', `serviceAccount:${CI}`)
})

afterAll(async () => {
  vi.unstubAllEnvs()
  tls.setDefaultCACertificates(authorities)
  await front.stop()
  await cloud.stop()
  rmSync(folder, { recursive: true, force: true })
})

const register = (id: string, resource: object): Promise<string> => registerProvider(cloud.locator, id, resource)

const pool = (): string => `iam.googleapis.com/${provider.replace(/\/providers\/.*/, '')}`

/** A file as the library gets it from a user. */
function file(content: object | string): string {
  const name = path.join(folder, `${Math.random()}.json`)
  writeFileSync(name, typeof content === 'string' ? content : JSON.stringify(content))
  return name
}

/** The library's client, found as a user's program finds it. */
async function auth(content: object, options: { scopes?: string[]; selfSigned?: true } = {}): Promise<AuthClient> {
  vi.stubEnv('GOOGLE_APPLICATION_CREDENTIALS', file(content))
  const found = new GoogleAuth({ scopes: options.scopes ?? SCOPES })
  if (options.selfSigned) found.useJWTAccessWithScope = true
  return found.getClient()
}

/** A call that any viewer of the project may make, at Google's own address. */
async function listsTopics(credentials: object): Promise<number> {
  return (await auth(credentials)).request({ url: TOPICS, retry: false }).then(({ status }) => status)
}

const job = (claims: JWTPayload = {}): Promise<string> =>
  issuer.token({
    sub: 'repo:city/poles',
    repository: 'city/poles',
    aud: `https://iam.googleapis.com/${provider}`,
    ...claims,
  })

async function refusal(work: Promise<unknown>): Promise<unknown> {
  const error = await work.then(
    () => Promise.reject(new Error('it was not refused')),
    (thrown: unknown) => thrown as { response?: { status: number; data: unknown } },
  )
  if (!error.response) throw error as unknown as Error
  return { status: error.response.status, ...(error.response.data as object) }
}

describe("a service account's key", () => {
  it('is the file that Google creates, and its private half is returned once', async () => {
    expect(key).toMatchObject({ type: 'service_account', project_id: 'imagery-local', client_email: CI })
    const { keys } = (await call('GET', `v1/projects/imagery-local/serviceAccounts/${CI}/keys`)) as { keys: object[] }
    const name = `projects/imagery-local/serviceAccounts/${CI}/keys/${key['private_key_id']}`
    expect(keys).toEqual([expect.objectContaining({ name, keyType: 'USER_MANAGED', keyAlgorithm: 'KEY_ALG_RSA_2048' })])
    expect(await call('GET', `v1/${name}`)).toEqual(keys[0])
    expect(JSON.stringify(keys)).not.toContain('PRIVATE')
  })

  it('gets an access token from the token endpoint, and an identity token', async () => {
    expect(await listsTopics(key)).toBe(200)
    const client = (await auth(key, { scopes: [] })) as unknown as IdTokenProvider
    const claims = decodeJwt(await client.fetchIdToken(AUDIENCE))
    expect(claims).toMatchObject({ aud: AUDIENCE, email: CI, email_verified: true })
  })

  it('signs its own access tokens, as gRPC clients do', async () => {
    const client = await auth(key, { selfSigned: true })
    const before = front.requests.length
    await client.request({ url: TOPICS })
    expect(front.requests.slice(before)).toEqual(['pubsub.googleapis.com GET /v1/projects/imagery-local/topics'])
  })

  it.each([
    ['has expired', { iat: -7_200, exp: -3_600 }, {}, 'Invalid JWT: Token must be a short-lived token (60 minutes)'],
    ['is good for two hours', { exp: 7_200 }, {}, 'Invalid JWT: Token must be a short-lived token (60 minutes)'],
    ['is issued in an hour', { iat: 3_600, exp: 7_200 }, {}, 'Invalid JWT: Token must be a short-lived token'],
    ['is issued in six minutes', { iat: 360 }, {}, 'Invalid JWT: Token must be a short-lived token'],
    ['is good from an hour on', {}, { nbf: seconds() + 3_500 }, 'Invalid JWT: Token must be a short-lived token'],
    ['does not say when it was issued', {}, { iat: undefined }, 'Invalid JWT: Token must be a short-lived token'],
    ['never ends', {}, { exp: undefined }, 'Invalid JWT: Token must be a short-lived token'],
    [
      'is for two audiences',
      {},
      { aud: ['https://oauth2.googleapis.com/token'] },
      'Invalid JWT: Failed audience check.',
    ],
    ['is for another audience', {}, { aud: 'https://example.com/token' }, 'Invalid JWT: Failed audience check.'],
    ['is of a missing account', {}, { iss: `x${CI}` }, 'Invalid grant: account not found'],
    ['is signed with the key of another account', {}, { iss: INVOKER }, 'Invalid JWT Signature.'],
  ])('gets no token for an assertion that %s', async (_title, times, claims, description) => {
    const { iat = 0, exp = 3_600 } = times as { iat?: number; exp?: number }
    const assertion = await assertionOf({ iat: seconds() + iat, exp: seconds() + exp, ...(claims as JWTPayload) })
    const { status, body } = await atTokenEndpoint({ grant_type: JWT_BEARER, assertion })
    expect(status).toBe(400)
    expect(body).toEqual({ error: 'invalid_grant', error_description: expect.stringContaining(description) as string })
  })

  it('gets no token without a scope, for a person, or with another grant type', async () => {
    const ask = async (claims: JWTPayload) =>
      atTokenEndpoint({ grant_type: JWT_BEARER, assertion: await assertionOf(claims) })
    expect(await ask({ scope: '' })).toMatchObject({ status: 400, body: { error: 'invalid_scope' } })
    expect(await ask({ sub: 'ada@example.com' })).toMatchObject({ status: 401, body: { error: 'unauthorized_client' } })
    expect(await atTokenEndpoint({ grant_type: 'password' })).toMatchObject({
      status: 400,
      body: { error: 'unsupported_grant_type', error_description: 'Invalid grant_type: password' },
    })
  })

  it('that is deleted gets no token and signs none; tokens issued for it stay valid', async () => {
    const other = await keyFile(call, CI)
    const [bought, signed] = [await auth(other), await auth(other, { selfSigned: true })]
    const ask = (client: AuthClient) => client.request({ url: TOPICS, retry: false })
    expect([(await ask(bought)).status, (await ask(signed)).status]).toEqual([200, 200])
    const name = `v1/projects/-/serviceAccounts/${CI}/keys/${other['private_key_id']}`
    await call('DELETE', name)
    expect((await ask(bought)).status).toBe(200)
    expect(await refusal(ask(signed))).toMatchObject({ status: 401 })
    expect(await refusal(listsTopics(other))).toEqual({
      status: 400,
      error: 'invalid_grant',
      error_description: 'Invalid JWT Signature.',
    })
    await expect(call('DELETE', name)).rejects.toMatchObject({ status: 404 })
  })

  it('can exist ten times per account', async () => {
    await call('POST', 'v1/projects/imagery-local/serviceAccounts', { accountId: 'ten-keys' })
    const email = 'ten-keys@imagery-local.iam.gserviceaccount.com'
    await Promise.all(Array.from({ length: 10 }, () => keyFile(call, email)))
    await expect(keyFile(call, email)).rejects.toMatchObject({ body: { error: { status: 'FAILED_PRECONDITION' } } })
  })
})

const JWT_BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer'

async function assertionOf(claims: JWTPayload): Promise<string> {
  const base = {
    iss: CI,
    aud: 'https://oauth2.googleapis.com/token',
    scope: SCOPES[0],
    iat: seconds(),
    exp: seconds() + 3_600,
  }
  return new SignJWT({ ...base, ...claims })
    .setProtectedHeader({ alg: 'RS256' })
    .sign(await importPKCS8(key['private_key']!, 'RS256'))
}

async function atTokenEndpoint(form: Record<string, string>): Promise<{ status: number; body: unknown }> {
  const answer = await fetch(`${cloud.locator.http}/token`, { method: 'POST', body: new URLSearchParams(form) })
  return { status: answer.status, body: await answer.json() }
}

describe('a workload identity', () => {
  const external = async (claims?: JWTPayload, email?: string): Promise<object> =>
    externalAccountFile(provider, file(await job(claims)), email)

  it("has its issuer's identity, and the roles that policies grant it by subject, by attribute, or as part of the pool", async () => {
    const members = [
      `principal://${pool()}/subject/repo:city/poles`,
      `principalSet://${pool()}/attribute.repository/city/poles`,
    ]
    for (const member of [...members, `principalSet://${pool()}/*`]) {
      expect(await refusal(listsTopics(await external()))).toMatchObject({ status: 403 })
      const before = await call('POST', `${PROJECT}:getIamPolicy`, {})
      await grant(call, PROJECT, 'roles/pubsub.viewer', member)
      expect(await listsTopics(await external())).toBe(200)
      const { etag: _, ...policy } = before
      await call('POST', `${PROJECT}:setIamPolicy`, { policy })
    }
  })

  it('impersonates an account that allows it, and gets ID tokens for it', async () => {
    expect(await refusal(listsTopics(await external({}, CI)))).toMatchObject({ status: 403 })
    const repository = `principalSet://${pool()}/attribute.repository/city/poles`
    await grant(call, `v1/projects/imagery-local/serviceAccounts/${CI}`, 'roles/iam.workloadIdentityUser', repository)
    expect(await listsTopics(await external({}, CI))).toBe(200)
    const { data } = await (
      await auth(await external())
    ).request<{ token: string }>({
      url: `https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/${CI}:generateIdToken`,
      method: 'POST',
      data: { audience: AUDIENCE, includeEmail: true },
    })
    expect(decodeJwt(data.token)).toMatchObject({ aud: AUDIENCE, email: CI })
  })

  it.each<[string, JWTPayload, object]>([
    ['has expired', { exp: seconds() - 60 }, { error: 'invalid_grant' }],
    ['is for another audience', { aud: 'https://example.com' }, { error: 'invalid_grant' }],
    ['is of another issuer', { iss: 'https://example.com' }, { error: 'invalid_grant' }],
    ['is good for two days', { exp: seconds() + 2 * 86_400 }, { error: 'invalid_grant' }],
    [
      'is of another repository',
      { repository: 'evil/poles' },
      {
        error: 'unauthorized_client',
        error_description: 'The given credential is rejected by the attribute condition.',
      },
    ],
    ['has too long a subject', { sub: 'x'.repeat(128) }, { error: 'invalid_grant' }],
  ])('gets no access token for a token that %s', async (_title, claims, expected) => {
    expect(await refusal(listsTopics(await external(claims)))).toMatchObject({ status: 400, ...expected })
  })

  it('gets no token from an impostor of its issuer or from a provider that does not exist', async () => {
    const stranger = await tokenIssuer(issuer.url)
    const token = await stranger.token({ ...decodeJwt(await job()) })
    expect(await refusal(listsTopics(externalAccountFile(provider, file(token))))).toMatchObject({
      error: 'invalid_grant',
    })
    const nowhere = externalAccountFile(provider.replace('github', 'gitlab'), file(await job()))
    expect(await refusal(listsTopics(nowhere))).toMatchObject({ status: 400, error: 'invalid_target' })
  })

  it('is mapped by groups and concatenations if its provider says so', async () => {
    const attributeMapping = { 'google.subject': "'run-' + assertion['run id']", 'google.groups': 'assertion.teams' }
    const rules = { attributeMapping, attributeCondition: "assertion.x == 'y' && assertion.repository != 'evil/poles'" }
    const name = await register('teams', providerOf(issuer, rules))
    const aud = `//iam.googleapis.com/${name}`
    const token = await job({ aud, 'run id': '7', teams: ['surveyors'], x: 'y' })
    await grant(call, PROJECT, 'roles/pubsub.viewer', `principalSet://${pool()}/group/surveyors`)
    expect(await listsTopics(externalAccountFile(name, file(token)))).toBe(200)
  })

  it("is accepted only if the local cloud supports its provider's settings", async () => {
    for (const [changes, status] of [
      [{ attributeMapping: { 'google.subject': 'assertion.sub.extract("{x}")' } }, 501],
      [{ attributeCondition: 'assertion.sub in ["a"]' }, 501],
      [{ attributeMapping: { 'attribute.a': 'assertion.sub' } }, 400],
      [{ oidc: { issuerUri: 'http://plain.example.com', jwksJson: issuer.jwksJson } }, 400],
      [{ oidc: { issuerUri: issuer.url, jwksJson: '{}' } }, 400],
    ] as const) {
      await expect(register('strange', providerOf(issuer, changes)), JSON.stringify(changes)).rejects.toMatchObject({
        status,
      })
    }
  })

  it("is a policy member only under Google's name for it", async () => {
    for (const member of ['principal://example.com/x', `principalSet://${pool()}`, `principal://${pool()}/group/x`]) {
      await expect(grant(call, PROJECT, 'roles/viewer', member), member).rejects.toMatchObject({ status: 400 })
    }
  })
})

describe('an impersonated service account', () => {
  it('gets access and ID tokens through its source, once the source may impersonate it', async () => {
    const credentials = impersonatedFile(key, INVOKER)
    const lists = async (): Promise<number> => listsTopics(credentials)
    expect(await refusal(lists())).toMatchObject({ status: 403 })
    await grant(
      call,
      `v1/projects/imagery-local/serviceAccounts/${INVOKER}`,
      'roles/iam.serviceAccountTokenCreator',
      `serviceAccount:${CI}`,
    )
    await grant(call, PROJECT, 'roles/pubsub.viewer', `serviceAccount:${INVOKER}`)
    expect(await lists()).toBe(200)
    const client = (await auth(credentials)) as unknown as IdTokenProvider
    expect(decodeJwt(await client.fetchIdToken(AUDIENCE))).toMatchObject({ aud: AUDIENCE, email: INVOKER })
  })
})
