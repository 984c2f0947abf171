import type { BigQuery, Job } from '@google-cloud/bigquery'
import { bigQuery, describeTable, type QueryOptions, type TableName } from './bigquery.ts'
import { call, callUnless, CloudError, LONG_CALL_DEADLINE_MS, type GoogleStatus } from './errors.ts'
import { interruptionToCome, waitFor } from './jobs-in-flight.ts'

export interface QueryIntoTable extends QueryOptions {
  /**
   * Makes the job happen once: a second call with the same id waits for the first one's outcome. A
   * job that failed, or whose table is gone, is made anew under the id with a number.
   */
  jobId: string
  destination: TableName
  labels: Record<string, string>
  clusterBy: readonly string[]
  /** Partitions by an integer column: `[0, end)` in steps of one. */
  partitionBy?: { column: string; end: number }
}

/**
 * Writes a query's rows into a table, replacing what it held, in one atomic job
 * (https://cloud.google.com/bigquery/docs/writing-results). Answers when the job is done.
 */
export async function queryIntoTable(sql: string, options: QueryIntoTable): Promise<{ bytes: number }> {
  const signal = interruptionToCome()
  const client = await bigQuery(options.projectId)
  const { projectId, dataset, table } = options.destination
  const configuration = {
    labels: options.labels,
    query: {
      query: sql,
      useLegacySql: false,
      destinationTable: { projectId, datasetId: dataset, tableId: table },
      writeDisposition: 'WRITE_TRUNCATE',
      clustering: { fields: [...options.clusterBy] },
      ...(options.partitionBy
        ? {
            rangePartitioning: {
              field: options.partitionBy.column,
              range: { start: '0', end: String(options.partitionBy.end), interval: '1' },
            },
          }
        : {}),
      ...(options.parameters ? { parameterMode: 'NAMED', queryParameters: stringParameters(options.parameters) } : {}),
    },
  }
  for (let attempt = 1; ; attempt++) {
    const jobId = attempt === 1 ? options.jobId : `${options.jobId}_${attempt}`
    const { job, isOurs } = await createJobOnce(client, jobId, options.location, configuration)
    try {
      // Somebody else's job is theirs to cancel; ours keeps its id, so that a later call may still wait for it.
      const wait = (isOver: () => boolean): Promise<number> => jobDone(job, isOver)
      const bytes = await waitFor(job, signal, wait, isOurs ? 'when interrupted' : 'never')
      if (isOurs || (await describeTable(options.destination))) return { bytes }
    } catch (error) {
      // Somebody's earlier job that has failed for good does not stand in the way of a new one; a
      // call that got no answer says nothing about the job.
      if (isOurs || (error instanceof CloudError && error.retryable && !(error instanceof JobFailed))) throw error
    }
    if (attempt === MOST_JOBS)
      throw new CloudError('FAILED_PRECONDITION', `${MOST_JOBS} jobs like ${options.jobId} have failed`)
  }
}

/** Tries of one job, over all who ask for it. */
const MOST_JOBS = 50

function stringParameters(parameters: Record<string, unknown>): object[] {
  return Object.entries(parameters).map(([name, value]) => ({
    name,
    parameterType: { type: typeof value === 'number' ? 'INT64' : 'STRING' },
    parameterValue: { value: String(value) },
  }))
}

/**
 * Loads a local file into a table, replacing what it held; the schema is detected. The
 * dataset's location must be said: BigQuery finds only those in US and EU by itself
 * (https://cloud.google.com/bigquery/docs/locations#specify_locations).
 */
export async function loadFile(
  name: TableName,
  file: string,
  options: { format: 'CSV' | 'NEWLINE_DELIMITED_JSON' | 'PARQUET'; location: string },
): Promise<void> {
  const signal = interruptionToCome()
  const { projectId, dataset, table: id } = name
  const table = (await bigQuery(projectId)).dataset(dataset).table(id, { location: options.location })
  const configuration = {
    sourceFormat: options.format,
    writeDisposition: 'WRITE_TRUNCATE',
    ...(options.format === 'PARQUET' ? {} : { autodetect: true }),
    ...(options.format === 'CSV' ? { skipLeadingRows: 1 } : {}),
  }
  // The client puts the location where it belongs, the job's reference, and into the configuration
  // too, which has no such field; what is not enumerable it does not send.
  Object.defineProperty(configuration, 'location', { writable: true, enumerable: false })
  const [job] = await call(table.createLoadJob(file, configuration as object), LONG_CALL_DEADLINE_MS)
  await waitFor(job, signal, (isOver) => jobDone(job, isOver))
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
  status?: { state?: string; errorResult?: { message?: string; reason?: string } }
  statistics?: { totalBytesProcessed?: string }
}

/** A job that has ended, and failed; its id stays taken. */
class JobFailed extends CloudError {}

/** Reasons of failed jobs that are not the statement's fault (https://cloud.google.com/bigquery/docs/error-messages). */
const JOB_FAILURES: Record<string, GoogleStatus> = {
  accessDenied: 'PERMISSION_DENIED',
  backendError: 'UNAVAILABLE',
  internalError: 'INTERNAL',
  jobRateLimitExceeded: 'RESOURCE_EXHAUSTED',
  notFound: 'NOT_FOUND',
  quotaExceeded: 'RESOURCE_EXHAUSTED',
  rateLimitExceeded: 'RESOURCE_EXHAUSTED',
  stopped: 'CANCELLED',
}

/** BigQuery ends a query or load job after six hours (https://cloud.google.com/bigquery/quotas#query_jobs). */
const LONGEST_JOB_MS = 6 * 3_600_000

/** Waits for a job, until nobody does any more. Answers the bytes that it read. */
async function jobDone(job: Job, isOver: () => boolean): Promise<number> {
  const deadlineMs = performance.now() + LONGEST_JOB_MS
  for (let pauseMs = 50; performance.now() < deadlineMs && !isOver(); pauseMs = Math.min(2_000, pauseMs * 1.5)) {
    const metadata = (await call(job.getMetadata()))[0] as JobMetadata
    const failure = metadata.status?.errorResult
    if (failure) {
      const status = JOB_FAILURES[failure.reason ?? ''] ?? 'INVALID_ARGUMENT'
      throw new JobFailed(status, failure.message ?? 'the BigQuery job failed', { reason: failure.reason })
    }
    if (metadata.status?.state === 'DONE') return Number(metadata.statistics?.totalBytesProcessed ?? 0)
    await new Promise((resolve) => setTimeout(resolve, pauseMs))
  }
  throw new CloudError('DEADLINE_EXCEEDED', `BigQuery job ${job.id} did not end within ${LONGEST_JOB_MS / 3_600_000} h`)
}
