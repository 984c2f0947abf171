import type { Principal } from '../../kernel/api.ts'
import { GoogleError, notEmulated } from '../../kernel/errors.ts'
import type { PolicyChange } from '../iam/fresh-grants.ts'
import { bindingsOf, checkEntries, firstEntries, type AccessEntry } from './dataset-access.ts'
import { etag, optionalText, parseLabels, patched } from './resource-fields.ts'
import { datasetName } from './permissions.ts'
import { datasetKey, tableKey, type DatasetRecord } from './records.ts'
import { dataset, dropRowsSql, tablesOf, type Warehouse } from './warehouse.ts'

/** https://cloud.google.com/bigquery/docs/datasets#dataset-naming */
const DATASET_ID = /^[A-Za-z0-9_]{1,1024}$/
/** https://cloud.google.com/bigquery/docs/locations */
const LOCATION = /^(us|eu|[a-z]+(-[a-z]+)+\d+)$/i
/** https://cloud.google.com/bigquery/docs/updating-datasets#table-expiration */
const MIN_EXPIRATION_MS = 3_600_000

const invalid = (message: string): GoogleError => new GoogleError('INVALID_ARGUMENT', message, { reason: 'invalid' })

type Body = Record<string, unknown>

/** Multi-regions are written in upper case, regions in lower case. */
export function canonicalLocation(location: string): string {
  if (!LOCATION.test(location)) throw invalid(`Invalid location: ${location}`)
  return /^(us|eu)$/i.test(location) ? location.toUpperCase() : location.toLowerCase()
}

export async function insertDataset(
  warehouse: Warehouse,
  project: string,
  body: Body,
  { email }: Principal,
): Promise<DatasetRecord> {
  const { store, clock } = warehouse
  const reference = (body['datasetReference'] ?? {}) as Body
  const name = String(reference['datasetId'] ?? '')
  if (!DATASET_ID.test(name)) {
    throw invalid(
      `Invalid dataset ID "${name}". Dataset IDs must be alphanumeric (plus underscores) and must be at most 1024 characters long.`,
    )
  }
  const now = clock.now()
  const source = linkedSource(warehouse, body, { email })
  const location = canonicalLocation(
    typeof body['location'] === 'string' && body['location'] !== '' ? body['location'] : (source?.location ?? 'US'),
  )
  if (source && source.location !== location)
    throw invalid(`A linked dataset is where its source is: ${source.location}, not ${location}`)
  const record: DatasetRecord = {
    project,
    dataset: name,
    location,
    createdMs: now,
    modifiedMs: now,
    revision: 1,
    labels: {},
    access: firstEntries(email),
    ...(source ? { linked: { project: source.project, dataset: source.dataset, ...restriction(body) } } : {}),
    ...changes(warehouse, body),
  }
  const key = datasetKey(project, name)
  await store.write(async () => {
    if (store.datasets.has(key)) throw new GoogleError('ALREADY_EXISTS', `Already Exists: Dataset ${key}`)
    return { datasets: [[key, record]] }
  })
  warehouse.access.policiesChanged()
  return record
}

/**
 * The dataset that a new one is linked to. At Google a subscription in BigQuery sharing makes such datasets
 * (https://cloud.google.com/bigquery/docs/analytics-hub-view-subscribe-listings); here, an account that may read
 * the source creates one with the resource's own field, which is all that is emulated.
 */
function linkedSource(warehouse: Warehouse, body: Body, principal: Principal): DatasetRecord | undefined {
  const given = (body['linkedDatasetSource'] as Body | null | undefined)?.['sourceDataset'] as Body | undefined
  if (!given) return undefined
  const [project, name] = [String(given['projectId'] ?? ''), String(given['datasetId'] ?? '')]
  warehouse.access.check(principal, [
    { permission: 'bigquery.datasets.get', resource: datasetName(project, name) },
    { permission: 'bigquery.tables.getData', resource: datasetName(project, name) },
  ])
  const source = dataset(warehouse, project, name)
  if (source.linked) throw invalid(`Dataset ${datasetKey(project, name)} is itself a linked dataset`)
  return source
}

/** What the publisher of a listing restricts; at Google a part of the listing, here of the dataset that is linked. */
function restriction(body: Body): { isEgressRestricted?: true } {
  const { type } = (body['restrictions'] ?? {}) as Body
  return type === 'RESTRICTED_DATA_EGRESS' ? { isEgressRestricted: true } : {}
}

// Updates ignore the source of a linked dataset.
const KNOWN = new Set(
  `kind etag id selfLink datasetReference friendlyName description defaultTableExpirationMs defaultPartitionExpirationMs labels access
  creationTime lastModifiedTime location type linkedDatasetSource linkedDatasetMetadata restrictions`.split(/\s+/),
)

