import { generateKeyPairSync } from 'node:crypto'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { jwtVerify, SignJWT } from 'jose'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { googleByProxy, type GoogleByProxy, type HeardRequest } from './google-by-proxy.ts'

const AUDIENCE = 'https://imagery-main-123.us-central1.run.app'
const INVOKER = 'imagery-invoker@my-project.iam.gserviceaccount.com'
const CI = 'ci@my-project.iam.gserviceaccount.com'
const IMPERSONATION = `https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/${CI}:generateAccessToken`

const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })

let folder: string
let google: GoogleByProxy

/** A fresh copy of the module, as in a new process, because it caches credentials and tokens. */
async function newProcess() {
  vi.resetModules()
  const module = await import('../../src/google/auth/service-tokens.ts')
  module.callServicesThrough(INVOKER)
  return module
}

beforeAll(async () => {
  google = await googleByProxy()
})

afterAll(() => google.stop())

beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'imagery-tokens-'))
  // Only what a test sets up exists: no gcloud, no user credentials.
  vi.stubEnv('PATH', folder)
  vi.stubEnv('HOME', folder)
  vi.stubEnv('GOOGLE_CLOUD_PROJECT', 'my-project')
  google.heard.length = 0
  google.answer = tokenEndpoints
})

afterEach(() => {
  vi.unstubAllEnvs()
  rmSync(folder, { recursive: true })
})

function credentials(content: object): void {
  const file = path.join(folder, 'credentials.json')
  writeFileSync(file, JSON.stringify(content))
  vi.stubEnv('GOOGLE_APPLICATION_CREDENTIALS', file)
}

const KEY = {
  type: 'service_account',
  project_id: 'my-project',
  private_key_id: '1',
  private_key: privateKey.export({ type: 'pkcs8', format: 'pem' }),
  client_email: CI,
  client_id: '1',
}

const PERSON = { type: 'authorized_user', client_id: 'id', client_secret: 'secret', refresh_token: 'refresh' }

let serial = 0

/** A token in Google's format, valid for an hour. */
async function identityTokenOf(email: string, endsInS = 3_600): Promise<string> {
  return new SignJWT({ email, serial: serial++ })
    .setProtectedHeader({ alg: 'RS256' })
    .setExpirationTime(Math.floor(Date.now() / 1_000) + endsInS)
    .sign(privateKey)
}

function claims(token: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as Record<string, unknown>
}

/** Google's token endpoint and IAM Credentials, as far as their documentation describes the responses. */
async function tokenEndpoints({
  host,
  path: route,
  body,
  authorization,
}: HeardRequest): Promise<{ status: number; body: unknown }> {
  if (host === 'oauth2.googleapis.com' && route === '/tokeninfo')
    return { status: 200, body: { email: 'ada@example.com', expires_in: '3599' } }
  if (host === 'oauth2.googleapis.com') return ofTokenEndpoint(new URLSearchParams(body))
  if (host === 'sts.googleapis.com')
    return {
      status: 200,
      body: {
        access_token: 'access-of-federated',
        expires_in: 3600,
        token_type: 'Bearer',
        issued_token_type: 'urn:ietf:params:oauth:token-type:access_token',
      },
    }
  const [, account = '', method] = /serviceAccounts\/([^:]+):(\w+)$/.exec(route) ?? []
  if (!authorization?.startsWith('Bearer access-of-')) return { status: 401, body: {} }
  return method === 'generateIdToken'
    ? { status: 200, body: { token: await identityTokenOf(account) } }
    : {
        status: 200,
        body: { accessToken: `access-of-${account}`, expireTime: new Date(Date.now() + 3_600_000).toISOString() },
      }
}

async function ofTokenEndpoint(form: URLSearchParams): Promise<{ status: number; body: unknown }> {
  const assertion = form.get('assertion')
  if (assertion === null) {
    const isKnown = form.get('grant_type') === 'refresh_token' && form.get('refresh_token') === 'refresh'
    if (!isKnown)
      return { status: 400, body: { error: 'invalid_grant', error_description: 'Token has been expired or revoked.' } }
    return { status: 200, body: { access_token: 'access-of-person', expires_in: 3600, token_type: 'Bearer' } }
  }
  const { payload } = await jwtVerify(assertion, publicKey, {
    issuer: CI,
    audience: 'https://oauth2.googleapis.com/token',
  })
  return payload['target_audience'] === undefined
    ? { status: 200, body: { access_token: 'access-of-key', expires_in: 3600, token_type: 'Bearer' } }
    : { status: 200, body: { id_token: await identityTokenOf(CI) } }
}

