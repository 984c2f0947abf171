import { randomUUID } from 'node:crypto'
import type { BigQuery, Query, TableField, TableMetadata } from '@google-cloud/bigquery'
import type { Column } from '../../contracts/columns.ts'
import { restClientOptions } from '../auth/credentials.ts'
import { call, callUnless, CALL_DEADLINE_MS, CloudError, LONG_CALL_DEADLINE_MS } from '../transport/errors.ts'
import { interruptionToCome, waitFor } from './jobs-in-flight.ts'

export type { TableField } from '@google-cloud/bigquery'

/** A BigQuery table or view. */
export interface TableName {
  projectId: string
  dataset: string
  table: string
}

const clients = new Map<string, Promise<BigQuery>>()

/** Returns the client of a project, created at its first use. */
export async function bigQuery(projectId: string): Promise<BigQuery> {
  let client = clients.get(projectId)
  if (!client) {
    client = Promise.all([import('@google-cloud/bigquery'), restClientOptions(projectId)]).then(
      ([{ BigQuery }, options]) => new BigQuery(options),
    )
    clients.set(projectId, client)
  }
  return client
}

export async function tableHandle({ projectId, dataset, table }: TableName) {
  return (await bigQuery(projectId)).dataset(dataset).table(table)
}

/** A table's metadata, which is free to read. */
export interface TableDescription {
  type: string
  location: string
  /** Rows streamed in the last minutes may be missing from the count. */
  rows: number
  /** Whether rows were streamed in recently (https://cloud.google.com/bigquery/docs/streaming-data-into-bigquery). */
  isStreaming: boolean
  fields: TableField[]
  labels: Record<string, string>
  /** When its rows or its description last changed. */
  modifiedMs: number
  /** When BigQuery deletes it. */
  expiresMs: number | undefined
  /**
   * Whether its publisher allows queries over it but no copies: a table of a linked dataset with restricted data egress
   * (https://cloud.google.com/bigquery/docs/analytics-hub-introduction#data_egress).
   */
  isEgressRestricted: boolean
  partitions: TablePartitions | undefined
}

/** How a table is partitioned (https://cloud.google.com/bigquery/docs/partitioned-tables). */
export interface TablePartitions {
  /** Undefined for the time of ingestion. */
  column: string | undefined
  /** `HOUR`, `DAY`, `MONTH` or `YEAR`; `RANGE` for ranges of integers. */
  unit: string
  /** The size of a range of integers. */
  interval: string | undefined
  /** Where the ranges of integers start. */
  start: string | undefined
}

/** Returns a table's metadata; undefined when there is no such table or dataset. */
export async function describeTable(name: TableName): Promise<TableDescription | undefined> {
  const answer = await callUnless('NOT_FOUND', (await tableHandle(name)).getMetadata(), undefined)
  if (!answer) return undefined
  const metadata = answer[0] as TableMetadata & {
    location?: string
    numRows?: string
    type?: string
    streamingBuffer?: object
    lastModifiedTime?: string
    expirationTime?: string
  }
  return {
    type: metadata.type ?? 'TABLE',
    location: metadata.location ?? 'US',
    rows: Number(metadata.numRows ?? 0),
    isStreaming: metadata.streamingBuffer !== undefined,
    fields: (metadata.schema as { fields?: TableField[] } | undefined)?.fields ?? [],
    labels: metadata.labels ?? {},
    modifiedMs: Number(metadata.lastModifiedTime ?? 0),
    expiresMs: metadata.expirationTime === undefined ? undefined : Number(metadata.expirationTime),
    isEgressRestricted: metadata.restrictions?.type === 'RESTRICTED_DATA_EGRESS',
    partitions: partitionsOf(metadata),
  }
}

function partitionsOf({
  timePartitioning: time,
  rangePartitioning: range,
}: TableMetadata): TablePartitions | undefined {
  if (time) return { column: time.field, unit: time.type ?? 'DAY', interval: undefined, start: undefined }
  return range && { column: range.field, unit: 'RANGE', interval: range.range?.interval, start: range.range?.start }
}

