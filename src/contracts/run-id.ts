import { randomUUID } from 'node:crypto'

/** `yymmdd-` and 8 hex digits of a v4 uuid, e.g. `261123-9f3c1a7b`. Every resource of a run is named after it. */
export const RUN_ID_PATTERN = /^\d{6}-[0-9a-f]{8}$/

/** A run ID or a prefix of one, as a user types it: at least one character. */
export const RUN_ID_PREFIX_PATTERN = /^\d{1,6}$|^\d{6}-[0-9a-f]{0,8}$/

/** Returns a new run ID for a run that starts at `startedAt` (its UTC day is the readable half). */
export function newRunId(startedAt: Date): string {
  const day = startedAt.toISOString().slice(2, 10).replaceAll('-', '')
  return `${day}-${randomUUID().slice(0, 8)}`
}

export function isRunId(text: string): boolean {
  return RUN_ID_PATTERN.test(text)
}
