import { callUnless } from '../transport/errors.ts'
import { POLICY_VERSION, type Policy, type PolicyHolder } from '../rest/policy.ts'
import { callApi } from '../rest/rest.ts'
import { settled, SETTLE_MS } from '../transport/settle.ts'

export interface ServiceAccount {
  email: string
  displayName?: string
  description?: string
}

function accountPath(projectId: string, email: string): string {
  return `v1/projects/${projectId}/serviceAccounts/${email}`
}

export async function findServiceAccount(projectId: string, email: string): Promise<ServiceAccount | undefined> {
  return callUnless('NOT_FOUND', callApi<ServiceAccount>('iam', accountPath(projectId, email)), undefined)
}

/** Creates an account unless it exists, and waits until it is visible, because IAM is eventually consistent. */
export async function createServiceAccount(
  projectId: string,
  email: string,
  texts: { displayName: string; description: string },
): Promise<void> {
  const accountId = email.slice(0, email.indexOf('@'))
  const created = callApi('iam', `v1/projects/${projectId}/serviceAccounts`, {
    body: { accountId, serviceAccount: texts },
  })
  await callUnless('ALREADY_EXISTS', created, undefined)
  await settled(() => callApi('iam', accountPath(projectId, email)), {
    isTransient: ({ status }) => status === 'NOT_FOUND',
    settleMs: SETTLE_MS,
  })
}

export async function deleteServiceAccount(projectId: string, email: string): Promise<'deleted' | 'absent'> {
  const deleted = callApi('iam', accountPath(projectId, email), { method: 'DELETE' }).then(() => 'deleted' as const)
  return callUnless('NOT_FOUND', deleted, 'absent' as const)
}

/** The IAM policy of an account: who can act as it or create its tokens. */
export function accountPolicy(projectId: string, email: string): PolicyHolder {
  const path = accountPath(projectId, email)
  return {
    read: () =>
      callApi<Policy>('iam', `${path}:getIamPolicy`, {
        method: 'POST',
        query: { 'options.requestedPolicyVersion': String(POLICY_VERSION) },
      }),
    write: (policy) => callApi('iam', `${path}:setIamPolicy`, { body: { policy } }),
  }
}

/** Returns the `permissions` that the caller has on an account. */
export async function accountPermissions(
  projectId: string,
  email: string,
  permissions: readonly string[],
): Promise<string[]> {
  const answer = await callApi<{ permissions?: string[] }>(
    'iam',
    `${accountPath(projectId, email)}:testIamPermissions`,
    {
      body: { permissions },
    },
  )
  return answer.permissions ?? []
}

/**
 * Returns the `permissions` that the caller has on a bucket, in any project; undefined when there is no
 * such bucket (https://cloud.google.com/storage/docs/json_api/v1/buckets/testIamPermissions).
 */
export async function bucketPermissions(bucket: string, permissions: readonly string[]): Promise<string[] | undefined> {
  const path = `storage/v1/b/${encodeURIComponent(bucket)}/iam/testPermissions`
  const tested = callApi<{ permissions?: string[] }>('storage', path, { query: { permissions } })
  const answer = await callUnless('NOT_FOUND', tested, undefined)
  return answer && (answer.permissions ?? [])
}
