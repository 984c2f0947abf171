import { randomUUID } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { GoogleError, notEmulated } from '../../kernel/errors.ts'
import { canonicalLocation } from './datasets.ts'
import { answerOf, jobError } from './failures.ts'
import { checkReads, checkWrites } from './job-access.ts'
import { JobWatch } from './job-watch.ts'
import { causes, jobTimeout, type JobLimits } from './limits.ts'
import { LoadFailure } from './load-errors.ts'
import { prepareLoad, runLoad } from './load-job.ts'
import { prepareQuery, queryStatistics, runQuery, type PreparedQuery } from './query-job.ts'
import { jobKey, type JobRecord } from './records.ts'
import { parseLabels } from './resource-fields.ts'
import { JobStopped, RunningJob } from './running-job.ts'
import { SqlFailure } from './sql/failure.ts'
import { refuseEgress, type Warehouse } from './warehouse.ts'

type Body = Record<string, unknown>

/** https://cloud.google.com/bigquery/docs/running-jobs#generate-jobid */
const JOB_ID = /^[A-Za-z0-9_-]{1,1024}$/

export interface NewJob {
  project: string
  email: string
  /** `{configuration, jobReference}` as in jobs.insert. */
  body: Body
  /** Bytes that came with a load job, staged on disk. */
  upload?: string
}

/** A job that was running at this many kills in a row may be the cause, so it does not run again. */
const MOST_RESTARTS = 3

/** Time for running jobs to end when the local cloud stops. */
const STOP_GRACE_MS = 1_000

/** jobs.cancel responds when the job has ended, or after this time with its current state. */
const CANCEL_WAIT_MS = 2_000

/** Jobs from their creation to their outcome. Both are durable; a job that a kill interrupted runs again at the next start. */
export class Jobs {
  readonly #warehouse: Warehouse
  readonly #limits: JobLimits
  readonly #watch: JobWatch
  readonly #running = new Map<string, RunningJob>()
  /** Failures that could not be written to the disk, by job. */
  readonly #unsaved = new Map<string, JobRecord>()
  /** Keys of jobs whose first record is being written. */
  readonly #reserved = new Set<string>()

  constructor(warehouse: Warehouse, limits: JobLimits) {
    this.#warehouse = warehouse
    this.#limits = limits
    this.#watch = new JobWatch(limits, warehouse.store.file)
  }

