import { z } from 'zod'

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

/** The calls of the samples together; undefined without calls. */
export function throttledShare({ samples }: Pick<RunPacing, 'samples'>): number | undefined {
  const calls = samples.reduce((sum, sample) => sum + sample.calls, 0)
  const throttled = samples.reduce((sum, sample) => sum + sample.throttled, 0)
  return calls === 0 ? undefined : Math.min(1, throttled / calls)
}
