import { PROJECT_READ, words, type ServiceRoles } from './service-roles.ts'

const ACCOUNT_READ = words('iam.serviceAccounts.get iam.serviceAccounts.list')
const ACCOUNT_WRITE = words(`
  iam.serviceAccounts.create iam.serviceAccounts.delete iam.serviceAccounts.disable iam.serviceAccounts.enable
  iam.serviceAccounts.undelete iam.serviceAccounts.update`)
const ACCOUNT_POLICIES = words('iam.serviceAccounts.getIamPolicy iam.serviceAccounts.setIamPolicy')
const KEYS = words(`
  iam.serviceAccountKeys.create iam.serviceAccountKeys.delete iam.serviceAccountKeys.disable iam.serviceAccountKeys.enable
  iam.serviceAccountKeys.get iam.serviceAccountKeys.list`)
const ROLE_READ = words('iam.roles.get iam.roles.list')
const ROLE_WRITE = words('iam.roles.create iam.roles.delete iam.roles.undelete iam.roles.update')
/**
 * Permissions to impersonate an account. No basic role has any of them
 * (https://cloud.google.com/iam/docs/service-account-permissions).
 */
const IMPERSONATION = words(`
  iam.serviceAccounts.getAccessToken iam.serviceAccounts.getOpenIdToken iam.serviceAccounts.implicitDelegation
  iam.serviceAccounts.signBlob iam.serviceAccounts.signJwt`)

/** https://cloud.google.com/iam/docs/roles-permissions/iam */
export const iam: ServiceRoles = {
  permissions: [
    'iam.serviceAccounts.actAs',
    ...ACCOUNT_READ,
    ...ACCOUNT_WRITE,
    ...ACCOUNT_POLICIES,
    ...KEYS,
    ...ROLE_READ,
    ...ROLE_WRITE,
    ...IMPERSONATION,
  ],
  roles: {
    'roles/iam.serviceAccountAdmin': [...ACCOUNT_READ, ...ACCOUNT_WRITE, ...ACCOUNT_POLICIES, ...PROJECT_READ],
    'roles/iam.serviceAccountCreator': ['iam.serviceAccounts.create', ...ACCOUNT_READ, ...PROJECT_READ],
    'roles/iam.serviceAccountDeleter': ['iam.serviceAccounts.delete', ...ACCOUNT_READ, ...PROJECT_READ],
    'roles/iam.serviceAccountKeyAdmin': [...KEYS, ...ACCOUNT_READ, ...PROJECT_READ],
    'roles/iam.serviceAccountOpenIdTokenCreator': ['iam.serviceAccounts.getOpenIdToken'],
    'roles/iam.serviceAccountTokenCreator': [...IMPERSONATION, ...ACCOUNT_READ, ...PROJECT_READ],
    'roles/iam.serviceAccountUser': ['iam.serviceAccounts.actAs', ...ACCOUNT_READ, ...PROJECT_READ],
    'roles/iam.serviceAccountViewer': [
      ...ACCOUNT_READ,
      'iam.serviceAccounts.getIamPolicy',
      ...words('iam.serviceAccountKeys.get iam.serviceAccountKeys.list'),
      ...PROJECT_READ,
    ],
    'roles/iam.workloadIdentityUser': [
      'iam.serviceAccounts.getAccessToken',
      'iam.serviceAccounts.getOpenIdToken',
      ...ACCOUNT_READ,
    ],
    'roles/iam.roleViewer': [...ROLE_READ, ...PROJECT_READ, 'resourcemanager.projects.getIamPolicy'],
    'roles/iam.securityAdmin': ['*.getIamPolicy', '*.setIamPolicy', ...ACCOUNT_READ, ...ROLE_READ, ...PROJECT_READ],
    'roles/iam.securityReviewer': ['*.getIamPolicy', '*.list', 'resourcemanager.projects.get'],
  },
  basic: {
    viewer: [...ACCOUNT_READ, ...ROLE_READ, 'iam.serviceAccountKeys.get', 'iam.serviceAccountKeys.list'],
    editor: [
      'iam.serviceAccounts.actAs',
      ...words('iam.serviceAccounts.create iam.serviceAccounts.delete iam.serviceAccounts.disable'),
      ...words('iam.serviceAccounts.enable iam.serviceAccounts.undelete iam.serviceAccounts.update'),
      ...KEYS,
    ],
    owner: [...ACCOUNT_POLICIES, ...ROLE_WRITE],
  },
}

/**
 * https://cloud.google.com/iam/docs/roles-permissions/orgpolicy. That viewers of a project may read what
 * holds in it is unverified.
 */
export const orgpolicy: ServiceRoles = {
  permissions: ['orgpolicy.policy.get'],
  roles: { 'roles/orgpolicy.policyViewer': ['orgpolicy.policy.get'] },
  basic: { viewer: ['orgpolicy.policy.get'], editor: [], owner: [] },
}

const PROJECT_POLICIES = words('resourcemanager.projects.getIamPolicy resourcemanager.projects.setIamPolicy')
const BILLING_LINK = words(
  'resourcemanager.projects.createBillingAssignment resourcemanager.projects.deleteBillingAssignment',
)

/** https://cloud.google.com/iam/docs/roles-permissions/resourcemanager */
export const resourcemanager: ServiceRoles = {
  permissions: [
    ...PROJECT_READ,
    ...PROJECT_POLICIES,
    ...BILLING_LINK,
    ...words('resourcemanager.projects.delete resourcemanager.projects.undelete resourcemanager.projects.update'),
  ],
  roles: {
    'roles/resourcemanager.projectIamAdmin': [...PROJECT_POLICIES, ...PROJECT_READ],
    'roles/resourcemanager.projectMover': words(
      'resourcemanager.projects.get resourcemanager.projects.list resourcemanager.projects.update',
    ),
    'roles/browser': [...PROJECT_READ, 'resourcemanager.projects.getIamPolicy'],
    'roles/billing.projectManager': [...BILLING_LINK],
  },
  basic: {
    viewer: [...PROJECT_READ, 'resourcemanager.projects.getIamPolicy'],
    editor: ['resourcemanager.projects.update'],
    owner: ['resourcemanager.projects.*'],
  },
}
