import { callApi } from '../rest/rest.ts'
import { settled } from '../transport/settle.ts'

/** The access list of a dataset (https://cloud.google.com/bigquery/docs/reference/rest/v2/datasets#Dataset). */
interface AccessEntry {
  role?: string
  userByEmail?: string
  [kind: string]: unknown
}

interface Dataset {
  etag?: string
  access?: AccessEntry[]
}

export interface DatasetName {
  projectId: string
  dataset: string
}

/** BigQuery returns the old name of a basic role instead of the new one: WRITER for roles/bigquery.dataEditor. */
const EDITORS = new Set(['WRITER', 'OWNER', 'roles/bigquery.dataEditor', 'roles/bigquery.dataOwner'])

/**
 * Grants an account write access to a dataset, unless it has it. @throws CloudError PERMISSION_DENIED when the caller
 * does not own the dataset
 */
export async function grantDataEditor(name: DatasetName, email: string): Promise<'granted' | 'had'> {
  const had = await changeAccess(name, (access) =>
    access.some((entry) => isOf(entry, email) && EDITORS.has(entry.role ?? ''))
      ? undefined
      : [...access, { role: 'WRITER', userByEmail: email }],
  )
  return had === 'unchanged' ? 'had' : 'granted'
}

/** Whether a dataset's access list names an account. */
export async function hasDatasetAccess(name: DatasetName, email: string): Promise<boolean> {
  const { access = [] } = await callApi<Dataset>('bigquery', datasetPath(name))
  return access.some((entry) => isOf(entry, email))
}

/** Removes all access of an account to a dataset. Returns whether there was any. */
export async function revokeDataset(name: DatasetName, email: string): Promise<boolean> {
  const outcome = await changeAccess(name, (access) => {
    const others = access.filter((entry) => !isOf(entry, email))
    return others.length === access.length ? undefined : others
  })
  return outcome === 'changed'
}

/** An account that was deleted later is shown as `deleted:serviceAccount:EMAIL?uid=…`. */
function isOf({ userByEmail = '', iamMember = '' }: AccessEntry & { iamMember?: string }, email: string): boolean {
  return [userByEmail, iamMember].some((member) => member.replace(/^.*:/, '').replace(/\?uid=\d+$/, '') === email)
}

/** Two concurrent writers both succeed after a few tries. */
const CONFLICT_MS = 5_000

/** Reads and writes in one step: the dataset's etag makes sure that no concurrent change is lost. */
async function changeAccess(
  name: DatasetName,
  change: (access: AccessEntry[]) => AccessEntry[] | undefined,
): Promise<'changed' | 'unchanged'> {
  const path = datasetPath(name)
  return settled(
    async () => {
      const { etag, access = [] } = await callApi<Dataset>('bigquery', path)
      const changed = change(access)
      if (!changed) return 'unchanged'
      await callApi('bigquery', path, {
        method: 'PATCH',
        body: { access: changed },
        ...(etag === undefined ? {} : { headers: { 'if-match': etag } }),
      })
      return 'changed'
    },
    { isTransient: ({ status }) => status === 'FAILED_PRECONDITION', settleMs: CONFLICT_MS },
  )
}

function datasetPath({ projectId, dataset }: DatasetName): string {
  return `bigquery/v2/projects/${projectId}/datasets/${dataset}`
}

/** Returns the datasets of a project that have a label, whatever its value. */
export async function findLabeledDatasets(projectId: string, label: string): Promise<DatasetName[]> {
  const found: DatasetName[] = []
  let pageToken: string | undefined
  do {
    const page: DatasetPage = await callApi('bigquery', `bigquery/v2/projects/${projectId}/datasets`, {
      query: pageToken === undefined ? {} : { pageToken },
    })
    for (const { datasetReference, labels = {} } of page.datasets ?? [])
      if (label in labels) found.push({ projectId, dataset: datasetReference.datasetId })
    pageToken = page.nextPageToken
  } while (pageToken !== undefined)
  return found
}

interface DatasetPage {
  datasets?: { datasetReference: { datasetId: string }; labels?: Record<string, string> }[]
  nextPageToken?: string
}
