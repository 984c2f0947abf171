import * as z from 'zod'

const count = z.int().nonnegative()

/** How many calls of a run one instance made in the last time, and how many of them were answered 429. */
export const throttleSample = z.object({
  at: z.iso.datetime(),
  calls: count,
  throttled: count,
  /** Calls that all instances together could start per second if each was like this one; null without a limit. */
  calls_per_second: z.number().positive().nullable(),
})

/** What a run's heartbeats know of how its model accepts its calls. Each asks the instance that it has reached. */
export const runPacing = z.object({
  /** Those of the last minutes, oldest first. */
  samples: z.array(throttleSample),
  /** The limits of each queue of the run before heartbeats lowered them; null if they have not. */
  usual_limits: z.object({ max_concurrent: count, max_per_second: z.number().positive() }).nullable(),
})

export type RunPacing = z.infer<typeof runPacing>

/** Samples are kept for so long. */
const RECENT_MS = 5 * 60_000

export const NO_PACING: RunPacing = { samples: [], usual_limits: null }

/** Adds a sample, and forgets those that are older than some minutes. */
export function withThrottleSample(
  samples: RunPacing['samples'],
  sample: RunPacing['samples'][number] | undefined,
  nowMs: number,
): RunPacing['samples'] {
  return [...samples, ...(sample ? [sample] : [])].filter(({ at }) => nowMs - Date.parse(at) < RECENT_MS)
}

/** How a run's model accepts its calls. */
export interface Throttling {
  /** The calls that heartbeats have seen in the last minutes, and how many of them the model refused to slow down (429). */
  calls: number
  throttled: number
  /** `throttled` of `calls`, 0 to 1. */
  share: number
  /** Calls per second that may start now; null without a limit. An estimate if several instances work on the run. */
  calls_per_second: number | null
  /** RFC 3339: when it was last seen. */
  as_of: string
}

/** The rate is the mean of a few samples, because each is of one instance. */
const SAMPLES_OF_RATE = 4

/** Returns what the last minutes say; undefined without calls. */
export function throttlingOf(pacing: RunPacing | null | undefined, nowMs: number): Throttling | undefined {
  const samples = withThrottleSample(pacing?.samples ?? [], undefined, nowMs)
  const last = samples.at(-1)
  const calls = samples.reduce((sum, sample) => sum + sample.calls, 0)
  if (!last || calls === 0) return undefined
  const throttled = samples.reduce((sum, sample) => sum + sample.throttled, 0)
  const rates = samples.slice(-SAMPLES_OF_RATE).flatMap((sample) => sample.calls_per_second ?? [])
  const mean = rates.reduce((sum, rate) => sum + rate, 0) / rates.length
  return {
    calls,
    throttled,
    share: Math.min(1, throttled / calls),
    calls_per_second: last.calls_per_second === null ? null : Number(mean.toPrecision(3)),
    as_of: last.at,
  }
}

/** `12 % of the calls throttled`; undefined if it is less than one in a hundred. */
export function throttledText({ share }: Pick<Throttling, 'share'>): string | undefined {
  return share < 0.01 ? undefined : `${Math.round(share * 100)} % of the calls throttled`
}