/**
 * Creates the dataset in `location` unless it exists. Throws if the dataset is in another location, because queries
 * cannot cross locations.
 */
export async function ensureDataset(
  name: { projectId: string; dataset: string },
  options: { location: string; description: string; labels?: Record<string, string> },
): Promise<'created' | 'existed'> {
  const client = await bigQuery(name.projectId)
  const handle = client.dataset(name.dataset)
  const existing = await callUnless('NOT_FOUND', handle.getMetadata(), undefined)
  if (!existing) {
    const created = client.createDataset(name.dataset, {
      location: options.location,
      description: options.description,
      labels: options.labels ?? {},
    } as object)
    return callUnless(
      'ALREADY_EXISTS',
      created.then(() => 'created' as const),
      'existed' as const,
    )
  }
  const location = String((existing[0] as { location?: string }).location ?? 'US')
  if (location.toLowerCase() !== options.location.toLowerCase()) {
    throw new CloudError(
      'FAILED_PRECONDITION',
      `Dataset ${name.projectId}.${name.dataset} is in ${location}, but the source table is in ${options.location}; BigQuery cannot query across locations`,
    )
  }
  return 'existed'
}

/** Returns the location of a dataset; undefined when there is no such dataset. */
export async function datasetLocation(name: { projectId: string; dataset: string }): Promise<string | undefined> {
  const client = await bigQuery(name.projectId)
  const handle = client.dataset(name.dataset)
  const answer = await callUnless('NOT_FOUND', handle.getMetadata(), undefined)
  return answer && String((answer[0] as { location?: string }).location ?? 'US')
}

/** Returns the IDs of a project's datasets. */
export async function listDatasets(projectId: string): Promise<string[]> {
  const [datasets] = await call((await bigQuery(projectId)).getDatasets(), LONG_CALL_DEADLINE_MS)
  return datasets.map(({ id }) => id ?? '')
}

export interface ListedTable {
  table: string
  labels: Record<string, string>
}

/**
 * Returns the tables and views of a dataset with their labels; none if the dataset does not exist or the caller has no
 * access.
 */
export async function listTables(name: { projectId: string; dataset: string }): Promise<ListedTable[]> {
  const tables = (await bigQuery(name.projectId)).dataset(name.dataset).getTables()
  const [found] = await callUnless('NOT_FOUND', tables, [[]], LONG_CALL_DEADLINE_MS).catch((error: unknown) => {
    if (error instanceof CloudError && error.status === 'PERMISSION_DENIED') return [[]] as const
    throw error
  })
  return found.map(({ id, metadata }) => ({
    table: id ?? '',
    labels: (metadata as { labels?: Record<string, string> } | undefined)?.labels ?? {},
  }))
}

/** Returns the names of the first tables of a dataset, at most as many as one page has. */
export async function firstTables(name: { projectId: string; dataset: string }): Promise<string[]> {
  const dataset = (await bigQuery(name.projectId)).dataset(name.dataset)
  const [found] = await call(dataset.getTables({ maxResults: 1_000, autoPaginate: false }))
  return found.map(({ id }) => id ?? '')
}

/** Deletes a dataset if it has no tables. */
export async function deleteDatasetIfEmpty(name: { projectId: string; dataset: string }): Promise<'deleted' | 'kept'> {
  const client = await bigQuery(name.projectId)
  const handle = client.dataset(name.dataset)
  const [tables] = await callUnless('NOT_FOUND', handle.getTables({ maxResults: 1, autoPaginate: false }), [[]])
  if (tables.length > 0) return 'kept'
  const deleted = callUnless(
    'NOT_FOUND',
    handle.delete().then(() => 'deleted' as const),
    'deleted' as const,
  )
  return deleted.catch((error: unknown) => {
    // Another command has created a table in it since.
    if (error instanceof CloudError && error.reason === 'resourceInUse') return 'kept' as const
    throw error
  })
}

