import type { SupportEntry } from '../../kernel/support.ts'

/** How much of IAM, IAM Credentials and Resource Manager is emulated. */
export const SUPPORT: readonly SupportEntry[] = [
  {
    method: 'iam.projects.serviceAccounts: create, get, list, patch, delete, enable, disable',
    state: 'partly',
    note: 'Accounts in the local project, by email or unique ID. They change by patch, not update; a deletion cannot be undone.',
  },
  {
    method: 'iam.projects.serviceAccounts: getIamPolicy, setIamPolicy, testIamPermissions',
    state: 'partly',
    note: 'Same as for projects.',
  },
  {
    method: 'cloudresourcemanager.projects: get, getIamPolicy, setIamPolicy, testIamPermissions (v3 and v1)',
    state: 'partly',
    note: 'Only the local project; others are answered like projects that the caller may not see. Etags and conflicts, unknown roles, and service accounts that do not exist in the project, are checked; conditions, custom roles and audit configurations are refused. A deleted account stays in the policy, marked as deleted. Accounts of other projects, users, groups, domains and federated identities (`principal://`, `principalSet://`) are assumed to exist; groups have no members.',
  },
  {
    method: 'iamcredentials.projects.serviceAccounts: generateIdToken, generateAccessToken',
    state: 'partly',
    note: 'Tokens always carry the email address; delegation chains are refused.',
  },
  {
    method: 'iam.projects.serviceAccounts.keys: create, list, get, delete',
    state: 'partly',
    note: 'RSA keys of 2,048 bits as credentials files, ten per account; the private key is returned once and not stored. Google-managed keys are not listed. No upload, enable or disable.',
  },
  { method: 'iamcredentials.projects.serviceAccounts: signBlob, signJwt', state: 'no', note: '' },
  {
    method: 'predefined roles',
    state: 'partly',
    note: "The basic roles and those of the emulated APIs, with the permissions that the emulated methods need, as on Google's pages. Other roles are refused as if they did not exist.",
  },
  {
    method:
      'iam: roles, workload identity pools (see Security Token Service), deny policies; cloudresourcemanager: folders, organizations, other methods of projects',
    state: 'no',
    note: '',
  },
]
