import { spawn, type ChildProcessByStdio } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import tls from 'node:tls'
import { fileURLToPath } from 'node:url'
import type { LocalCloudLocator } from '@imagery/local-cloud/contract/locator'
import { googleFront, type GoogleFront } from '@imagery/local-cloud/test/oauth/google-front-fixture'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { projectNumber } from '../../src/google/admin/resource-manager.ts'
import { disabledServices } from '../../src/google/admin/service-usage.ts'
import { callerMember } from '../../src/google/auth/caller-member.ts'
import { accessClient } from '../../src/google/auth/credentials.ts'
import { findCredentials } from '../../src/google/auth/credentials-origin.ts'
import { quotaProjectInUse, useQuotaProject } from '../../src/google/auth/quota-project.ts'
import { datasetLocation } from '../../src/google/bigquery/bigquery.ts'
import { describeService } from '../../src/google/cloud-run/services.ts'
import { topicExists } from '../../src/google/pubsub.ts'
import { listBuckets } from '../../src/google/storage/bucket.ts'
import { listQueues } from '../../src/google/rest/queues.ts'
import { deleteQueue } from '../../src/google/tasks.ts'
import { CloudError } from '../../src/google/transport/errors.ts'
import { missingRoleFailure } from '../../src/services/failures/missing-role.ts'

/** The product by Google's own host names, with the credentials of a person who last worked on another project. */

const PROJECT = 'imagery-local'
const OTHER = 'other-project'
const ADA = 'ada@example.com'
const LOCAL_CLOUD = fileURLToPath(import.meta.resolve('@imagery/local-cloud/test/host/local-cloud-process-fixture'))

let folder: string
let locator: LocalCloudLocator
let local: ChildProcessByStdio<null, Readable, null>
let front: GoogleFront
const authorities = tls.getCACertificates('default')

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'imagery-quota-'))
  const certificate = path.join(folder, 'front.pem')
  // Another process, because gRPC reads certificates only once, and this one must trust the front's.
  local = spawn(process.execPath, [LOCAL_CLOUD, path.join(folder, 'cloud')], { stdio: ['ignore', 'pipe', 'inherit'] })
  for await (const line of createInterface({ input: local.stdout })) {
    locator = JSON.parse(line) as LocalCloudLocator
    break
  }
  front = await googleFront(locator)
  writeFileSync(certificate, front.certificate)
  vi.stubEnv('GRPC_DEFAULT_SSL_ROOTS_FILE_PATH', certificate)
  tls.setDefaultCACertificates([...authorities, front.certificate])
  vi.stubEnv('HTTPS_PROXY', front.proxy)
  vi.stubEnv('NO_PROXY', '127.0.0.1')
  vi.stubEnv('GOOGLE_CLOUD_PROJECT', PROJECT)
  const file = path.join(folder, 'adc.json')
  await admin(`projects/${OTHER}`)
  writeFileSync(file, JSON.stringify(await admin(`users/${ADA}`, { quota_project_id: OTHER })))
  vi.stubEnv('GOOGLE_APPLICATION_CREDENTIALS', file)
  for (const role of ['roles/editor', 'roles/bigquery.dataViewer']) await giveAda(role)
})

afterAll(async () => {
  vi.unstubAllEnvs()
  tls.setDefaultCACertificates(authorities)
  await front.stop()
  local.kill()
  rmSync(folder, { recursive: true, force: true })
})

async function admin(route: string, body: object = {}): Promise<unknown> {
  const { http, adminToken } = locator
  const answer = await fetch(`${http}/_imagery/${route}`, {
    method: 'PUT',
    headers: { authorization: `Bearer ${adminToken}` },
    body: JSON.stringify(body),
  })
  if (!answer.ok) throw new Error(await answer.text())
  return answer.json()
}

