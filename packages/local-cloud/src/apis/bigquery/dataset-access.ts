import type { AccessControl } from '../iam/authorizer.ts'
import { isServiceAccount } from '../iam/authorizer.ts'
import type { Binding } from '../iam/policy.ts'
import { GoogleError } from '../../kernel/errors.ts'
import { datasetKey, type DatasetRecord } from './records.ts'
import type { Store } from './store.ts'

/** One entry of a dataset's `access` (https://cloud.google.com/bigquery/docs/reference/rest/v2/datasets#Dataset.FIELDS.access). */
export interface AccessEntry {
  role?: string
  userByEmail?: string
  groupByEmail?: string
  domain?: string
  specialGroup?: string
  iamMember?: string
  view?: { projectId: string; datasetId: string; tableId: string }
  [other: string]: unknown
}

/** https://cloud.google.com/bigquery/docs/access-control-basic-roles#dataset-basic-roles */
const BASIC_ROLES: Record<string, string> = {
  OWNER: 'roles/bigquery.dataOwner',
  WRITER: 'roles/bigquery.dataEditor',
  READER: 'roles/bigquery.dataViewer',
}

const SPECIAL_GROUPS: Record<string, (project: string) => string> = {
  projectOwners: (project) => `projectOwner:${project}`,
  projectWriters: (project) => `projectEditor:${project}`,
  projectReaders: (project) => `projectViewer:${project}`,
  allAuthenticatedUsers: () => 'allAuthenticatedUsers',
}

/** The default entries of a dataset, for its creator (https://cloud.google.com/bigquery/docs/access-control-basic-roles#default_access). */
export function firstEntries(creator: string): AccessEntry[] {
  // A federated identity has no email address.
  const owner = creator.startsWith('principal://') ? { iamMember: creator } : { userByEmail: creator }
  return [...SPECIAL_ENTRIES, { role: 'OWNER', ...owner }]
}

const SPECIAL_ENTRIES: AccessEntry[] = [
  { role: 'WRITER', specialGroup: 'projectWriters' },
  { role: 'OWNER', specialGroup: 'projectOwners' },
  { role: 'READER', specialGroup: 'projectReaders' },
]

/** A dataset's entries, or the default ones if it has none. */
export function entriesOf({ access }: Pick<DatasetRecord, 'access'>): AccessEntry[] {
  return (access as AccessEntry[] | undefined) ?? SPECIAL_ENTRIES
}

/** The entries as IAM bindings. */
export function bindingsOf(record: Pick<DatasetRecord, 'project' | 'access'>): Binding[] {
  const { project } = record
  return entriesOf(record).flatMap((entry) => {
    const member = memberOf(entry, project)
    if (entry.role === undefined || member === undefined) return []
    return [{ role: BASIC_ROLES[entry.role] ?? entry.role, members: [member] }]
  })
}

/** Throws INVALID_ARGUMENT for an entry with an unknown role or an unknown member. */
export function checkEntries(entries: readonly AccessEntry[], accountFault: AccessControl['accountFault']): void {
  for (const entry of entries) {
    if (entry.view !== undefined || entry['routine'] !== undefined || entry['dataset'] !== undefined) continue
    const { role = '' } = entry
    if (!(role in BASIC_ROLES) && !/^roles\/bigquery\.\w+$/.test(role)) {
      throw invalid(`Role ${role} is not supported for this resource.`)
    }
    const email = entry.userByEmail ?? /^serviceAccount:(.*)$/.exec(entry.iamMember ?? '')?.[1]
    if (email !== undefined && isServiceAccount(email) && accountFault(email) !== undefined) {
      throw invalid(`IAM setPolicy failed for Dataset: ${accountFault(email)}`)
    }
  }
}

/** Tells IAM of the datasets' access lists, as far as the store keeps any. */
export function registerDatasets(store: Store, access: AccessControl): void {
  access.register('dataset', {
    bindings: (resource) => {
      const record = store.datasets.get(keyOf(resource))
      return record ? bindingsOf(record) : []
    },
    renameMember: async (from, to) => {
      const email = from.slice(from.indexOf(':') + 1)
      const isNamed = (entry: AccessEntry): boolean => entry.userByEmail === email || entry.iamMember === from
      await store.write(async () => ({
        datasets: [...store.datasets]
          .filter(([, record]) => entriesOf(record).some(isNamed))
          .map(([key, record]) => {
            const access = entriesOf(record).map((entry) => (isNamed(entry) ? renamedEntry(entry, to) : entry))
            return [key, { ...record, access }] as const
          }),
      }))
    },
  })
}

function renamedEntry({ userByEmail: _, ...entry }: AccessEntry, iamMember: string): AccessEntry {
  return { ...entry, iamMember }
}

function memberOf(entry: AccessEntry, project: string): string | undefined {
  const { userByEmail, groupByEmail, domain, specialGroup, iamMember } = entry
  if (iamMember !== undefined) return iamMember
  if (userByEmail !== undefined) return `${isServiceAccount(userByEmail) ? 'serviceAccount' : 'user'}:${userByEmail}`
  if (groupByEmail !== undefined) return `group:${groupByEmail}`
  if (domain !== undefined) return `domain:${domain}`
  return specialGroup === undefined ? undefined : SPECIAL_GROUPS[specialGroup]?.(project)
}

function keyOf(resource: string): string {
  const [, project = '', , dataset = ''] = resource.split('/')
  return datasetKey(project, dataset)
}

function invalid(message: string): GoogleError {
  return new GoogleError('INVALID_ARGUMENT', message, { reason: 'invalid' })
}