  /** Restarts the jobs that were running when the process ended; nothing of them was kept. Returns the uploads that they need. */
  async resume(): Promise<Set<string>> {
    const interrupted = await this.#warehouse.store.jobs({ state: 'RUNNING', limit: 1_000_000, offset: 0 })
    const [hopeless, others] = [true, false].map((isHopeless) =>
      interrupted.filter(({ restarts = 0 }) => restarts >= MOST_RESTARTS === isHopeless),
    ) as [JobRecord[], JobRecord[]]
    const again = others.map((job) => ({ ...job, restarts: (job.restarts ?? 0) + 1 }))
    const lost = hopeless.map((job) => finished(job, this.#warehouse.clock.now(), OUTCOME_LOST))
    if (interrupted.length > 0) await this.#warehouse.store.write(async () => ({ jobs: [...again, ...lost] }))
    for (const job of again) this.#start(job)
    return new Set(again.flatMap((job) => job.upload ?? []))
  }

  /** Ends the jobs in progress: those that do not end by themselves soon are stopped. */
  async stop(): Promise<void> {
    const running = [...this.#running.values()]
    const ended = Promise.all(running.map((job) => job.done))
    const timer = setTimeout(() => {
      for (const job of running) job.stop(causes.shutdown())
    }, STOP_GRACE_MS)
    await ended.finally(() => clearTimeout(timer))
  }

  /** jobs.insert: checks the job, keeps it, starts it. Throws what BigQuery answers at once; a refused statement leaves a failed job. */
  async insert({ project, email, body, upload }: NewJob): Promise<JobRecord> {
    const configuration = configurationOf(body)
    const reference = (body['jobReference'] ?? {}) as Body
    if (reference['projectId'] !== undefined && reference['projectId'] !== project) {
      throw new GoogleError(
        'INVALID_ARGUMENT',
        'Value in jobReference.projectId does not match the project of the request',
        { reason: 'invalid' },
      )
    }
    const wanted =
      typeof reference['location'] === 'string' && reference['location'] !== ''
        ? canonicalLocation(reference['location'])
        : undefined
    const jobId =
      reference['jobId'] === undefined ? `job_${randomUUID().replaceAll('-', '')}` : String(reference['jobId'])
    if (!JOB_ID.test(jobId))
      throw new GoogleError('INVALID_ARGUMENT', `Invalid job ID "${jobId}"`, { reason: 'invalid' })
    const now = this.#warehouse.clock.now()
    const draft = (location: string): JobRecord => ({
      project,
      location,
      jobId,
      email,
      configuration,
      state: 'RUNNING',
      createdMs: now,
      startedMs: now,
      statistics: {},
      ...(upload ? { upload } : {}),
    })
    let prepared: PreparedQuery | undefined
    let location: string
    try {
      if (configuration.jobType === 'QUERY') {
        prepared = prepareQuery(this.#warehouse, project, wanted, configuration['query'] as Body, now)
        location = prepared.location
        checkReads(this.#warehouse, { email }, prepared.referenced)
        if (prepared.destination) {
          checkWrites(this.#warehouse, { email }, prepared.destination)
          refuseEgress(this.#warehouse, prepared.referenced)
        }
      } else {
        const load = prepareLoad(this.#warehouse, project, wanted, configuration['load'] as Body)
        location = load.location
        checkWrites(this.#warehouse, { email }, load.destination)
      }
    } catch (error) {
      const refused = jobError(error, statementOf(configuration))
      const isOurs = refused.reason === 'notImplemented' || !(error instanceof SqlFailure)
      if (!isOurs && configuration['dryRun'] !== true)
        await this.#reserve(finished(draft(wanted ?? 'US'), now, refused))
      throw isOurs && error instanceof GoogleError ? error : answerOf(refused)
    }
    const job = draft(location)
    if (prepared) {
      const { statistics, bytes } = await queryStatistics(this.#warehouse, prepared)
      refuseCostly(configuration['query'] as Body, Number(statistics['totalBytesBilled']))
      job.statistics = { totalBytesProcessed: String(bytes), query: statistics }
    }
    if (configuration['dryRun'] === true) return finished(job, now)
    await this.#reserve(job)
    this.#start(job, prepared)
    return job
  }

  /** Keeps a new job's record, unless the id is taken: https://cloud.google.com/bigquery/docs/reference/rest/v2/JobReference */
  async #reserve(job: JobRecord): Promise<void> {
    const key = jobKey(job.project, job.location, job.jobId)
    if (this.#reserved.has(key) || this.#warehouse.store.hasJob(key)) {
      throw new GoogleError('ALREADY_EXISTS', `Already Exists: Job ${key}`, { reason: 'duplicate' })
    }
    this.#reserved.add(key)
    try {
      await this.#warehouse.store.write(async () => ({ jobs: [job] }))
    } finally {
      this.#reserved.delete(key)
    }
  }

  #start(job: JobRecord, prepared?: PreparedQuery): void {
    const key = jobKey(job.project, job.location, job.jobId)
    const running = new RunningJob()
    const endTime = this.#limitTime(job, running)
    this.#watch.add(running)
    running.done = this.#run(job, running, prepared).finally(() => {
      endTime()
      this.#watch.remove(running)
      this.#running.delete(key)
    })
    this.#running.set(key, running)
    // Only a store that cannot be written makes a job's run reject; callers that read the job get the failure.
    running.done.catch((error: unknown) => {
      console.error(error)
      this.#unsaved.set(key, finished(job, this.#warehouse.clock.now(), OUTCOME_LOST))
    })
  }

  /** A job whose outcome the disk refused must not look as if it never ends, so its failure is written as soon as possible. */
  async #writeOutcome(key: string): Promise<void> {
    const outcome = this.#unsaved.get(key)
    if (!outcome) return
    try {
      await this.#warehouse.store.write(async () => ({ jobs: [outcome] }))
      this.#unsaved.delete(key)
    } catch (error) {
      throw new GoogleError('UNAVAILABLE', `The outcome of job ${key} cannot be stored: ${String(error)}`, {
        cause: error,
        retryAfterS: 1,
      })
    }
  }

  /** Stops the job when its time is up: its own, or the local cloud's. */
  #limitTime(job: JobRecord, running: RunningJob): () => void {
    const { timeMs } = this.#limits
    const own = jobTimeout(job.configuration)
    const cause = own !== undefined && own <= timeMs ? causes.jobTimeout(own) : causes.time(timeMs)
    return this.#warehouse.clock.after(Math.min(own ?? timeMs, timeMs), () => running.stop(cause))
  }

  async #run(job: JobRecord, running: RunningJob, prepared: PreparedQuery | undefined): Promise<void> {
    const finish = (done: JobRecord): JobRecord => finished(done, this.#warehouse.clock.now())
    try {
      if (job.configuration.jobType === 'QUERY') {
        const query =
          prepared ??
          prepareQuery(this.#warehouse, job.project, job.location, job.configuration['query'] as Body, job.createdMs)
        await runQuery(this.#warehouse, job, query, finish, running)
      } else await runLoad(this.#warehouse, job, finish, running)
    } catch (error) {
      const cause = error instanceof JobStopped ? error.jobError : jobError(error, statementOf(job.configuration))
      const errors = error instanceof LoadFailure ? { errors: error.errors } : {}
      const failed = finished({ ...job, ...errors }, this.#warehouse.clock.now(), cause)
      await this.#warehouse.store.write(async () => ({ jobs: [failed] }))
    }
    if (job.upload !== undefined) await rm(job.upload, { force: true })
  }

  /** The job in its current state, or 404. Without a location, a job with this ID in any location. */
  async get(project: string, jobId: string, location: string | undefined): Promise<JobRecord> {
    const places = location === undefined ? this.#locations() : [canonicalLocation(location)]
    for (const place of places) {
      const job = await this.#warehouse.store.job(jobKey(project, place, jobId))
      if (job) return job
    }
    const where = location === undefined ? `${project}:${jobId}` : jobKey(project, canonicalLocation(location), jobId)
    throw new GoogleError('NOT_FOUND', `Not found: Job ${where}`)
  }

  #locations(): string[] {
    return [...new Set(['US', 'EU', ...[...this.#warehouse.store.datasets.values()].map((record) => record.location)])]
  }

  /** The job when it is done, or its current state after `timeoutMs`. */
  async settled(job: JobRecord, timeoutMs: number): Promise<JobRecord> {
    const key = jobKey(job.project, job.location, job.jobId)
    await this.#writeOutcome(key)
    const running = this.#running.get(key)
    if (running) {
      let cancel = (): void => undefined
      const timeout = new Promise<void>((resolve) => {
        cancel = this.#warehouse.clock.after(timeoutMs, resolve)
      })
      await Promise.race([running.done, timeout]).finally(() => cancel())
    }
    return this.get(job.project, job.jobId, job.location)
  }

  async cancel(job: JobRecord): Promise<JobRecord> {
    const running = this.#running.get(jobKey(job.project, job.location, job.jobId))
    running?.stop(causes.cancelled())
    return this.settled(job, CANCEL_WAIT_MS)
  }
}

/** Google's words for a job that failed through no fault of the caller. */
const OUTCOME_LOST = {
  reason: 'backendError',
  message: 'The job encountered an error during execution. Retrying the job may solve the problem.',
}

function configurationOf(body: Body): JobRecord['configuration'] {
  const configuration = body['configuration'] as Body | undefined
  const kinds = ['query', 'load', 'copy', 'extract'].filter((kind) => configuration?.[kind] !== undefined)
  if (!configuration || kinds.length !== 1) {
    throw new GoogleError('INVALID_ARGUMENT', 'Required parameter is missing: configuration', { reason: 'required' })
  }
  const [kind] = kinds as [string]
  if (kind === 'copy' || kind === 'extract') throw notEmulated(`the ${kind} job`)
  jobTimeout(configuration)
  if (configuration['labels'] !== undefined) parseLabels(configuration['labels'])
  const filled = { ...(configuration[kind] as Body) }
  if (kind === 'query')
    filled['useLegacySql'] =
      configuration['query'] && filled['useLegacySql'] === false ? false : (filled['useLegacySql'] ?? true)
  return { ...configuration, [kind]: filled, jobType: kind.toUpperCase() }
}

function statementOf(configuration: JobRecord['configuration']): string {
  return String((configuration['query'] as Body | undefined)?.['query'] ?? '')
}

/** https://cloud.google.com/bigquery/docs/best-practices-costs#limit_query_costs_by_restricting_the_number_of_bytes_billed */
function refuseCostly(query: Body, billed: number): void {
  const limit = query['maximumBytesBilled']
  if (limit === undefined || limit === null || billed <= Number(limit)) return
  throw new GoogleError(
    'INVALID_ARGUMENT',
    `Query exceeded limit for bytes billed: ${String(limit)}. ${billed} or higher required.`,
    { reason: 'bytesBilledLimitExceeded' },
  )
}

function finished(job: JobRecord, nowMs: number, error?: JobRecord['error']): JobRecord {
  const { upload: _, restarts: __, ...rest } = job
  return { ...rest, state: 'DONE', endedMs: nowMs, ...(error ? { error } : {}) }
}
