import { callApi } from '../rest/rest.ts'
import { settled } from '../transport/settle.ts'

/** Who may do what in a dataset (https://cloud.google.com/bigquery/docs/reference/rest/v2/datasets#Dataset). */
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

/** BigQuery shows the old name of a basic role for the new one: WRITER for roles/bigquery.dataEditor. */
const EDITORS = new Set(['WRITER', 'OWNER', 'roles/bigquery.dataEditor', 'roles/bigquery.dataOwner'])

/** Lets an account edit what is in a dataset, unless it may. @throws CloudError PERMISSION_DENIED when the caller does not own the dataset */
export async function grantDataEditor(name: DatasetName, email: string): Promise<'granted' | 'had'> {
  const had = await changeAccess(name, (access) =>
    access.some((entry) => isOf(entry, email) && EDITORS.has(entry.role ?? ''))
      ? undefined
      : [...access, { role: 'WRITER', userByEmail: email }],
  )
  return had === 'unchanged' ? 'had' : 'granted'
}

/** Whether an account is named among those who may do anything in a dataset. */
export async function hasDatasetAccess(name: DatasetName, email: string): Promise<boolean> {
  const { access = [] } = await callApi<Dataset>('bigquery', datasetPath(name))
  return access.some((entry) => isOf(entry, email))
}

/** Takes all that an account may do in a dataset from it. Answers whether there was any. */
export async function revokeDataset(name: DatasetName, email: string): Promise<boolean> {
  const outcome = await changeAccess(name, (access) => {
    const others = access.filter((entry) => !isOf(entry, email))
    return others.length === access.length ? undefined : others
  })
  return outcome === 'changed'
}

/** An account that was deleted since is shown as `deleted:serviceAccount:EMAIL?uid=…`. */
function isOf({ userByEmail = '', iamMember = '' }: AccessEntry & { iamMember?: string }, email: string): boolean {
  return [userByEmail, iamMember].some((member) => member.replace(/^.*:/, '').replace(/\?uid=\d+$/, '') === email)
}

/** Two writers who meet are through after a few tries. */
const CONFLICT_MS = 5_000

/** Reads and writes together: the dataset's etag sees to it that nobody else's change is lost. */
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

/** The datasets of a project that carry a label, whatever its value. */
export async function labelledDatasets(projectId: string, label: string): Promise<DatasetName[]> {
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
