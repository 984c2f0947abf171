import type { Context, Hono } from 'hono'
import type { Principal } from '../../kernel/api.ts'
import { GoogleError, notEmulated } from '../../kernel/errors.ts'
import { checkJob } from './job-access.ts'
import type { BigQueryOperation } from './permissions.ts'
import { answerOf } from './failures.ts'
import type { Jobs } from './jobs.ts'
import type { JobRecord } from './records.ts'
import { jobReference, jobResource } from './resource-wire.ts'
import { maxResultsOf, pageToken, readPage, startOf } from './rows.ts'
import { findTable, RESULT_LIFETIME_MS, type Warehouse } from './warehouse.ts'
import { jsonBody, PROJECT, segment, usesInt64Timestamp } from './requests.ts'

/** Default and longest wait of jobs.query and getQueryResults: https://cloud.google.com/bigquery/docs/reference/rest/v2/jobs/query#QueryRequest */
const DEFAULT_TIMEOUT_MS = 10_000
const LONGEST_TIMEOUT_MS = 200_000
/** Google's clients ask for a job's state twice a second; most jobs here end sooner, so the answer waits a moment. */
const POLL_MS = 100
/** A requestId is remembered for 15 minutes: https://cloud.google.com/bigquery/docs/reference/rest/v2/jobs/query#QueryRequest */
const REQUEST_MEMORY_MS = 15 * 60_000

type Body = Record<string, unknown>

/** https://cloud.google.com/bigquery/docs/reference/rest/v2/jobs */
export function jobRoutes(app: Hono, operation: BigQueryOperation, warehouse: Warehouse, jobs: Jobs): void {
  const find = async (context: Context, principal: Principal, permission: string): Promise<JobRecord> => {
    const location = context.req.query('location') || undefined
    const job = await jobs.get(segment(context, 'project'), segment(context, 'job'), location)
    return checkJob(warehouse.access, principal, job, permission)
  }
  const requests = new Map<string, { atMs: number; job: Promise<JobRecord> }>()

  app.post(
    `${PROJECT}/jobs`,
    operation('bigquery.jobs.insert', async (context, principal) => {
      const body = await jsonBody(context)
      return context.json(
        jobResource(await jobs.insert({ project: segment(context, 'project'), email: principal.email, body })),
      )
    }),
  )

  app.get(
    `${PROJECT}/jobs`,
    operation('bigquery.jobs.list', async (context, principal) => {
      for (const name of ['parentJobId', 'minCreationTime', 'maxCreationTime'])
        if (context.req.query(name)) throw notEmulated(`${name} of bigquery.jobs.list`)
      const limit = maxResultsOf(context.req.query('maxResults')) ?? 50
      const offset = startOf(context.req.query())
      const filter = context.req.queries('stateFilter')?.map((state) => state.toUpperCase()) ?? []
      const state = filter.length === 1 ? { state: filter[0]! } : {}
      const project = segment(context, 'project')
      const seesAll = warehouse.access.has(principal, {
        permission: 'bigquery.jobs.listAll',
        resource: `projects/${project}`,
      })
      const found = await warehouse.store.jobs({
        project,
        ...(seesAll ? {} : { email: principal.email }),
        ...state,
        limit: limit + 1,
        offset,
      })
      const items = found.slice(0, limit).map((job) => {
        const { id, jobReference, statistics, status, user_email, configuration, kind } = jobResource(job)
        return {
          id,
          kind,
          jobReference,
          state: job.state,
          statistics,
          status,
          user_email,
          ...(job.error ? { errorResult: job.error } : {}),
          ...(context.req.query('projection') === 'full' ? { configuration } : {}),
        }
      })
      return context.json({
        kind: 'bigquery#jobList',
        jobs: items,
        ...(found.length > limit ? { nextPageToken: pageToken(offset + limit) } : {}),
      })
    }),
  )

  app.get(
    `${PROJECT}/jobs/:job`,
    operation('bigquery.jobs.get', async (context, principal) =>
      context.json(jobResource(await jobs.settled(await find(context, principal, 'bigquery.jobs.get'), POLL_MS))),
    ),
  )

  app.post(
    `${PROJECT}/jobs/:job/cancel`,
    operation('bigquery.jobs.cancel', async (context, principal) =>
      context.json({
        kind: 'bigquery#jobCancelResponse',
        job: jobResource(await jobs.cancel(await find(context, principal, 'bigquery.jobs.update'))),
      }),
    ),
  )

  app.post(
    `${PROJECT}/queries`,
    operation('bigquery.jobs.query', async (context, principal) => {
      const body = await jsonBody(context)
      const job = await remembered(requests, warehouse, body, () => jobs.insert(queryJob(context, principal, body)))
      if (body['dryRun'] === true) {
        const query = job.statistics['query'] as Body
        return context.json({
          kind: 'bigquery#queryResponse',
          jobComplete: true,
          jobReference: { projectId: job.project, location: job.location },
          schema: query['schema'],
          totalBytesProcessed: job.statistics['totalBytesProcessed'],
          cacheHit: false,
        })
      }
      const options = (body['formatOptions'] ?? {}) as Body
      if (options['timestampOutputFormat'] === 'ISO8601_STRING')
        throw notEmulated('formatOptions.timestampOutputFormat ISO8601_STRING')
      const settled = await jobs.settled(job, timeout(body['timeoutMs']))
      return context.json({
        ...(await results(warehouse, settled, {
          startIndex: 0,
          maxResults: maxResultsOf(body['maxResults'] === undefined ? undefined : String(body['maxResults'])),
          useInt64Timestamp: options['useInt64Timestamp'] === true || options['timestampOutputFormat'] === 'INT64',
        })),
        kind: 'bigquery#queryResponse',
      })
    }),
  )

  app.get(
    `${PROJECT}/queries/:job`,
    operation('bigquery.jobs.getQueryResults', async (context, principal) => {
      const found = await find(context, principal, 'bigquery.jobs.get')
      const job = await jobs.settled(found, timeout(context.req.query('timeoutMs')))
      if (job.configuration.jobType !== 'QUERY') {
        throw new GoogleError('INVALID_ARGUMENT', 'Cannot retrieve query results of a job that is not a query', {
          reason: 'invalid',
        })
      }
      return context.json(
        await results(warehouse, job, {
          startIndex: startOf(context.req.query()),
          maxResults: maxResultsOf(context.req.query('maxResults')),
          useInt64Timestamp: usesInt64Timestamp(context),
        }),
      )
    }),
  )
}