export interface NewTable {
  columns: readonly Column[]
  description: string
  labels: Record<string, string>
  clusterBy?: readonly string[]
  partitionBy?: IntegerPartitions
  expiresAt?: Date
}

/** Partitions by an integer column: `[0, end)` in steps of one. */
export interface IntegerPartitions {
  column: string
  end: number
}

/** https://cloud.google.com/bigquery/docs/reference/rest/v2/tables#RangePartitioning */
export function rangePartitioning({ column, end }: IntegerPartitions): { rangePartitioning: object } {
  return { rangePartitioning: { field: column, range: { start: '0', end: String(end), interval: '1' } } }
}

/** Creates an empty table unless it exists. */
export async function ensureTable(name: TableName, options: NewTable): Promise<'created' | 'existed'> {
  return create(name, { schema: { fields: options.columns.map(tableField) }, ...tableMetadata(options) })
}

/** Creates a view unless it exists. The tables that it reads must exist. */
export async function ensureView(
  name: TableName,
  options: { query: string; description: string; labels: Record<string, string> },
): Promise<'created' | 'existed'> {
  const { query, description, labels } = options
  return create(name, { view: { query, useLegacySql: false }, description, labels })
}

async function create(name: TableName, metadata: object): Promise<'created' | 'existed'> {
  const dataset = (await bigQuery(name.projectId)).dataset(name.dataset)
  const created = dataset.createTable(name.table, metadata)
  return callUnless(
    'ALREADY_EXISTS',
    created.then(() => 'created' as const),
    'existed' as const,
  )
}

/** Sets description, labels, expiry and, when given, the columns' descriptions. */
export async function updateTable(name: TableName, options: Partial<NewTable>): Promise<void> {
  const columns = options.columns ? { schema: { fields: options.columns.map(tableField) } } : {}
  await call((await tableHandle(name)).setMetadata({ ...columns, ...tableMetadata(options) }))
}

function tableMetadata(options: Partial<NewTable>): object {
  return {
    ...(options.description === undefined ? {} : { description: options.description }),
    ...(options.labels === undefined ? {} : { labels: options.labels }),
    ...(options.clusterBy === undefined ? {} : { clustering: { fields: [...options.clusterBy] } }),
    ...(options.partitionBy === undefined ? {} : rangePartitioning(options.partitionBy)),
    ...(options.expiresAt === undefined ? {} : { expirationTime: String(options.expiresAt.getTime()) }),
  }
}

export function tableField(column: Column): TableField {
  const { name, type, mode, description, columns } = column
  return {
    name,
    type: type === 'STRUCT' ? 'RECORD' : type,
    mode: mode ?? 'NULLABLE',
    ...(description === undefined ? {} : { description }),
    ...(columns === undefined ? {} : { fields: columns.map(tableField) }),
  }
}

export async function deleteTable(name: TableName): Promise<'deleted' | 'absent'> {
  const deleted = (await tableHandle(name)).delete()
  return callUnless(
    'NOT_FOUND',
    deleted.then(() => 'deleted' as const),
    'absent' as const,
  )
}

export interface QueryOptions {
  projectId: string
  location: string
  parameters?: Record<string, unknown>
}

/**
 * Returns all rows of a query at once, for small results only. A query whose rows do not come in time is canceled, even
 * if its creation was not even answered, because it would be billed for no use.
 */
