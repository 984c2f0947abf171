import { GoogleError } from '../../kernel/errors.ts'
import { durationMs, type ProtoTime } from '../../kernel/proto-time.ts'

/** Returns the duration in milliseconds; undefined when the request has none. */
export function wholeMs(duration: ProtoTime | null | undefined): number | undefined {
  return duration ? Math.round(durationMs(duration)) : undefined
}

/**
 * Returns the duration in milliseconds; `fallbackMs` when the request has none.
 *
 * @throws GoogleError INVALID_ARGUMENT for a duration out of range
 */
export function boundedDuration(
  duration: ProtoTime | null | undefined,
  rule: { field: string; fallbackMs: number; leastMs: number; mostMs: number },
): number {
  const ms = wholeMs(duration) ?? rule.fallbackMs
  if (ms < rule.leastMs || ms > rule.mostMs) {
    throw new GoogleError(
      'INVALID_ARGUMENT',
      `Invalid ${rule.field} (${ms / 1_000}s): must be between ${rule.leastMs / 1_000}s and ${rule.mostMs / 1_000}s.`,
    )
  }
  return ms
}
