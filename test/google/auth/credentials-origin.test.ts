import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { findCredentials } from '../../../src/google/auth/credentials-origin.ts'
import { externalAccountFile, impersonatedFile } from '@imagery/local-cloud/test/oauth/credentials-files-fixture'

let folder: string

beforeAll(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'imagery-origin-'))
})

afterAll(() => rmSync(folder, { recursive: true }))

async function found(content: object): Promise<unknown> {
  const file = path.join(folder, 'credentials.json')
  writeFileSync(file, JSON.stringify(content))
  return findCredentials({ GOOGLE_APPLICATION_CREDENTIALS: file })
}

const POOL = 'projects/7/locations/global/workloadIdentityPools/city'
const CI = 'ci@my-project.iam.gserviceaccount.com'

test.each<[string, object, object]>([
  [
    'a key',
    { type: 'service_account', project_id: 'p', client_email: CI },
    { type: 'service_account', projectId: 'p', account: CI },
  ],
  [
    'a workload identity',
    externalAccountFile(`${POOL}/providers/github`, 'token'),
    { type: 'external_account', identityPool: POOL, account: undefined },
  ],
  [
    'one that impersonates',
    externalAccountFile(`${POOL}/providers/github`, 'token', CI),
    { identityPool: POOL, account: CI },
  ],
  ['an impersonated account', impersonatedFile({}, CI), { type: 'impersonated_service_account', account: CI }],
])('the file of %s names its owner', async (_title, content, expected) => {
  expect(await found(content)).toMatchObject({ kind: 'file', ...expected })
})

test("another universe's credentials are not sent to Google", async () => {
  expect(await found({ type: 'service_account', universe_domain: 'cloud.example.fr' })).toEqual({
    kind: 'none',
    problem: expect.stringContaining(
      'it belongs to the universe cloud.example.fr, but imagery works only with googleapis.com',
    ) as string,
  })
})
