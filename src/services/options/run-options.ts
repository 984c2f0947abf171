import type { FailureLimit } from '../../contracts/run-controls.ts'
import { LOCAL_TASKS, tasksAtOnce } from '../../contracts/concurrency.ts'
import { ImageryError } from '../../contracts/errors.ts'
import type { Tier } from '../../contracts/model-options.ts'
import { mainService } from '../../contracts/names.ts'
import type { GeminiOptions, RunSpec } from '../../contracts/run-spec.ts'
import { suggestedCommand } from '../../contracts/suggested-command.ts'
import type { Target } from '../session/target.ts'
import type { ModelFlags } from './model-choice.ts'

/** The options of a run, as the flags give them. */
export interface RunOptions extends ModelFlags {
  /** The topic that gets messages about the run, as it was typed. */
  notify?: string | undefined
  table: string
  profile: string
  where?: string | undefined
  limit?: number | undefined
  sample?: number | undefined
  /** Decides which assets a sample has. By default every run has another sample. */
  seed?: string | undefined
  assetColumn?: string | undefined
  imageColumn?: string | undefined
  /** Columns of the source that the results have too, separated by commas. */
  keep?: string | undefined
  /** Folders, besides the table's own, that its images can be read from. */
  imageRoots?: readonly string[] | undefined
  /** Fetches images at https addresses, for a local table and a local cloud. */
  fetchImages?: boolean | undefined
  local?: boolean | undefined
  output?: string | undefined
  /** The maximum estimated cost of the run, in US dollars. */
  maxCost?: number | undefined
  /** How many failures of one kind in a row stop the run; null or absent for no limit. */
  maxFailures?: FailureLimit | undefined
  /** The run need not ask before it spends money. */
  yes?: boolean | undefined
  /** The run asks if its estimate is above this many US dollars. */
  askAbove?: number | undefined
  /** Overrides the time per attempt that the tier gives. */
  attemptTimeoutSeconds?: number | undefined
  /** Overrides the default number of attempts per unit. */
  maxAttempts?: number | undefined
  /** An earlier run, or one of its tables, whose unchanged answers the run carries over. */
  update?: string | undefined
  /** Carries unchanged answers of all earlier runs of the profile over. */
  reuse?: boolean | undefined
  /** Takes an image at the same gs:// address as unchanged, without looking at it. */
  trustAddresses?: boolean | undefined
  wait: boolean
}

/** BigQuery's rules for dataset and table IDs, without the unusual characters that need quoting everywhere. */
const DATASET = /^[A-Za-z0-9_]{1,1024}$/
const TABLE = /^[A-Za-z0-9_-]{1,900}$/

/** Splits `--output DATASET[.TABLE]`. */
export function parseOutput(output: string | undefined): { dataset?: string; table?: string } {
  if (output === undefined) return {}
  const [dataset, table, ...rest] = output.split('.')
  if (!dataset || !DATASET.test(dataset) || rest.length > 0 || (table !== undefined && !TABLE.test(table))) {
    throw new ImageryError(
      'INVALID_FLAG',
      `--output ${output} is not DATASET or DATASET.TABLE, with only letters, digits and underscores`,
      {
        suggestions: ['imagery run --output my_results.poles …'],
      },
    )
  }
  return table === undefined ? { dataset } : { dataset, table }
}

/** Milliseconds per attempt. The queue's dispatch deadline is longer. */
const ATTEMPT_TIMEOUT_MS = 120_000

/**
 * The same on the flex tier, whose answers can take up to 30 minutes
 * (https://cloud.google.com/vertex-ai/generative-ai/docs/flex-paygo). The longest dispatch deadline
 * of Cloud Tasks is also 30 minutes, and leaves this much time besides writing the row.
 */
const FLEX_ATTEMPT_TIMEOUT_MS = 1_740_000

/** Returns the milliseconds per attempt. */
function attemptTimeoutMs({ attemptTimeoutSeconds }: RunOptions, tier: Tier | undefined): number {
  if (attemptTimeoutSeconds !== undefined) return attemptTimeoutSeconds * 1_000
  return tier === 'flex' ? FLEX_ATTEMPT_TIMEOUT_MS : ATTEMPT_TIMEOUT_MS
}

/** The shortest time that a delivery waits for its call. A model that answers quickly can still be slowed down. */
const SHORTEST_TURN_MS = 60_000

/** What is left of Cloud Tasks' longest deadline, 30 minutes, after writing the row. */
const LONGEST_TRY_MS = 1_765_000

