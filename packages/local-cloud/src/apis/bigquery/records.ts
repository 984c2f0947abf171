import type { Field } from './table-schema.ts'

/** The store's records, one JSON document each. Times are milliseconds since 1970. */
export interface DatasetRecord {
  project: string
  dataset: string
  /** `US`, `EU` or a region in lower case. */
  location: string
  createdMs: number
  modifiedMs: number
  /** Grows with each change; the etag contains it. */
  revision: number
  description?: string
  friendlyName?: string
  labels: Record<string, string>
  defaultTableExpirationMs?: number
  defaultPartitionExpirationMs?: number
  access?: unknown[]
  /** The dataset that a linked one shows, read-only. */
  linked?: { project: string; dataset: string; isEgressRestricted?: true }
}

/** Where a table's rows are outside BigQuery, as its user configured it. */
export interface ExternalData extends Record<string, unknown> {
  sourceUris: string[]
  sourceFormat: string
}

/** Rows of a table that go, in the order of the table, to the partition that begins at a time. */
export interface IngestedRows {
  rows: number
  ms: number
}

export interface TableRecord {
  project: string
  dataset: string
  table: string
  /** Tells a table from an earlier one of the same name. */
  id: string
  kind: 'TABLE' | 'VIEW' | 'EXTERNAL'
  fields: Field[]
  /** The table in DuckDB that holds the rows; column `n` is `cn`. Empty for a view. */
  physical: string
  createdMs: number
  modifiedMs: number
  revision: number
  description?: string
  friendlyName?: string
  labels: Record<string, string>
  expirationMs?: number
  clustering?: { fields: string[] }
  timePartitioning?: Record<string, unknown>
  rangePartitioning?: Record<string, unknown>
  requirePartitionFilter?: boolean
  view?: { query: string }
  external?: ExternalData
  /** Its rows can be queried but not copied: the publisher of the linked dataset restricts data egress. */
  isEgressRestricted?: true
  /** Of a table that is partitioned by ingestion: the partitions of its rows. */
  ingested?: readonly IngestedRows[]
  /** When streaming last wrote to it. */
  streamedMs?: number
}

export interface JobError {
  reason: string
  message: string
  location?: string
}

export interface JobRecord {
  project: string
  location: string
  jobId: string
  email: string
  state: 'RUNNING' | 'DONE'
  createdMs: number
  startedMs: number
  endedMs?: number
  /** The requested `configuration`, with defaults. */
  configuration: Record<string, unknown> & { jobType: string }
  error?: JobError
  /** All errors of a load, which can have some without failing. Without these, `error` is the only one. */
  errors?: readonly JobError[]
  /** Job statistics without the times, in REST form. */
  statistics: Record<string, unknown>
  /** Where the rows of a query are: an anonymous result, or the destination as it was written. */
  result?: {
    fields: Field[]
    totalRows: number
    physical?: string
    destination?: TableReference
    /** The rows that an INSERT has added. It has no rows of its own. */
    insertedRows?: number
  }
  /** A load's bytes on disk, until the job is done. */
  upload?: string
  /** How often it was begun again after a kill. */
  restarts?: number
}

export interface TableReference {
  projectId: string
  datasetId: string
  tableId: string
}

export const datasetKey = (project: string, dataset: string): string => `${project}:${dataset}`
export const tableKey = (project: string, dataset: string, table: string): string => `${project}:${dataset}.${table}`
export const jobKey = (project: string, location: string, jobId: string): string => `${project}:${location}.${jobId}`