/** A service that admits some accounts and records its callers. */
function service(...admitted: string[]) {
  const callers: unknown[] = []
  const send = (token: string): Promise<{ status: number }> => {
    const { email } = claims(token)
    callers.push(email)
    return Promise.resolve({ status: admitted.includes(String(email)) ? 200 : 403 })
  }
  return { callers, send }
}

const CREATOR = `gcloud iam service-accounts add-iam-policy-binding ${INVOKER} --project my-project --member`
const ROLE = '--role roles/iam.serviceAccountOpenIdTokenCreator'

describe("a service account's key", () => {
  test('gets its own ID token, once for many calls', async () => {
    credentials(KEY)
    const { withServiceToken } = await newProcess()
    const { callers, send } = service(CI)
    for (let call = 0; call < 3; call += 1) await withServiceToken(AUDIENCE, send)
    expect(callers).toEqual([CI, CI, CI])
    expect(google.heard.map(({ host }) => host)).toEqual(['oauth2.googleapis.com'])
  })

  test('gets a new token when the old one is about to expire', async () => {
    credentials(KEY)
    google.answer = async () => ({ status: 200, body: { id_token: await identityTokenOf(CI, 299) } })
    const { withServiceToken } = await newProcess()
    const { send } = service(CI)
    await withServiceToken(AUDIENCE, send)
    await withServiceToken(AUDIENCE, send)
    expect(google.heard).toHaveLength(2)
  })

  test('impersonates the invoker when its own token is refused, and remembers that', async () => {
    credentials(KEY)
    const { withServiceToken } = await newProcess()
    const { callers, send } = service(INVOKER)
    expect(await withServiceToken(AUDIENCE, send)).toEqual({ status: 200 })
    expect(await withServiceToken(AUDIENCE, send)).toEqual({ status: 200 })
    expect(callers).toEqual([CI, INVOKER, INVOKER])
  })

  test('gets an error that names the role to grant when every token is refused, without any token in it', async () => {
    credentials(KEY)
    const { withServiceToken } = await newProcess()
    const denied = "Permission 'iam.serviceAccounts.getOpenIdToken' denied on resource (or it may not exist)."
    google.answer = async (request) =>
      request.host === 'oauth2.googleapis.com'
        ? tokenEndpoints(request)
        : { status: 403, body: { error: { code: 403, status: 'PERMISSION_DENIED', message: denied } } }
    const error = await withServiceToken(AUDIENCE, service().send).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({
      status: 'PERMISSION_DENIED',
      message: `imagery-main-123.us-central1.run.app refused this account (its own identity token: HTTP 403; as ${INVOKER}: ${denied}). This account needs roles/iam.serviceAccountOpenIdTokenCreator on ${INVOKER}`,
      suggestions: [`${CREATOR} serviceAccount:${CI} ${ROLE}`],
    })
    expect(`${JSON.stringify(error)}${String((error as Error).stack)}`).not.toMatch(/eyJ|access-of/)
  })

  test('gets an error that the invoker may not call when its token is refused too', async () => {
    credentials(KEY)
    const { withServiceToken } = await newProcess()
    const error = await withServiceToken(AUDIENCE, service().send).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({
      message: expect.stringContaining(`${INVOKER} needs roles/run.invoker on the service`) as string,
      suggestions: ['imagery deploy'],
    })
  })
})

test('an impersonated service account gets its ID token from IAM, through its source', async () => {
  credentials({
    type: 'impersonated_service_account',
    service_account_impersonation_url: IMPERSONATION,
    source_credentials: PERSON,
  })
  const { withServiceToken } = await newProcess()
  const { callers, send } = service(CI)
  await withServiceToken(AUDIENCE, send)
  expect(callers).toEqual([CI])
  const asked = google.heard.find(({ path: route }) => route.endsWith(`${CI}:generateIdToken`))
  expect(asked?.authorization).toBe('Bearer access-of-person')
  expect(JSON.parse(asked?.body ?? '')).toMatchObject({ audience: AUDIENCE, includeEmail: true })
})