function timeout(value: unknown): number {
  const milliseconds = value === undefined || value === null ? DEFAULT_TIMEOUT_MS : Number(value)
  if (!Number.isFinite(milliseconds) || milliseconds < 0)
    throw new GoogleError('INVALID_ARGUMENT', `Invalid value for timeoutMs: ${String(value)}`, { reason: 'invalid' })
  return Math.min(milliseconds, LONGEST_TIMEOUT_MS)
}

/** The same request sent twice is one job. */
async function remembered(
  requests: Map<string, { atMs: number; job: Promise<JobRecord> }>,
  { clock }: Warehouse,
  body: Body,
  insert: () => Promise<JobRecord>,
): Promise<JobRecord> {
  const id = body['requestId']
  if (typeof id !== 'string' || id === '') return insert()
  for (const [key, { atMs }] of requests) {
    if (atMs > clock.now() - REQUEST_MEMORY_MS) break
    requests.delete(key)
  }
  const known = requests.get(id)
  if (known) return known.job
  const job = insert()
  requests.set(id, { atMs: clock.now(), job })
  job.catch(() => requests.delete(id))
  return job
}

const QUERY_REQUEST = new Set(
  `kind query maxResults defaultDataset timeoutMs dryRun preserveNulls useQueryCache useLegacySql parameterMode queryParameters
  location formatOptions labels maximumBytesBilled requestId jobCreationMode jobTimeoutMs`.split(/\s+/),
)

/** jobs.query's request as the job it makes. */
function queryJob(context: Context, principal: Principal, body: Body): Parameters<Jobs['insert']>[0] {
  for (const [name, value] of Object.entries(body)) {
    if (!QUERY_REQUEST.has(name) && value !== undefined && value !== null)
      throw notEmulated(`the property ${name} of bigquery.jobs.query`)
  }
  const query = Object.fromEntries(
    [
      'query',
      'defaultDataset',
      'useQueryCache',
      'useLegacySql',
      'parameterMode',
      'queryParameters',
      'maximumBytesBilled',
    ].flatMap((name) => (body[name] === undefined ? [] : [[name, body[name]]])),
  )
  const configuration = {
    query,
    ...(body['dryRun'] === true ? { dryRun: true } : {}),
    ...(body['labels'] ? { labels: body['labels'] } : {}),
    ...(body['jobTimeoutMs'] === undefined ? {} : { jobTimeoutMs: body['jobTimeoutMs'] }),
  }
  const location = body['location']
  return {
    project: segment(context, 'project'),
    email: principal.email,
    body: { configuration, ...(location ? { jobReference: { location } } : {}) },
  }
}

interface ResultRequest {
  startIndex: number
  maxResults: number | undefined
  useInt64Timestamp: boolean
}

/** A query's rows, or how it failed, or that it still runs. */
async function results(warehouse: Warehouse, job: JobRecord, request: ResultRequest): Promise<Body> {
  const base = { kind: 'bigquery#getQueryResultsResponse', jobReference: jobReference(job) }
  if (job.state !== 'DONE') return { ...base, jobComplete: false }
  if (job.error) throw answerOf(job.error)
  const result = job.result!
  if (result.insertedRows !== undefined) {
    return {
      ...base,
      jobComplete: true,
      schema: { fields: [] },
      totalRows: '0',
      totalBytesProcessed: job.statistics['totalBytesProcessed'],
      numDmlAffectedRows: String(result.insertedRows),
      cacheHit: false,
    }
  }
  const physical = resultRows(warehouse, job)
  const page = await readPage(warehouse.store, physical, result.fields, {
    totalRows: result.destination ? undefined : result.totalRows,
    startIndex: request.startIndex,
    maxResults: request.maxResults,
    options: request,
  })
  return {
    ...base,
    jobComplete: true,
    schema: { fields: result.fields },
    totalRows: String(page.totalRows),
    ...(page.rows.length > 0 ? { rows: page.rows } : {}),
    ...(page.pageToken ? { pageToken: page.pageToken } : {}),
    totalBytesProcessed: job.statistics['totalBytesProcessed'],
    cacheHit: false,
  }
}

function resultRows(warehouse: Warehouse, job: JobRecord): string {
  const { physical, destination } = job.result!
  const expired = (what: string): GoogleError => new GoogleError('NOT_FOUND', `Not found: Table ${what}`)
  if (destination) {
    const record = findTable(warehouse, destination.projectId, destination.datasetId, destination.tableId)
    if (!record) throw expired(`${destination.projectId}:${destination.datasetId}.${destination.tableId}`)
    return record.physical
  }
  if (!physical || job.endedMs! + RESULT_LIFETIME_MS <= warehouse.clock.now())
    throw expired(`the results of job ${job.jobId}, which have expired`)
  return physical
}
