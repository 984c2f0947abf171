import { LOCAL_TASKS } from '../../contracts/concurrency.ts'
import { ImageryError } from '../../contracts/errors.ts'
import type { Tier } from '../../contracts/model-options.ts'
import type { GeminiOptions, RunSpec } from '../../contracts/run-spec.ts'
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
  /** Folders beside the table's own that its images may lie in. */
  imageRoots?: readonly string[] | undefined
  output?: string | undefined
  /** The most US dollars that the run may cost by its estimate. */
  maxCost?: number | undefined
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
const ATTEMPT_TIMEOUT_MS = 120_000

/**
 * The same on the flex tier, whose answers may take up to 30 minutes
 * (https://cloud.google.com/vertex-ai/generative-ai/docs/flex-paygo): what Cloud Tasks' longest
 * dispatch deadline, 30 minutes too, leaves beside the row's writing.
 */
const FLEX_ATTEMPT_TIMEOUT_MS = 1_740_000

/** Milliseconds for one try of one unit. */
function attemptTimeoutMs({ attemptTimeoutSeconds }: RunOptions, tier: Tier | undefined): number {
  if (attemptTimeoutSeconds !== undefined) return attemptTimeoutSeconds * 1_000
  return tier === 'flex' ? FLEX_ATTEMPT_TIMEOUT_MS : ATTEMPT_TIMEOUT_MS
}

/** Tries of one task: with the queue's back-off of 1 to 60 seconds they span about six minutes. */
const MAX_ATTEMPTS = 10

/** Cloud Tasks' highest rate per queue (https://cloud.google.com/tasks/docs/reference/rpc/google.cloud.tasks.v2#ratelimits). */
const MAX_PER_SECOND = 500

/** Queues of a run that measures: two let the pixels model pass Cloud Tasks' 500 tasks a second. */
const PIXELS_QUEUES = 2

/** Tasks at once of a run that measures. The pixels model is bound by the processor, so more would only wait. */
const PIXELS_CONCURRENT = 240

/** Calls to a Gemini model at once, unless the user says otherwise. */
export const DEFAULT_CONCURRENCY = 200

/** The most that may be asked for: the tasks for so many calls are still fewer than one queue dispatches at once (5,000, same page). */
export const MAX_CONCURRENCY = 3_000

/**
 * Tasks at once for each call to the model at once: a task stays dispatched while it is sent and
 * while its row is written, and the model should not wait for that (docs/decisions/0011).
 */
const TASKS_PER_CALL = 2

/** What one queue dispatches at once (https://cloud.google.com/tasks/docs/quotas). */
const MAX_TASKS = 5_000

/** How much of a run is worked on at once, how fast, and how often. */
export function runLimits(options: RunOptions, gemini: GeminiOptions | null): RunSpec['limits'] {
  const tries = {
    max_attempts: options.maxAttempts ?? MAX_ATTEMPTS,
    attempt_timeout_ms: attemptTimeoutMs(options, gemini?.tier),
  }
  if (gemini === null) {
    const max_per_second = MAX_PER_SECOND * PIXELS_QUEUES
    return { queues: PIXELS_QUEUES, max_concurrent: PIXELS_CONCURRENT, max_calls: null, max_per_second, ...tries }
  }
  const calls = options.concurrency ?? DEFAULT_CONCURRENCY
  // Flex answers take minutes: a task that waited for its turn would have no time left for its answer.
  const tasks = gemini.tier === 'flex' ? calls : Math.min(MAX_TASKS, Math.ceil(calls * TASKS_PER_CALL))
  return { queues: 1, max_concurrent: tasks, max_calls: calls, max_per_second: MAX_PER_SECOND, ...tries }
}

/**
 * One machine stands for Google's: what its two instances have no room for would wait there until it
 * is refused, try after try.
 *
 * @throws ImageryError INVALID_FLAG
 */
export function checkLocalLimits({ max_concurrent }: RunSpec['limits'], { concurrency }: RunOptions): void {
  if (max_concurrent <= LOCAL_TASKS) return
  const most = Math.floor(LOCAL_TASKS / TASKS_PER_CALL)
  throw new ImageryError('INVALID_FLAG', `--concurrency ${concurrency}: the local cloud has room for ${most}`, {
    suggestions: [`--concurrency ${most}`],
  })
}

/** Snapshots and loaded files go away by themselves after this long, should nobody tear the run down. */
export const SCRATCH_DAYS = 7
