import { GoogleError } from '../../kernel/errors.ts'

/** google.protobuf.Timestamp and Duration in proto-loader's format: seconds come as a string. */
export interface WireTime {
  seconds: string | number
  nanos: number
}

/** "Truncated to the nearest microsecond" (task.proto): smaller fractions are dropped. */
export function microsFromWire(time: WireTime): number {
  return Number(time.seconds) * 1_000_000 + Math.floor(time.nanos / 1_000)
}

export function timestampFromMicros(micros: number): WireTime {
  const seconds = Math.floor(micros / 1_000_000)
  return { seconds, nanos: (micros - seconds * 1_000_000) * 1_000 }
}

export function millisFromWire(duration: WireTime): number {
  return Number(duration.seconds) * 1_000 + Math.floor(duration.nanos / 1_000_000)
}

export function durationFromMillis(millis: number): WireTime {
  const seconds = Math.floor(millis / 1_000)
  return { seconds, nanos: (millis - seconds * 1_000) * 1_000_000 }
}

/** A duration that must not be negative; undefined when unset or zero, which both mean "the default". */
export function positiveMillis(duration: WireTime | null | undefined, field: string): number | undefined {
  if (!duration) return undefined
  const millis = millisFromWire(duration)
  if (millis < 0 || duration.nanos < 0) throw new GoogleError('INVALID_ARGUMENT', `${field} cannot be negative.`)
  return millis === 0 ? undefined : millis
}
