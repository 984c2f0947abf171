import { totalmem } from 'node:os'
import { GoogleError } from '../../kernel/errors.ts'
import type { JobError } from './records.ts'
import { OUT_OF_MEMORY } from './sql/runtime/scalar-function.ts'

/** The limits of one job. Google gives a query six hours (https://cloud.google.com/bigquery/quotas#query_jobs), but this is a user's machine. */
export interface JobLimits {
  timeMs: number
  /** By how much the process may grow while jobs run. DuckDB's own part, which it keeps to, is half of it. */
  memoryBytes: number
  /** By how much the store may grow while jobs run. */
  diskBytes: number
}

const GIGABYTE = 1024 ** 3

export const DEFAULT_LIMITS: JobLimits = {
  timeMs: 600_000,
  memoryBytes: Math.min(4 * GIGABYTE, Math.floor(totalmem() / 2)),
  diskBytes: 20 * GIGABYTE,
}

/**
 * `jobTimeoutMs` of a job's configuration: https://cloud.google.com/bigquery/docs/reference/rest/v2/Job#JobConfiguration
 *
 * @throws GoogleError INVALID_ARGUMENT
 */
export function jobTimeout(configuration: Record<string, unknown>): number | undefined {
  const value = configuration['jobTimeoutMs']
  if (value === undefined || value === null || value === '') return undefined
  const timeMs = Number(value)
  if (Number.isSafeInteger(timeMs) && timeMs >= 0) return timeMs === 0 ? undefined : timeMs
  throw new GoogleError('INVALID_ARGUMENT', `Invalid value for jobTimeoutMs: ${JSON.stringify(value)}`, {
    reason: 'invalid',
  })
}

/** How jobs end that are stopped. The first three are BigQuery's own words; how it rounds the time is not documented. */
export const causes = {
  cancelled: (): JobError => ({
    reason: 'stopped',
    message: 'Job execution was cancelled: User requested cancellation',
  }),
  jobTimeout: (timeMs: number): JobError => ({
    reason: 'stopped',
    message: `Job execution was cancelled: Job timed out after ${Math.ceil(timeMs / 1000)} sec`,
  }),
  memory: (): JobError => ({
    reason: 'resourcesExceeded',
    message: `${OUT_OF_MEMORY} The local cloud sets this limit; imagery local start --query-memory changes it.`,
  }),
  time: (timeMs: number): JobError => ({
    reason: 'timeout',
    message: `Operation timed out after ${timeMs / 1000} s. Consider reducing the amount of work performed by your operation so that it can complete within this limit. The local cloud sets this limit; imagery local start --query-time changes it.`,
  }),
  disk: (bytes: number): JobError => ({
    reason: 'resourcesExceeded',
    message: `Resources exceeded during query execution: The query wrote more than ${Math.round(bytes / GIGABYTE)} GB, which is a limit of the local cloud.`,
  }),
  shutdown: (): JobError => ({
    reason: 'stopped',
    message: 'Job execution was cancelled: The local cloud was stopped',
  }),
}
