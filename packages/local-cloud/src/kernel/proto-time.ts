/** google.protobuf.Timestamp or Duration in proto-loader's format: received seconds are a string. */
export interface ProtoTime {
  seconds: string | number
  nanos: number
}

/** The milliseconds of a duration; nanoseconds are the fraction. */
export function durationMs(duration: ProtoTime): number {
  return Number(duration.seconds) * 1_000 + duration.nanos / 1e6
}

export function durationOfMs(ms: number): ProtoTime {
  return { seconds: String(Math.trunc(ms / 1_000)), nanos: (ms % 1_000) * 1e6 }
}

/** The timestamp of a moment in whole milliseconds since the Unix epoch. */
export function timestampOfMs(ms: number): ProtoTime {
  return timestampOfMicros(Math.floor(ms) * 1_000)
}

/** The timestamp of a moment in microseconds since the Unix epoch. */
export function timestampOfMicros(micros: number): ProtoTime {
  const seconds = Math.floor(micros / 1_000_000)
  return { seconds: String(seconds), nanos: (micros - seconds * 1_000_000) * 1_000 }
}

/** The microseconds since the Unix epoch; smaller fractions are dropped. */
export function microsOfTimestamp(time: ProtoTime): number {
  return Number(time.seconds) * 1_000_000 + Math.floor(time.nanos / 1_000)
}
