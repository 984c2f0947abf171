import type { SupportEntry } from '../../kernel/support.ts'

/** The level of support for IAM, IAM Credentials and Resource Manager. */
export const iamSupport: readonly SupportEntry[] = [
  {
    method: 'iam.projects.serviceAccounts: create, get, list, patch, delete, enable, disable',
    state: 'partly',
    note: 'Accounts of the local project, by address or unique id. Only patch changes them, not update; a deletion cannot be undone.',
  },
  {
    method: 'iam.projects.serviceAccounts: getIamPolicy, setIamPolicy, testIamPermissions',
    state: 'partly',
    note: 'As the policies of projects.',
  },
  {
    method: 'cloudresourcemanager.projects: get, getIamPolicy, setIamPolicy, testIamPermissions (v3 and v1)',
    state: 'partly',
    note: 'The local project alone; any other is answered as one that the caller may not see. Etags and conflicts, unknown roles and service accounts of the project that do not exist are checked; conditions, custom roles and audit configurations are refused. A deleted account stays named as deleted. Accounts of other projects, users, groups, domains and federated identities (`principal://`, `principalSet://`) are taken to exist; groups of users have no members.',
  },
  {
    method: 'iamcredentials.projects.serviceAccounts: generateIdToken, generateAccessToken',
    state: 'partly',
    note: 'Tokens always carry the e-mail address; delegation chains are refused.',
  },
  {
    method: 'iam.projects.serviceAccounts.keys: create, list, get, delete',
    state: 'partly',
    note: 'RSA keys of 2,048 bits as credentials files, ten an account; the private half is handed out once and not kept. Keys that Google manages itself are not listed. Not upload, enable, disable.',
  },
  { method: 'iamcredentials.projects.serviceAccounts: signBlob, signJwt', state: 'no', note: '' },
  {
    method: 'predefined roles',
    state: 'partly',
    note: "The basic roles and those of the emulated APIs, with the permissions that the emulated methods need, as on Google's pages. A role that is not among them is refused like one that does not exist.",
  },
  {
    method:
      'iam: roles, workload identity pools (see Security Token Service), deny policies; cloudresourcemanager: folders, organizations, other methods of projects',
    state: 'no',
    note: '',
  },
]
