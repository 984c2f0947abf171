import type { CancelTimer, Clock } from '../kernel/clock.ts'

/** Often enough that a half-open connection is noticed while someone still waits for it. */
const HEARTBEAT_MS = 5_000

/** A user may come back at once: `run` ends and `status` begins. */
const IDLE_AFTER_LAST_LEASE_MS = 1_000

/** Whoever started the cloud has this long to take its first lease. */
const IDLE_WITHOUT_LEASE_MS = 15_000

export interface Leases {
  /** Whether the cloud stops once nobody uses it. */
  endsWhenIdle: boolean
  /** A new lease: an endless stream that gives it back when it is cancelled. Undefined once the cloud stops. */
  take(): ReadableStream<Uint8Array> | undefined
  count(): number
  /** From now on nobody gets a lease: the cloud stops. Those that are held stay until `close`. */
  refuse(): void
  /** Ends all streams. */
  close(): void
}

/** Counts who uses the local cloud; tells of each that comes, and with `onIdle` when none is left. */
export function createLeases(
  clock: Clock,
  told: { onTaken?: () => void; onIdle?: (() => void) | undefined } = {},
): Leases {
  const { onTaken, onIdle } = told
  const ends = new Set<() => void>()
  let cancelIdle: CancelTimer = () => undefined
  let isRefusing = false

  const watchIdle = (afterMs: number): void => {
    cancelIdle()
    if (onIdle && !isRefusing && ends.size === 0) cancelIdle = clock.after(afterMs, onIdle)
  }
  watchIdle(IDLE_WITHOUT_LEASE_MS)

  const refuse = (): void => {
    isRefusing = true
    cancelIdle()
  }

  return {
    endsWhenIdle: onIdle !== undefined,
    take() {
      if (isRefusing) return undefined
      let cancelBeat: CancelTimer = () => undefined
      let release = (): void => undefined
      return new ReadableStream<Uint8Array>({
        start(controller) {
          const beat = (): void => {
            controller.enqueue(new Uint8Array([NEW_LINE]))
            cancelBeat = clock.after(HEARTBEAT_MS, beat)
          }
          const end = (): void => {
            release()
            controller.close()
          }
          release = () => {
            cancelBeat()
            if (ends.delete(end)) watchIdle(IDLE_AFTER_LAST_LEASE_MS)
          }
          cancelIdle()
          onTaken?.()
          ends.add(end)
          beat()
        },
        cancel: () => release(),
      })
    },
    count: () => ends.size,
    refuse,
    close() {
      refuse()
      for (const end of ends) end()
    },
  }
}

const NEW_LINE = 10