export async function queryRows<Row>(sql: string, options: QueryOptions & { timeoutMs?: number }): Promise<Row[]> {
  const { timeoutMs = CALL_DEADLINE_MS, location } = options
  const signal = interruptionToCome()
  const client = await bigQuery(options.projectId)
  const jobId = `imagery_${randomUUID()}`
  const job = client.job(jobId, { location })
  // The job ends even when this process dies
  // (https://cloud.google.com/bigquery/docs/reference/rest/v2/Job#JobConfiguration).
  const request = { ...queryRequest(sql, options), jobId, jobTimeoutMs: timeoutMs }
  // The ID is new: a job that has it was made by this request, whose first answer was lost. An interruption waits for
  // the answer, because a job that does not exist yet cannot be canceled.
  await waitFor(job, undefined, () =>
    callUnless('ALREADY_EXISTS', client.createQueryJob(request), undefined, timeoutMs),
  )
  const [rows] = await waitFor(job, signal, () => call(job.getQueryResults(), timeoutMs))
  return rows as Row[]
}

/** Yields the rows of a query one by one. Pages are fetched as they are consumed, so memory stays flat. */
export async function* queryStream<Row>(
  sql: string,
  options: QueryOptions & { pageSize?: number },
): AsyncGenerator<Row> {
  const signal = interruptionToCome()
  const client = await bigQuery(options.projectId)
  const [job] = await call(client.createQueryJob(queryRequest(sql, options)))
  const read = (page: Page) => waitFor(job, signal, () => call(job.getQueryResults(page), LONG_CALL_DEADLINE_MS))
  yield* paged<Row>(read, options.pageSize)
}

interface Page {
  maxResults?: number
  pageToken?: string
}

/**
 * The client's own streams use `maxResults` as the limit for all pages together, and without it a page
 * has up to 20 MB. So this code requests the pages one by one.
 */
async function* paged<Row>(
  read: (page: Page) => Promise<[rows: unknown[], next?: Page | null, ...rest: unknown[]]>,
  rows = PAGE_ROWS,
): AsyncGenerator<Row> {
  for (let page: Page | null | undefined = { maxResults: rows }; page;) {
    const [some, next]: [unknown[], (Page | null)?, ...unknown[]] = await read(page)
    yield* some as Row[]
    page = next
  }
}

/** About 400 KB of Street View Insights assets: small compared to a service's memory, and worth a call. */
const PAGE_ROWS = 1_000

function queryRequest(sql: string, options: QueryOptions): Query {
  return {
    query: sql,
    location: options.location,
    useLegacySql: false,
    ...(options.parameters ? { params: options.parameters } : {}),
  }
}

/** The dry run of a query (https://cloud.google.com/bigquery/docs/reference/rest/v2/Job#jobstatistics2). */
export interface DryRun {
  bytes: number
  /** Whether the query reads more, because it reads files outside BigQuery. */
  isLowerBound: boolean
  fields: TableField[]
  /** `SELECT`, `SCRIPT`, … */
  statementType: string
  /** Every table that the query would read. */
  tables: TableName[]
}

/** Dry-runs a query. @throws CloudError INVALID_ARGUMENT when it is not valid */
export async function dryRun(sql: string, options: QueryOptions): Promise<DryRun> {
  const client = await bigQuery(options.projectId)
  const [job] = await call(client.createQueryJob({ ...queryRequest(sql, options), dryRun: true }))
  const { totalBytesProcessed, query } = job.metadata.statistics as {
    totalBytesProcessed?: string
    query?: {
      totalBytesProcessedAccuracy?: string
      schema?: { fields?: TableField[] }
      statementType?: string
      referencedTables?: { projectId: string; datasetId: string; tableId: string }[]
    }
  }
  return {
    bytes: Number(totalBytesProcessed ?? 0),
    isLowerBound: query?.totalBytesProcessedAccuracy === 'LOWER_BOUND',
    fields: query?.schema?.fields ?? [],
    statementType: query?.statementType ?? 'unknown',
    tables: (query?.referencedTables ?? []).map(({ projectId, datasetId, tableId }) => ({
      projectId,
      dataset: datasetId,
      table: tableId,
    })),
  }
}

/** Converts the client's TIMESTAMP to RFC 3339 text; null stays null. */
export function timestampText(value: unknown): string | null {
  if (value === null || value === undefined) return null
  return String((value as { value?: string }).value ?? value)
}