describe('a user', () => {
  test("impersonates the deployment's invoker", async () => {
    credentials(PERSON)
    const { withServiceToken } = await newProcess()
    const { callers, send } = service(INVOKER)
    await withServiceToken(AUDIENCE, send)
    await withServiceToken(AUDIENCE, send)
    expect(callers).toEqual([INVOKER, INVOKER])
    expect(google.heard.map(({ host, path: route }) => `${host}${route}`)).toEqual([
      'oauth2.googleapis.com/token',
      `iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/${INVOKER}:generateIdToken`,
    ])
    expect(JSON.parse(google.heard[1]!.body)).toEqual({ audience: AUDIENCE, includeEmail: true })
  })

  test("otherwise uses gcloud's token if gcloud is installed", async () => {
    credentials(PERSON)
    const token = await identityTokenOf('ada@example.com')
    const gcloud = path.join(folder, 'gcloud')
    writeFileSync(gcloud, `#!/bin/sh\n[ "$*" = "auth print-identity-token" ] && echo ${token}\n`)
    chmodSync(gcloud, 0o755)
    google.answer = async (request) =>
      request.host === 'oauth2.googleapis.com'
        ? tokenEndpoints(request)
        : { status: 403, body: { error: { code: 403, message: 'no' } } }
    const { withServiceToken } = await newProcess()
    const { callers, send } = service('ada@example.com')
    await withServiceToken(AUDIENCE, send)
    expect(callers).toEqual(['ada@example.com'])
  })

  test('without gcloud and without permission to impersonate the invoker gets an error that names the role to grant', async () => {
    credentials(PERSON)
    google.answer = async (request) =>
      request.host === 'oauth2.googleapis.com'
        ? tokenEndpoints(request)
        : { status: 403, body: { error: { code: 403, message: 'no' } } }
    const { withServiceToken } = await newProcess()
    await expect(withServiceToken(AUDIENCE, service().send)).rejects.toMatchObject({
      message: expect.stringContaining('gcloud is not installed'),
      suggestions: [`${CREATOR} user:ada@example.com ${ROLE}`],
    })
  })

  test("whose sign-in was revoked gets the token endpoint's message", async () => {
    credentials({ ...PERSON, refresh_token: 'revoked' })
    const { withServiceToken } = await newProcess()
    await expect(withServiceToken(AUDIENCE, service().send)).rejects.toMatchObject({
      message: expect.stringMatching(/invalid_grant/),
    })
  })
})

test('a workload identity without a service account impersonates the invoker', async () => {
  writeFileSync(path.join(folder, 'subject-token'), 'token-of-the-ci')
  credentials({
    type: 'external_account',
    audience: '//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/ci/providers/github',
    subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
    token_url: 'https://sts.googleapis.com/v1/token',
    credential_source: { file: path.join(folder, 'subject-token') },
  })
  const { withServiceToken } = await newProcess()
  const { callers, send } = service(INVOKER)
  await withServiceToken(AUDIENCE, send)
  expect(callers).toEqual([INVOKER])
  expect(google.heard[0]).toMatchObject({
    host: 'sts.googleapis.com',
    body: expect.stringContaining('token-of-the-ci'),
  })
  expect(google.heard[1]?.authorization).toBe('Bearer access-of-federated')
})

test('a machine on Google Cloud gets its ID token from its metadata server', async () => {
  const metadata = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://metadata')
    response.setHeader('metadata-flavor', 'Google')
    if (!pathname.endsWith('/identity')) response.end('ok')
    else
      identityTokenOf(`${searchParams.get('audience')}`).then(
        (token) => response.end(token),
        () => response.destroy(),
      )
  })
  await new Promise<void>((resolve) => metadata.listen(0, '127.0.0.1', resolve))
  vi.stubEnv('GCE_METADATA_HOST', `127.0.0.1:${(metadata.address() as AddressInfo).port}`)
  vi.stubEnv('METADATA_SERVER_DETECTION', 'assume-present')
  const { withServiceToken } = await newProcess()
  const { callers, send } = service(AUDIENCE)
  await withServiceToken(AUDIENCE, send)
  expect(callers).toEqual([AUDIENCE])
  metadata.closeAllConnections()
  metadata.close()
})

test('a service that fails is not retried with another token', async () => {
  credentials(KEY)
  const { withServiceToken } = await newProcess()
  const send = vi.fn<() => Promise<{ status: number }>>(() => Promise.resolve({ status: 503 }))
  expect(await withServiceToken(AUDIENCE, send)).toEqual({ status: 503 })
  expect(send).toHaveBeenCalledTimes(1)
})