/** Gives Ada a role in the project, as its operator. */
async function giveAda(role: string): Promise<void> {
  const { http, metadataHost } = locator
  const issued = await fetch(`http://${metadataHost}/computeMetadata/v1/instance/service-accounts/default/token`, {
    headers: { 'metadata-flavor': 'Google' },
  })
  const { access_token: token } = (await issued.json()) as { access_token: string }
  const call = async (method: string, body: object): Promise<object> => {
    const answer = await fetch(`${http}/v3/projects/${PROJECT}:${method}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}` },
      body: JSON.stringify(body),
    })
    if (!answer.ok) throw new Error(await answer.text())
    return (await answer.json()) as object
  }
  const policy = (await call('getIamPolicy', {})) as { bindings: object[] }
  const bindings = [...policy.bindings, { role, members: [`user:${ADA}`] }]
  await call('setIamPolicy', { policy: { ...policy, bindings } })
}

test("a person's calls count against the project that they work on, whatever the credentials file says", async () => {
  const refused = (await accessClient()).request({
    url: `https://cloudresourcemanager.googleapis.com/v3/projects/${PROJECT}`,
    headers: { 'x-goog-user-project': OTHER },
    retry: false,
  })
  await expect(refused).rejects.toMatchObject({
    response: { data: { error: { details: [{}, { reason: 'USER_PROJECT_DENIED' }] } } },
  })
  useQuotaProject(PROJECT, await findCredentials())
  expect(quotaProjectInUse()).toBe(PROJECT)
  // JSON calls of our own, BigQuery's and Storage's clients, and generated clients that call by JSON.
  expect(await projectNumber(PROJECT)).toMatch(/^\d{12}$/)
  expect(await disabledServices(PROJECT, ['run.googleapis.com'])).toEqual([])
  const place = { projectId: PROJECT, region: 'us-central1' }
  expect(await datasetLocation({ projectId: PROJECT, dataset: 'none' })).toBeUndefined()
  expect(await listBuckets(PROJECT, 'imagery-')).toEqual([])
  expect(await describeService(place, 'imagery-main')).toBeUndefined()
  expect(await listQueues(PROJECT, place.region)).toEqual([])
  expect(await deleteQueue(`projects/${PROJECT}/locations/${place.region}/queues/none`)).toBe('absent')
  expect(await topicExists(`projects/${PROJECT}/topics/none`)).toBe(false)
  expect(await callerMember()).toBe(`user:${ADA}`)
})

test("the user's own variable wins, and accounts keep their own project", async () => {
  const file = { kind: 'file', path: '', projectId: undefined, account: undefined, identityPool: undefined } as const
  const used = (type: string, quotaProjectId?: string, environment: NodeJS.ProcessEnv = {}): string | undefined => {
    useQuotaProject(PROJECT, { ...file, type, quotaProjectId, universe: 'googleapis.com' }, environment)
    return quotaProjectInUse(environment)
  }
  expect(used('authorized_user')).toBe(PROJECT)
  expect(used('authorized_user', OTHER)).toBe(PROJECT)
  expect(used('external_account_authorized_user', OTHER)).toBe(PROJECT)
  expect(used('impersonated_service_account', OTHER)).toBe(PROJECT)
  expect(used('authorized_user', OTHER, { GOOGLE_CLOUD_QUOTA_PROJECT: 'chosen' })).toBe('chosen')
  expect(used('service_account')).toBeUndefined()
  expect(used('external_account')).toBeUndefined()
})

test('a project that a person may not count calls against is reported with the missing role', () => {
  const message = `Caller does not have required permission to use project ${PROJECT}. Grant the caller the roles/serviceusage.serviceUsageConsumer role, or a custom role with the serviceusage.services.use permission`
  const place = { projectId: PROJECT, region: 'us-central1' }
  const error = new CloudError('PERMISSION_DENIED', message, { reason: 'USER_PROJECT_DENIED' })
  expect(
    missingRoleFailure(error, { place, to: 'runner', what: 'A call', roles: [], member: `user:${ADA}` }),
  ).toMatchObject({
    code: 'ACCESS_DENIED',
    message: expect.stringContaining('It requires roles/serviceusage.serviceUsageConsumer on project') as string,
    suggestions: [
      `gcloud projects add-iam-policy-binding ${PROJECT} --member user:${ADA} --role roles/serviceusage.serviceUsageConsumer`,
    ],
  })
})
