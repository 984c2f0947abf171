import { GoogleError } from '../../kernel/errors.ts'

/** `google.protobuf.Duration` in proto-loader's format. */
export interface WireDuration {
  seconds: string | number
  nanos: number
}

/** Returns the milliseconds of a duration on the wire; undefined when none was sent. */
export function durationMs(duration: WireDuration | null | undefined): number | undefined {
  if (!duration) return undefined
  return Number(duration.seconds) * 1_000 + Math.round(duration.nanos / 1e6)
}

export function wireDuration(ms: number): WireDuration {
  return { seconds: String(Math.trunc(ms / 1_000)), nanos: (ms % 1_000) * 1e6 }
}

/** `google.protobuf.Timestamp` of a moment in milliseconds since the Unix epoch. */
export function wireTimestamp(ms: number): WireDuration {
  return { seconds: String(Math.floor(ms / 1_000)), nanos: (((ms % 1_000) + 1_000) % 1_000) * 1e6 }
}

/** A duration in range, `fallbackMs` when none was sent. @throws GoogleError INVALID_ARGUMENT out of range */
export function boundedDuration(
  duration: WireDuration | null | undefined,
  rule: { field: string; fallbackMs: number; leastMs: number; mostMs: number },
): number {
  const ms = durationMs(duration) ?? rule.fallbackMs
  if (ms < rule.leastMs || ms > rule.mostMs) {
    throw new GoogleError(
      'INVALID_ARGUMENT',
      `Invalid ${rule.field} (${ms / 1_000}s): must be between ${rule.leastMs / 1_000}s and ${rule.mostMs / 1_000}s.`,
    )
  }
  return ms
}
