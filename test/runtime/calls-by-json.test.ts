import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { accountKey } from './account-key.ts'
import { googleByProxy, type GoogleByProxy } from './google-by-proxy.ts'

/** The clients that call by HTTP and JSON, with credentials of several kinds. */

let folder: string
let google: GoogleByProxy

beforeAll(async () => {
  google = await googleByProxy()
})
afterAll(() => google.stop())

beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'imagery-json-'))
  vi.stubEnv('HOME', folder)
  vi.stubEnv('GOOGLE_CLOUD_PROJECT', 'p')
  google.heard.length = 0
})
afterEach(() => {
  vi.unstubAllEnvs()
  rmSync(folder, { recursive: true })
})

/** The outcome of a call to Cloud Run, as in a new process. */
async function callWith(credentials: object): Promise<unknown> {
  const file = path.join(folder, 'credentials.json')
  writeFileSync(file, JSON.stringify(credentials))
  vi.stubEnv('GOOGLE_APPLICATION_CREDENTIALS', file)
  vi.resetModules()
  const { describeService } = await import('../../src/google/cloud-run/services.ts')
  return describeService({ projectId: 'p', region: 'us-central1' }, 'main').catch((error: unknown) => error)
}

const PERSON = { type: 'authorized_user', client_id: 'id', client_secret: 'secret', refresh_token: 'refresh' }

test("an account's key signs its calls itself: no token endpoint is needed", async () => {
  google.answer = ({ host, authorization }) =>
    Promise.resolve(
      host === 'run.googleapis.com' && authorization?.startsWith('Bearer ')
        ? { status: 200, body: { name: 'main', uri: 'https://main' } }
        : { status: 400, body: { error: 'invalid_grant' } },
    )
  expect(await callWith(accountKey('ci@p.iam.gserviceaccount.com'))).toMatchObject({ url: 'https://main' })
  expect(google.heard.map(({ host }) => host)).toEqual(['run.googleapis.com'])
})

test('a token endpoint that is not available can be tried again, and its call is not sent', async () => {
  google.answer = () => Promise.resolve({ status: 503, body: 'try later' })
  expect(await callWith(PERSON)).toMatchObject({ name: 'CloudError', status: 'UNAVAILABLE', retryable: true })
  expect(new Set(google.heard.map(({ host }) => host))).toEqual(new Set(['oauth2.googleapis.com']))
})

test('a lost connection to the token endpoint can be tried again too', async () => {
  vi.stubEnv('HTTPS_PROXY', 'http://127.0.0.1:1')
  expect(await callWith(PERSON)).toMatchObject({ name: 'CloudError', status: 'UNAVAILABLE', retryable: true })
})

test('a sign-in that was revoked is asked about once, and fails the call at once', async () => {
  const said = { error: 'invalid_grant', error_description: 'Token has been expired or revoked.' }
  google.answer = () => Promise.resolve({ status: 400, body: said })
  expect(await callWith(PERSON)).toMatchObject({ retryable: false, message: expect.stringContaining('invalid_grant') })
  expect(google.heard).toHaveLength(1)
})

test('a federated identity without its subject token is told which file it lacks, as by the other clients', async () => {
  const file = path.join(folder, 'absent')
  const federated = {
    type: 'external_account',
    audience: '//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/ci/providers/ci',
    subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
    token_url: 'https://sts.googleapis.com/v1/token',
    credential_source: { file },
  }
  const lacking = await callWith(federated)
  const { expectedFailure } = await import('../../src/services/failures/cloud-failure.ts')
  expect(expectedFailure(lacking)).toMatchObject({
    code: 'FILE_NOT_FOUND',
    message: expect.stringContaining(`${file} cannot be read`),
  })
  const { datasetLocation } = await import('../../src/google/bigquery/bigquery.ts')
  const ofBigQuery = await datasetLocation({ projectId: 'p', dataset: 'd' }).catch((error: unknown) => error)
  expect(expectedFailure(lacking)).toMatchObject({ message: (expectedFailure(ofBigQuery) as Error).message })
  expect(google.heard).toHaveLength(0)
})
