import { createReadStream } from 'node:fs'
import type { Readable, Writable } from 'node:stream'
import type { BigQuery, Job } from '@google-cloud/bigquery'
import {
  bigQuery,
  describeTable,
  rangePartitioning,
  type IntegerPartitions,
  type QueryOptions,
  type TableName,
} from './bigquery.ts'
import { call, callUnless, CloudError, LONG_CALL_DEADLINE_MS, type GoogleStatus } from '../transport/errors.ts'
import { statusByReason } from '../transport/error-reasons.ts'
import { interruptionToCome, waitFor } from './jobs-in-flight.ts'

export interface QueryIntoTable extends QueryOptions {
  /**
   * Makes the job run once: a second call with the same ID waits for the first one's outcome. A job that
   * failed, or whose table was deleted, runs again under the ID with a number.
   */
  jobId: string
  destination: TableName
  labels: Record<string, string>
  clusterBy: readonly string[]
  partitionBy?: IntegerPartitions
}

/**
 * Writes a query's rows into a table, replacing what it held, in one atomic job
 * (https://cloud.google.com/bigquery/docs/writing-results). Resolves when the job is done.
 */
export async function queryIntoTable(sql: string, options: QueryIntoTable): Promise<{ bytes: number }> {
  const { projectId, dataset, table } = options.destination
  const configuration = {
    labels: options.labels,
    query: {
      query: sql,
      useLegacySql: false,
      destinationTable: { projectId, datasetId: dataset, tableId: table },
      writeDisposition: 'WRITE_TRUNCATE',
      clustering: { fields: [...options.clusterBy] },
      ...(options.partitionBy ? rangePartitioning(options.partitionBy) : {}),
      ...(options.parameters ? { parameterMode: 'NAMED', queryParameters: stringParameters(options.parameters) } : {}),
    },
  }
  const bytes = await runOnce(configuration, options, async () => Boolean(await describeTable(options.destination)))
  return { bytes }
}

/**
 * Runs a statement that changes a table, once for a job ID: a second call with the same ID waits for the first one's
 * outcome. A job that failed runs again under the ID with a number. Rows that were just streamed may be in the table, if
 * the statement only inserts: UPDATE, DELETE and MERGE cannot modify such rows
 * (https://cloud.google.com/bigquery/docs/data-manipulation-language#limitations).
 */
export async function runStatement(
  sql: string,
  options: QueryOptions & { jobId: string; labels: Record<string, string> },
): Promise<void> {
  await runOnce({ labels: options.labels, query: { query: sql, useLegacySql: false } }, options, async () => true)
}

/**
 * Runs a job once for its ID, and returns the bytes that it read.
 *
 * @param isKept whether there still is what an earlier job with the ID has made; if not, it is made again
 */
async function runOnce(
  configuration: object,
  { projectId, location, jobId: id }: QueryOptions & { jobId: string },
  isKept: () => Promise<boolean>,
): Promise<number> {
  const signal = interruptionToCome()
  const client = await bigQuery(projectId)
  for (let attempt = 1; ; attempt++) {
    const jobId = attempt === 1 ? id : `${id}_${attempt}`
    const { job, isOurs } = await createJobOnce(client, jobId, location, configuration)
    try {
      // A job of another process is not ours to cancel; this one keeps its ID, so that a later call can still
      // wait for it.
      const wait = (isOver: () => boolean): Promise<number> => jobDone(job, { isOver })
      const bytes = await waitFor(job, signal, wait, isOurs ? 'when interrupted' : 'never')
      if (isOurs || (await isKept())) return bytes
    } catch (error) {
      // An earlier job that failed permanently does not block a new one. A call without a response says
      // nothing about the job.
      if (isOurs || (error instanceof CloudError && error.retryable && !(error instanceof JobFailed))) throw error
    }
    if (attempt === MOST_JOBS) throw new CloudError('FAILED_PRECONDITION', `${MOST_JOBS} jobs like ${id} have failed`)
  }
}

/** Number of tries for one job, across all callers. */
const MOST_JOBS = 50

function stringParameters(parameters: Record<string, unknown>): object[] {
  return Object.entries(parameters).map(([name, value]) => ({
    name,
    parameterType: { type: typeof value === 'number' ? 'INT64' : 'STRING' },
    parameterValue: { value: String(value) },
  }))
}

/** A local file that BigQuery loads. The schema is never detected, except that Parquet has its own. */
export type LoadedFile =
  | { format: 'NEWLINE_DELIMITED_JSON'; file: string; schema: readonly object[] }
  | { format: 'PARQUET'; file: string }

/**
 * Loads a local file into an existing table, replacing its rows. The location is
 * required, because BigQuery finds only datasets in US and EU by itself
 * (https://cloud.google.com/bigquery/docs/locations#specify_locations).
 */
export async function loadFile(name: TableName, load: LoadedFile, { location }: { location: string }): Promise<void> {
  const signal = interruptionToCome()
  const { projectId, dataset, table: id } = name
  const table = (await bigQuery(projectId)).dataset(dataset).table(id, { location })
  const configuration = {
    ...loadOptions(load),
    writeDisposition: 'WRITE_TRUNCATE',
    // A late load, after its run was torn down, creates no table.
    createDisposition: 'CREATE_NEVER',
  }
  const source = createReadStream(load.file)
  // Node names the file only when it fails to open it.
  source.on('error', (error) => Object.assign(error, { path: load.file }))
  const job = await call(uploaded(source, table.createWriteStream_(configuration)), LONG_CALL_DEADLINE_MS)
  await waitFor(job, signal, (isOver) => jobDone(job, { isOver }))
}