/**
 * Returns how long a delivery waits for its call: as long as the calls before it can take, if the deadline of its task
 * leaves so much.
 */
function turnTimeoutMs(attemptMs: number): number {
  return Math.min(Math.max(SHORTEST_TURN_MS, attemptMs), LONGEST_TRY_MS - attemptMs)
}

/** Attempts per task. With the queue's backoff of 1 to 60 seconds, they span about six minutes. */
const MAX_ATTEMPTS = 10

/** Cloud Tasks' highest rate per queue (https://cloud.google.com/tasks/docs/reference/rpc/google.cloud.tasks.v2#ratelimits). */
const MAX_PER_SECOND = 500

/** Queues of a run of the pixels model. Two queues exceed the limit of 500 tasks per second of one. */
const PIXELS_QUEUES = 2

/** Concurrent tasks of a run of the pixels model, which is CPU-bound: more tasks would only wait. */
const PIXELS_CONCURRENT = 240

/** Default number of concurrent Gemini calls. */
export const DEFAULT_CONCURRENCY = 200

/** Maximum number of concurrent Gemini calls. Their tasks still fit in one queue's concurrent dispatches (5,000, same page). */
export const MAX_CONCURRENCY = 3_000

/**
 * Concurrent tasks per concurrent model call. A task stays dispatched while it is sent and while its
 * row is written, and the model should not wait for that (docs/decisions/0011).
 */
const TASKS_PER_CALL = 2

/** Concurrent dispatches of one queue (https://cloud.google.com/tasks/docs/quotas). */
const MAX_TASKS = 5_000

/**
 * Returns the concurrency, rate and attempts of a run.
 *
 * @param maxInstances of the deployment that runs it; a small one has fewer tasks at once
 */
export function runLimits(
  options: RunOptions,
  gemini: GeminiOptions | null,
  maxInstances = Number.POSITIVE_INFINITY,
): RunSpec['limits'] {
  const room = tasksAtOnce(maxInstances)
  const attempt_timeout_ms = attemptTimeoutMs(options, gemini?.tier)
  const tries = {
    max_attempts: options.maxAttempts ?? MAX_ATTEMPTS,
    attempt_timeout_ms,
    turn_timeout_ms: turnTimeoutMs(attempt_timeout_ms),
  }
  if (gemini === null) {
    const max_per_second = MAX_PER_SECOND * PIXELS_QUEUES
    const max_concurrent = Math.min(PIXELS_CONCURRENT, room)
    return { queues: PIXELS_QUEUES, max_concurrent, max_calls: null, max_per_second, ...tries }
  }
  const calls = options.concurrency ?? Math.min(DEFAULT_CONCURRENCY, room)
  // Flex answers take minutes: a task that waits for its turn would come to its deadline.
  const tasks =
    gemini.tier === 'flex'
      ? calls
      : Math.min(MAX_TASKS, Math.max(calls, Math.min(room, Math.ceil(calls * TASKS_PER_CALL))))
  return { queues: 1, max_concurrent: tasks, max_calls: calls, max_per_second: MAX_PER_SECOND, ...tries }
}

/**
 * The local cloud runs two instances on one machine. Tasks beyond their capacity would wait until
 * they are refused, attempt after attempt.
 *
 * @throws ImageryError INVALID_FLAG
 */
export function checkLocalLimits({ max_concurrent }: RunSpec['limits'], { concurrency }: RunOptions): void {
  if (max_concurrent <= LOCAL_TASKS) return
  const most = Math.floor(LOCAL_TASKS / TASKS_PER_CALL)
  throw new ImageryError(
    'INVALID_FLAG',
    `--concurrency ${concurrency} is too high: the local cloud allows at most ${most}`,
    {
      suggestions: [`--concurrency ${most}`],
    },
  )
}

/**
 * Checks `--concurrency` against a deployment on Google Cloud.
 *
 * @throws ImageryError INVALID_FLAG
 */
export function checkDeploymentLimits({ concurrency }: RunOptions, maxInstances: number, target: Target): void {
  const room = tasksAtOnce(maxInstances)
  if (concurrency === undefined || concurrency <= room) return
  const instances = Math.ceil(concurrency / tasksAtOnce(1))
  throw new ImageryError(
    'INVALID_FLAG',
    `--concurrency ${concurrency} is too high: ${mainService(target.place)} has at most ${maxInstances} instances, which make ${room} calls at once`,
    {
      suggestions: [
        `--concurrency ${room}`,
        `${suggestedCommand(`deploy --max-instances ${instances}`, target.flags)}   (if the project's quota allows it)`,
      ],
    },
  )
}
