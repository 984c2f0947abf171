import { REQUESTS_PER_INSTANCE_AIMED_AT } from '../../contracts/concurrency.ts'
import { NO_PACING, withThrottleSample, type RunPacing } from '../../contracts/run-pacing.ts'
import type { QueueLimits } from '../../google/rest/queues.ts'
import type { PacingFigures } from '../limits/pacing.ts'
import { SLOT_MS } from './chain.ts'

/** Each instance limits its own calls within seconds; the queues follow, so that no more tasks wait than will have a turn. */
const WAITING_SECONDS = 30

/**
 * A queue sends many more tasks than there are calls: the rate of calls can go up quickly, and Cloud Tasks itself slows a
 * queue after each 429, relative to its limit
 * (https://cloud.google.com/tasks/docs/reference/rpc/google.cloud.tasks.v2#ratelimits).
 */
const TASKS_PER_CALL = 50

/** Limits as low as this cost little, and are enough to notice that there is capacity again. */
const LEAST: QueueLimits = { maxConcurrent: 10, maxPerSecond: 50 }

/** One heartbeat lowers a limit at most to this share of it, and raises it by at most this share of the usual one. */
const LOWER = 0.5
const RAISE = 0.25

/** Smaller changes are not worth a call. */
const LEAST_CHANGE = 0.1

/** What a heartbeat sees of a run's calls and queues. */
export interface PaceSeen {
  /** Those of the instance that it has reached, for the last heartbeat's time; undefined if that one knows nothing. */
  figures: PacingFigures | undefined
  /** The limits of each queue; undefined without queues. */
  limits: QueueLimits | undefined
  queues: number
  nowMs: number
}

/** For how long a heartbeat looks back at the calls. */
export const PACE_MS = SLOT_MS

/**
 * Returns what the record says after a heartbeat, and the limits that each queue gets; `limits` is undefined for no
 * change. They never exceed those that the queues had before.
 */
export function paced(
  before: RunPacing | null,
  { figures, limits, queues, nowMs }: PaceSeen,
): { pacing: RunPacing | null; limits: QueueLimits | undefined } {
  const known = before ?? NO_PACING
  const isInformed = figures !== undefined && figures.calls > 0
  if (!before && !isInformed) return { pacing: null, limits: undefined }
  const { calls = 0, throttled = 0 } = figures ?? {}
  // Cloud Run spreads requests evenly (`callsPerInstance`), so the other instances are like this one.
  const instances = Math.max(1, Math.ceil(((limits?.maxConcurrent ?? 1) * queues) / REQUESTS_PER_INSTANCE_AIMED_AT))
  const own = figures?.perSecond ?? null
  const sample = isInformed
    ? { at: new Date(nowMs).toISOString(), calls, throttled, calls_per_second: own === null ? null : own * instances }
    : undefined
  const samples = withThrottleSample(known.samples, sample, nowMs)
  const pacing = { ...known, samples }
  if (!limits) return { pacing, limits: undefined }
  const usual = known.usual_limits
    ? { maxConcurrent: known.usual_limits.max_concurrent, maxPerSecond: known.usual_limits.max_per_second }
    : limits
  // The highest of the last minutes: an instance whose queue sends it too few tasks cannot find out that it may make more.
  const rates = samples.map((one) => one.calls_per_second ?? Number.POSITIVE_INFINITY)
  const perSecond = rates.length === 0 ? Number.POSITIVE_INFINITY : Math.max(...rates)
  const inProgress = (figures?.inProgress ?? 0) * instances
  const goal = {
    maxConcurrent: (inProgress + perSecond * WAITING_SECONDS) / queues,
    maxPerSecond: (perSecond * TASKS_PER_CALL) / queues,
  }
  const next = {
    maxConcurrent: Math.ceil(towards('maxConcurrent', limits, { goal, usual })),
    maxPerSecond: towards('maxPerSecond', limits, { goal, usual }),
  }
  // Known until a heartbeat has seen them on the queue: the change to them can fail.
  const isUsual = [limits, next].every(
    (of) => of.maxConcurrent >= usual.maxConcurrent && of.maxPerSecond >= usual.maxPerSecond,
  )
  return {
    pacing: {
      ...pacing,
      usual_limits: isUsual ? null : { max_concurrent: usual.maxConcurrent, max_per_second: usual.maxPerSecond },
    },
    limits: next.maxConcurrent === limits.maxConcurrent && next.maxPerSecond === limits.maxPerSecond ? undefined : next,
  }
}

function towards(
  name: keyof QueueLimits,
  { [name]: now }: QueueLimits,
  { goal, usual }: { goal: QueueLimits; usual: QueueLimits },
): number {
  const aim = Math.min(usual[name], Math.max(goal[name], LEAST[name]))
  const next = aim < now ? Math.max(aim, now * LOWER) : Math.min(aim, now + usual[name] * RAISE)
  return next !== usual[name] && Math.abs(next - now) < now * LEAST_CHANGE ? now : next
}
