import { callUnless, CloudError } from '../transport/errors.ts'
import { POLICY_VERSION, type Policy, type PolicyHolder } from '../rest/policy.ts'
import { callApi } from '../rest/rest.ts'
import { settledReads, SETTLE_MS, type Settling } from '../transport/settle.ts'
import { projectPermissions } from './resource-manager.ts'

export interface ServiceAccount {
  email: string
  displayName?: string
  description?: string
}

function accountPath(projectId: string, email: string): string {
  return `v1/projects/${projectId}/serviceAccounts/${email}`
}

/** Returns an account; undefined when there is none, or when it is so new that IAM does not show it yet. */
export async function findServiceAccount(projectId: string, email: string): Promise<ServiceAccount | undefined> {
  try {
    return await callApi<ServiceAccount>('iam', accountPath(projectId, email))
  } catch (error) {
    if (error instanceof CloudError && (await isUnseen(projectId, error))) return undefined
    throw error
  }
}

const SEE = 'iam.serviceAccounts.get'

/**
 * Whether a read did not find an account. For a new account, IAM answers 404, and also 403 although the caller may see
 * every account of the project (https://github.com/hashicorp/terraform-provider-google/issues/15042, 10227 and 19624).
 */
async function isUnseen(projectId: string, { status }: CloudError): Promise<boolean> {
  if (status !== 'PERMISSION_DENIED') return status === 'NOT_FOUND'
  return (await projectPermissions(projectId, [SEE])).includes(SEE)
}

/** Creates an account unless it exists. IAM does not show it everywhere at once. */
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
}

/** Waits until several reads in a row find an account that was just created. */
export async function awaitServiceAccount(
  projectId: string,
  email: string,
  options: Pick<Settling, 'waiting' | 'signal'>,
): Promise<void> {
  await settledReads(() => callApi('iam', accountPath(projectId, email)), {
    ...options,
    isTransient: (error) => isUnseen(projectId, error),
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
