import { projectNumberOf } from '../../kernel/project-number.ts'
import { entriesOf } from './dataset-access.ts'
import type { DatasetRecord, JobRecord, TableRecord } from './records.ts'
import { datasetKey, jobKey, tableKey } from './records.ts'
import { etag } from './resource-fields.ts'
import type { TableSize } from './sizes.ts'

/** Resources as the REST API writes them: 64-bit numbers as text, absent instead of null. */
type Resource = Record<string, unknown>

const BASE = 'https://bigquery.googleapis.com/bigquery/v2'

function present(resource: Resource): Resource {
  return Object.fromEntries(Object.entries(resource).filter(([, value]) => value !== undefined))
}

const labelsOf = (labels: Record<string, string>): Resource | undefined =>
  Object.keys(labels).length > 0 ? labels : undefined

export function datasetResource(record: DatasetRecord): Resource {
  const { project, dataset } = record
  return present({
    kind: 'bigquery#dataset',
    etag: etag(record),
    id: datasetKey(project, dataset),
    selfLink: `${BASE}/projects/${project}/datasets/${dataset}`,
    datasetReference: { datasetId: dataset, projectId: project },
    friendlyName: record.friendlyName,
    description: record.description,
    labels: labelsOf(record.labels),
    defaultTableExpirationMs:
      record.defaultTableExpirationMs === undefined ? undefined : String(record.defaultTableExpirationMs),
    defaultPartitionExpirationMs:
      record.defaultPartitionExpirationMs === undefined ? undefined : String(record.defaultPartitionExpirationMs),
    access: entriesOf(record),
    creationTime: String(record.createdMs),
    lastModifiedTime: String(record.modifiedMs),
    location: record.location,
    type: record.linked ? 'LINKED' : 'DEFAULT',
    // By numbers, not by ids (https://cloud.google.com/bigquery/docs/reference/rest/v2/datasets#LinkedDatasetSource).
    linkedDatasetSource: record.linked && {
      sourceDataset: { projectId: projectNumberOf(record.linked.project), datasetId: record.linked.dataset },
    },
    linkedDatasetMetadata: record.linked && { linkState: 'LINKED' },
    restrictions: record.linked?.isEgressRestricted && EGRESS_RESTRICTED,
  })
}

/** https://cloud.google.com/bigquery/docs/reference/rest/v2/RestrictionConfig */
const EGRESS_RESTRICTED = { type: 'RESTRICTED_DATA_EGRESS' }

export function datasetItem(record: DatasetRecord): Resource {
  const { kind, id, datasetReference, location, labels, friendlyName } = datasetResource(record)
  return present({ kind, id, datasetReference, location, labels, friendlyName })
}

export function tableResource(record: TableRecord, location: string, size: TableSize): Resource {
  const { project, dataset, table } = record
  const bufferedRows = size.buffered?.rows ?? 0
  const bufferedBytes = Math.floor((size.bytes * bufferedRows) / Math.max(1, size.rows))
  const bytes = String(size.bytes - bufferedBytes)
  return present({
    kind: 'bigquery#table',
    etag: etag(record),
    id: tableKey(project, dataset, table),
    selfLink: `${BASE}/projects/${project}/datasets/${dataset}/tables/${table}`,
    tableReference: { projectId: project, datasetId: dataset, tableId: table },
    friendlyName: record.friendlyName,
    description: record.description,
    labels: labelsOf(record.labels),
    schema: record.fields.length > 0 ? { fields: record.fields } : undefined,
    numRows: String(size.rows - bufferedRows),
    // https://cloud.google.com/bigquery/docs/reference/rest/v2/tables#Streamingbuffer
    streamingBuffer: size.buffered && {
      estimatedRows: String(bufferedRows),
      estimatedBytes: String(bufferedBytes),
      oldestEntryTime: String(size.buffered.oldestMs),
    },
    numBytes: bytes,
    numLongTermBytes: '0',
    numTotalLogicalBytes: bytes,
    numActiveLogicalBytes: bytes,
    numLongTermLogicalBytes: '0',
    creationTime: String(record.createdMs),
    expirationTime: record.expirationMs === undefined ? undefined : String(record.expirationMs),
    lastModifiedTime: String(record.modifiedMs),
    type: record.kind,
    location,
    clustering: record.clustering,
    timePartitioning: record.timePartitioning,
    rangePartitioning: record.rangePartitioning,
    requirePartitionFilter: record.requirePartitionFilter || undefined,
    view: record.view ? { query: record.view.query, useLegacySql: false } : undefined,
    externalDataConfiguration: record.external,
    restrictions: record.isEgressRestricted && EGRESS_RESTRICTED,
  })
}

export function tableItem(record: TableRecord): Resource {
  return present({
    kind: 'bigquery#table',
    id: tableKey(record.project, record.dataset, record.table),
    tableReference: { projectId: record.project, datasetId: record.dataset, tableId: record.table },
    type: record.kind,
    friendlyName: record.friendlyName,
    labels: labelsOf(record.labels),
    creationTime: String(record.createdMs),
    expirationTime: record.expirationMs === undefined ? undefined : String(record.expirationMs),
    clustering: record.clustering,
    timePartitioning: record.timePartitioning,
    rangePartitioning: record.rangePartitioning,
    view: record.view ? { useLegacySql: false } : undefined,
  })
}

/** The anonymous table that holds a query's rows, as a client may see it named. */
function resultTable(job: JobRecord): Resource | undefined {
  if (job.configuration.jobType !== 'QUERY' || !job.result) return undefined
  const { destination } = job.result
  return destination
    ? { ...destination }
    : {
        projectId: job.project,
        datasetId: `_anonymous_${job.location.replaceAll('-', '_')}`,
        tableId: `anon_${job.jobId}`,
      }
}

export function jobResource(job: JobRecord): Resource {
  const isDryRun = job.configuration['dryRun'] === true
  const destinationTable = resultTable(job)
  const query = job.configuration['query'] as Resource | undefined
  return present({
    kind: 'bigquery#job',
    etag: etag({ project: job.project, createdMs: job.createdMs, revision: job.endedMs ?? 0 }),
    id: jobKey(job.project, job.location, job.jobId),
    selfLink: `${BASE}/projects/${job.project}/jobs/${job.jobId}?location=${job.location}`,
    user_email: job.email,
    configuration:
      query && destinationTable ? { ...job.configuration, query: { ...query, destinationTable } } : job.configuration,
    jobReference: isDryRun ? { projectId: job.project, location: job.location } : jobReference(job),
    statistics: present({
      creationTime: String(job.createdMs),
      startTime: String(job.startedMs),
      endTime: job.endedMs === undefined ? undefined : String(job.endedMs),
      ...job.statistics,
    }),
    status: present({
      state: job.state,
      errorResult: job.error,
      errors: job.errors ?? (job.error ? [job.error] : undefined),
    }),
  })
}

export function jobReference(job: JobRecord): Resource {
  return { projectId: job.project, jobId: job.jobId, location: job.location }
}
