import * as z from 'zod'
import { exactUsd } from './prices.ts'

/** A run at one time: the units that have their final row, and what they have cost. */
export const progressSample = z.object({
  at: z.iso.datetime(),
  done: z.int().nonnegative(),
  cost_usd: z.number().nonnegative(),
})

export type ProgressSample = z.infer<typeof progressSample>

/** The rate is that of the last minutes, so that it follows a model that becomes slower. */
const RECENT_MS = 5 * 60_000

/** The interval comes from the rates between the samples of this time. */
const SPREAD_MS = 20 * 60_000

/** A run that is counted rarely keeps this many samples, however old they are. */
const LEAST_SAMPLES = 12

/** Samples are kept for the interval, and no longer. */
const MOST_SAMPLES = 60

/** How many standard errors the interval has on each side: about 95 % of a normal distribution. */
const ERRORS = 2

/** The slowest and fastest rates that an interval assumes, as shares of the measured one, when the samples say nothing. */
const [SLOWEST, FASTEST] = [0.25, 4]

/** How fast a run goes, and when it will have ended if it goes on like that. */
export interface RunPace {
  units_per_second: number
  usd_per_hour: number
  /** RFC 3339; null for a run that does not move. */
  ends_at: string | null
  /** The interval around `ends_at`, from how the rate has changed. */
  ends_between: [earliest: string, latest: string] | null
}

/** Adds a sample to a run's history, and forgets those that no rate needs. */
export function withSample(history: readonly ProgressSample[], sample: ProgressSample): ProgressSample[] {
  const all = [...history.filter(({ at }) => at < sample.at), sample]
  const oldest = Date.parse(sample.at) - SPREAD_MS
  return all
    .filter(({ at }, index) => Date.parse(at) >= oldest || index >= all.length - LEAST_SAMPLES)
    .slice(-MOST_SAMPLES)
}

/**
 * Returns the pace of a run from its history, or undefined if that has fewer than two samples.
 *
 * @param pending units without a final row at the last sample
 */
export function runPace(history: readonly ProgressSample[], pending: number): RunPace | undefined {
  const last = history.at(-1)
  const first = last && firstWithin(history, Date.parse(last.at) - RECENT_MS)
  if (!last || !first) return undefined
  const recent = rateBetween(first, last)
  const pace = {
    units_per_second: recent.units,
    usd_per_hour: exactUsd(Math.max(0, ((last.cost_usd - first.cost_usd) / recent.seconds) * 3_600)),
  }
  if (recent.units <= 0) return { ...pace, ends_at: null, ends_between: null }
  const error = ERRORS * standardError(history, recent)
  const slow = Math.max(recent.units - error, recent.units * SLOWEST)
  const fast = Math.min(recent.units + error, recent.units * FASTEST)
  const endAt = (rate: number): string => new Date(Date.parse(last.at) + (pending / rate) * 1_000).toISOString()
  return { ...pace, ends_at: endAt(recent.units), ends_between: [endAt(fast), endAt(slow)] }
}

/** The oldest sample of the last minutes, or the last but one. */
function firstWithin(history: readonly ProgressSample[], fromMs: number): ProgressSample | undefined {
  const before = history.slice(0, -1)
  return before.find(({ at }) => Date.parse(at) >= fromMs) ?? before.at(-1)
}

interface Rate {
  units: number
  seconds: number
  done: number
}

function rateBetween(from: ProgressSample, to: ProgressSample): Rate {
  const seconds = Math.max(0.001, (Date.parse(to.at) - Date.parse(from.at)) / 1_000)
  // Units become pending again by a retry.
  const done = Math.max(0, to.done - from.done)
  return { units: done / seconds, seconds, done }
}

/**
 * How uncertain the rate is, in units per second: how much the rates between the samples differ, and at least as much as
 * events that come by chance, whose number has the standard deviation of its square root.
 */
function standardError(history: readonly ProgressSample[], recent: Rate): number {
  const from = Date.parse(history.at(-1)!.at) - SPREAD_MS
  const samples = history.filter(({ at }) => Date.parse(at) >= from)
  const rates = samples.slice(1).map((sample, index) => rateBetween(samples[index]!, sample).units)
  const chance = Math.sqrt(recent.done) / recent.seconds
  if (rates.length < 2) return Math.max(chance, recent.units / 2)
  const mean = rates.reduce((sum, rate) => sum + rate, 0) / rates.length
  const variance = rates.reduce((sum, rate) => sum + (rate - mean) ** 2, 0) / (rates.length - 1)
  return Math.max(chance, Math.sqrt(variance / rates.length))
}
