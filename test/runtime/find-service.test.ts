import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { findService } from '../../src/google/cloud-run/find-service.ts'
import { describeService } from '../../src/google/cloud-run/services.ts'
import { accountKey } from './account-key.ts'
import { googleByProxy, type GoogleByProxy } from './google-by-proxy.ts'

const PLACE = { projectId: 'p', region: 'us-central1' }

const PATH = '/v2/projects/p/locations/us-central1/services/imagery-main'

/** A service as Google's API returns it (https://cloud.google.com/run/docs/reference/rest/v2/projects.locations.services#Service). */
const SERVICE = {
  name: PATH.slice('/v2/'.length),
  uri: 'https://imagery-main-1.us-central1.run.app',
  labels: { 'imagery-source': 'abc', team: 'streets' },
  generation: '7',
  terminalCondition: { type: 'Ready', state: 'CONDITION_SUCCEEDED', lastTransitionTime: '2026-11-23T10:00:00Z' },
  scaling: { maxInstanceCount: 9 },
  template: { scaling: { minInstanceCount: 1, maxInstanceCount: 12 }, containers: [{ image: 'scratch' }] },
}

let folder: string
let google: GoogleByProxy

beforeAll(async () => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'imagery-find-service-'))
  const file = path.join(folder, 'key.json')
  writeFileSync(file, JSON.stringify(accountKey('ci@p.iam.gserviceaccount.com')))
  vi.stubEnv('GOOGLE_APPLICATION_CREDENTIALS', file)
  vi.stubEnv('GOOGLE_CLOUD_PROJECT', 'p')
  google = await googleByProxy()
})
beforeEach(() => void (google.heard.length = 0))
afterAll(async () => {
  await google.stop()
  vi.unstubAllEnvs()
  rmSync(folder, { recursive: true })
})

test('a service is found by one request for what the client of Cloud Run would read of it', async () => {
  google.answer = async ({ host, path: asked }) => {
    if (host === 'oauth2.googleapis.com') return { status: 200, body: { access_token: 'token', expires_in: 3_600 } }
    return asked.startsWith(PATH) ? { status: 200, body: SERVICE } : { status: 404, body: {} }
  }
  const found = await findService(PLACE, 'imagery-main')
  expect(google.heard.map(({ method, host, path: asked }) => `${method} ${host}${asked}`)).toEqual([
    'POST oauth2.googleapis.com/token',
    `GET run.googleapis.com${PATH}`,
  ])
  expect(found).toEqual({ url: SERVICE.uri, ready: true, sourceHash: 'abc', maxInstances: 9 })
  const { url, ready, sourceHash } = (await describeService(PLACE, 'imagery-main'))!
  expect({ url, ready, sourceHash, maxInstances: 9 }).toEqual(found)
})

test('a service that is not ready, and has no limit, is found too', async () => {
  const { scaling: _, labels: __, ...rest } = SERVICE
  const body = { ...rest, template: {}, terminalCondition: { state: 'CONDITION_FAILED', message: 'no image' } }
  google.answer = async () => ({ status: 200, body })
  expect(await findService(PLACE, 'imagery-main')).toEqual({
    url: SERVICE.uri,
    ready: false,
    sourceHash: '',
    maxInstances: Number.POSITIVE_INFINITY,
  })
})

test('there is no service in a project that has none, or that has never used Cloud Run', async () => {
  google.answer = async () => ({ status: 404, body: { error: { code: 404, status: 'NOT_FOUND', message: 'no' } } })
  expect(await findService(PLACE, 'imagery-main')).toBeUndefined()
  const details = [
    {
      '@type': 'type.googleapis.com/google.rpc.ErrorInfo',
      reason: 'SERVICE_DISABLED',
      metadata: { service: 'run.googleapis.com' },
    },
  ]
  const error = { code: 403, status: 'PERMISSION_DENIED', message: 'Cloud Run Admin API has not been used', details }
  google.answer = async () => ({ status: 403, body: { error } })
  expect(await findService(PLACE, 'imagery-main')).toBeUndefined()
})

test('a refusal is an error, and is not repeated', async () => {
  const error = { code: 403, status: 'PERMISSION_DENIED', message: "Permission 'run.services.get' denied" }
  google.answer = async () => ({ status: 403, body: { error } })
  await expect(findService(PLACE, 'imagery-main')).rejects.toMatchObject({
    name: 'CloudError',
    status: 'PERMISSION_DENIED',
    message: expect.stringContaining('run.services.get'),
  })
  expect(google.heard).toHaveLength(1)
})
