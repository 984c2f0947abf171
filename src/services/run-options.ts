import { ImageryError } from '../contracts/errors.ts'
import type { Tier } from '../contracts/model-options.ts'
import type { ModelFlags } from './model-choice.ts'

/** What a user may ask of a run, as the flags say it. */
export interface RunOptions extends ModelFlags {
  table: string
  profile: string
  where?: string | undefined
  limit?: number | undefined
  sample?: number | undefined
  assetColumn?: string | undefined
  imageColumn?: string | undefined
  output?: string | undefined
  /** Instead of what the tier gives one try of one unit. */
  attemptTimeoutSeconds?: number | undefined
  /** Instead of the usual number of tries of one unit. */
  maxAttempts?: number | undefined
  wait: boolean
}

/** BigQuery's rules for dataset and table ids, without the exotic characters that need quoting everywhere. */
const DATASET = /^[A-Za-z0-9_]{1,1024}$/
const TABLE = /^[A-Za-z0-9_-]{1,900}$/

/** Splits `--output DATASET[.TABLE]`. */
export function parseOutput(output: string | undefined): { dataset?: string; table?: string } {
  if (output === undefined) return {}
  const [dataset, table, ...rest] = output.split('.')
  if (!dataset || !DATASET.test(dataset) || rest.length > 0 || (table !== undefined && !TABLE.test(table))) {
    throw new ImageryError(
      'INVALID_FLAG',
      `--output ${output}: write DATASET or DATASET.TABLE, letters, digits and underscores`,
      {
        suggestions: ['imagery run --output my_results.poles …'],
      },
    )
  }
  return table === undefined ? { dataset } : { dataset, table }
}

/** Milliseconds for one try of one asset; the queue's dispatch deadline lies above it. */
export const ATTEMPT_TIMEOUT_MS = 120_000

/**
 * The same on the flex tier, whose answers may take up to 30 minutes
 * (https://cloud.google.com/vertex-ai/generative-ai/docs/flex-paygo): what Cloud Tasks' longest
 * dispatch deadline, 30 minutes too, leaves beside the row's writing.
 */
export const FLEX_ATTEMPT_TIMEOUT_MS = 1_740_000

/** Milliseconds for one try of one unit. */
export function attemptTimeoutMs({ attemptTimeoutSeconds }: RunOptions, tier: Tier | undefined): number {
  if (attemptTimeoutSeconds !== undefined) return attemptTimeoutSeconds * 1_000
  return tier === 'flex' ? FLEX_ATTEMPT_TIMEOUT_MS : ATTEMPT_TIMEOUT_MS
}

/** Tries of one task: with the queue's back-off of 1 to 60 seconds they span about six minutes. */
export const MAX_ATTEMPTS = 10

/** Cloud Tasks' highest rate per queue (https://cloud.google.com/tasks/docs/reference/rpc/google.cloud.tasks.v2#ratelimits). */
export const MAX_PER_SECOND = 500

/** Queues of a run: two let the pixels model pass Cloud Tasks' 500 tasks a second. */
export const QUEUES = 2

/** Tasks at once. The pixels model is bound by the processor, so more would only wait. */
export const MAX_CONCURRENT = 200

/** Snapshots and loaded files go away by themselves after this long, should nobody tear the run down. */
export const SCRATCH_DAYS = 7