/** The settable properties among those of a body. */
function changes({ access }: Warehouse, body: Body): Partial<DatasetRecord> {
  for (const [name, value] of Object.entries(body)) {
    if (!KNOWN.has(name) && value !== null) throw notEmulated(`the dataset property ${name}`)
  }
  const result: Partial<DatasetRecord> = {}
  if ('description' in body) patched(result, 'description', optionalText(body['description']))
  if ('friendlyName' in body) patched(result, 'friendlyName', optionalText(body['friendlyName']))
  if ('labels' in body) result.labels = parseLabels(body['labels'])
  if ('access' in body && Array.isArray(body['access'])) {
    const entries = body['access'] as AccessEntry[]
    checkEntries(entries, (email) => access.accountFault(email))
    result.access = entries
  }
  if ('defaultTableExpirationMs' in body)
    patched(result, 'defaultTableExpirationMs', expiration(body['defaultTableExpirationMs']))
  if ('defaultPartitionExpirationMs' in body)
    patched(result, 'defaultPartitionExpirationMs', expiration(body['defaultPartitionExpirationMs'], 0))
  return result
}

function expiration(value: unknown, least = MIN_EXPIRATION_MS): number | undefined {
  if (value === null || value === undefined) return undefined
  const milliseconds = Number(value)
  if (!Number.isSafeInteger(milliseconds) || milliseconds < least) {
    throw invalid(
      `Invalid value for defaultTableExpirationMs: ${String(value)}. The minimum value is ${least} milliseconds`,
    )
  }
  return milliseconds
}

/** PATCH changes the fields in the body; PUT (`replace`) also clears the others. */
export async function updateDataset(
  warehouse: Warehouse,
  project: string,
  name: string,
  body: Body,
  options: { replace: boolean; ifMatch: string | undefined },
): Promise<DatasetRecord> {
  const { store, clock } = warehouse
  const key = datasetKey(project, name)
  let updated: DatasetRecord | undefined
  let change: PolicyChange | undefined
  await store.write(async () => {
    const before = dataset(warehouse, project, name)
    checkMatch(options.ifMatch, etag(before))
    if (typeof body['location'] === 'string' && canonicalLocation(body['location']) !== before.location) {
      throw invalid('The location of a dataset cannot be changed')
    }
    const { project: _, dataset: __, location, createdMs, revision, linked } = before
    const base: DatasetRecord = options.replace
      ? { project, dataset: name, location, createdMs, modifiedMs: 0, revision, labels: {}, ...(linked && { linked }) }
      : before
    updated = withLabels(
      { ...base, ...changes(warehouse, body), modifiedMs: clock.now(), revision: revision + 1 },
      before.labels,
      body,
      options.replace,
    )
    change = { resource: datasetName(project, name), before: bindingsOf(before), after: bindingsOf(updated) }
    return { datasets: [[key, updated]] }
  })
  warehouse.access.policiesChanged(change)
  return updated!
}

/** A patch merges labels, and a null removes one (https://cloud.google.com/bigquery/docs/updating-labels). */
export function withLabels<Kind extends { labels: Record<string, string> }>(
  record: Kind,
  before: Record<string, string>,
  body: Body,
  replace: boolean,
): Kind {
  if (replace || !('labels' in body) || body['labels'] === null) return record
  const given = body['labels'] as Record<string, string | null>
  const kept = Object.entries({ ...before, ...given }).filter((entry): entry is [string, string] => entry[1] !== null)
  return { ...record, labels: Object.fromEntries(kept) }
}

/** https://cloud.google.com/bigquery/docs/reference/rest/v2/datasets/patch: If-Match makes the change conditional. */
export function checkMatch(ifMatch: string | undefined, current: string): void {
  if (ifMatch === undefined || ifMatch === '*' || ifMatch === current) return
  throw new GoogleError('FAILED_PRECONDITION', 'Precondition check failed.', { http: 412, reason: 'conditionNotMet' })
}

export async function deleteDataset(
  warehouse: Warehouse,
  project: string,
  name: string,
  deleteContents: boolean,
): Promise<void> {
  const { store } = warehouse
  const key = datasetKey(project, name)
  await store.write(async () => {
    const { linked } = dataset(warehouse, project, name)
    if (!deleteContents && !linked && tablesOf(warehouse, project, name).length > 0) {
      throw new GoogleError('INVALID_ARGUMENT', `Dataset ${key} is still in use`, { reason: 'resourceInUse' })
    }
    const gone = [...store.tables.values()].filter((record) => record.project === project && record.dataset === name)
    return {
      statements: dropRowsSql(gone),
      datasets: [[key, null]],
      tables: gone.map((record) => [tableKey(project, name, record.table), null] as const),
    }
  })
  warehouse.access.policiesChanged()
}