/** Returns the options of a load job that depend on the file. */
export function loadOptions(load: LoadedFile) {
  const options = load.format === 'PARQUET' ? PARQUET_OPTIONS : { schema: { fields: [...load.schema] } }
  return { sourceFormat: load.format, ...options }
}

/**
 * Lists become arrays, an enumeration text, and a decimal becomes the first type that holds it. Without these, a list is a record of records
 * and a long decimal ends the load (https://cloud.google.com/bigquery/docs/loading-data-cloud-storage-parquet).
 */
const PARQUET_OPTIONS = {
  parquetOptions: { enableListInference: true, enumAsString: true },
  decimalTargetTypes: ['NUMERIC' as const, 'BIGNUMERIC' as const, 'STRING' as const],
}

/**
 * Makes sure that no `queryIntoTable` job with this ID writes a table any more: cancels a running job
 * and takes the next ID, so that a request still in transit does nothing.
 *
 * @throws CloudError DEADLINE_EXCEEDED when BigQuery does not end a job in time
 */
export async function cancelQuery(id: string, { projectId, location }: QueryOptions): Promise<void> {
  const client = await bigQuery(projectId)
  for (let attempt = 1; attempt <= MOST_JOBS; attempt++) {
    const jobId = attempt === 1 ? id : `${id}_${attempt}`
    const nothing = { query: { query: 'SELECT 1', useLegacySql: false } }
    const { job, isOurs } = await createJobOnce(client, jobId, location, nothing)
    if (isOurs) return
    await callUnless('NOT_FOUND', job.cancel(), undefined)
    await jobDone(job, { longestMs: CANCEL_MS }).catch((error: unknown) =>
      error instanceof JobFailed ? undefined : Promise.reject(error),
    )
  }
}

/** A canceled job ends soon, or has just ended. */
const CANCEL_MS = 60_000

/**
 * Sends data to one of the client's streams, which returns the job. The client's own `createLoadJob` also takes a
 * path, but does not handle the file's errors: an unreadable file would crash the process.
 */
export function uploaded(source: Readable, upload: Writable): Promise<Job> {
  return new Promise((resolve, reject) => {
    upload.once('job', resolve).on('error', reject)
    source.on('error', (error) => {
      upload.destroy()
      reject(error)
    })
    source.pipe(upload)
  })
}

async function createJobOnce(
  client: BigQuery,
  jobId: string,
  location: string,
  configuration: object,
): Promise<{ job: Job; isOurs: boolean }> {
  const answer = await callUnless('ALREADY_EXISTS', client.createJob({ jobId, location, configuration }), undefined)
  return answer ? { job: answer[0], isOurs: true } : { job: client.job(jobId, { location }), isOurs: false }
}

interface JobMetadata {
  status?: { state?: string; errorResult?: { message?: string; reason?: string }; errors?: { message?: string }[] }
  statistics?: { totalBytesProcessed?: string }
}

/** A job that ended with a failure; its ID stays taken. */
class JobFailed extends CloudError {}

/** Failure reasons that are not caused by the statement, beside those that requests have too (`statusByReason`). */
const JOB_FAILURES: Record<string, GoogleStatus> = { accessDenied: 'PERMISSION_DENIED', notFound: 'NOT_FOUND' }

const TOO_MANY = /encountered too many errors, giving up/

/**
 * A load's own error only says that there were too many; those that name the rows are in the list
 * (https://cloud.google.com/bigquery/docs/loading-data-cloud-storage-csv#troubleshoot_parsing_errors).
 */
function failureMessage(own = 'the BigQuery job failed', errors: readonly { message?: string }[] = []): string {
  if (!TOO_MANY.test(own)) return own
  return errors.find(({ message }) => message !== undefined && !TOO_MANY.test(message))?.message ?? own
}

/** BigQuery ends a query or load job after six hours (https://cloud.google.com/bigquery/quotas#query_jobs). */
const LONGEST_JOB_MS = 6 * 3_600_000

/** Waits for a job, until no one needs it any more. Returns the bytes that it read. */
export async function jobDone(
  job: Job,
  { longestMs = LONGEST_JOB_MS, isOver = () => false }: { longestMs?: number; isOver?: () => boolean } = {},
): Promise<number> {
  const deadlineMs = performance.now() + longestMs
  for (let pauseMs = 50; performance.now() < deadlineMs && !isOver(); pauseMs = Math.min(2_000, pauseMs * 1.5)) {
    const metadata = (await call(job.getMetadata()))[0] as JobMetadata
    const failure = metadata.status?.errorResult
    if (failure) {
      const { reason } = failure
      const message = failureMessage(failure.message, metadata.status?.errors)
      const status = JOB_FAILURES[reason ?? ''] ?? statusByReason('INVALID_ARGUMENT', reason, message)
      throw new JobFailed(status, message, { reason })
    }
    if (metadata.status?.state === 'DONE') return Number(metadata.statistics?.totalBytesProcessed ?? 0)
    await new Promise((resolve) => setTimeout(resolve, pauseMs))
  }
  throw new CloudError('DEADLINE_EXCEEDED', `BigQuery job ${job.id} did not end within ${longestMs / 1_000} s`)
}
