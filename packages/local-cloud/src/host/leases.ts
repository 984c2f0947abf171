import type { CancelTimer, Clock } from '../kernel/clock.ts'

/** Frequent enough to detect a half-open connection while a client still waits. */
const HEARTBEAT_MS = 5_000

/** A user can come back immediately: `run` ends and `status` starts. */
const IDLE_AFTER_LAST_LEASE_MS = 1_000

/** Time for the process that started the cloud to take the first lease. */
const IDLE_WITHOUT_LEASE_MS = 15_000

export interface Leases {
  /** Whether the cloud stops when it has no users. */
  endsWhenIdle: boolean
  /** Returns a new lease: an endless stream that ends the lease when canceled. Undefined when the cloud is stopping. */
  take(): ReadableStream<Uint8Array> | undefined
  count(): number
  /** Stops giving out leases, because the cloud is stopping. Existing ones stay until `close`. */
  refuse(): void
  /** Ends all streams. */
  close(): void
}

/** Counts the users of the local cloud. Reports each new one, and calls `onIdle` when none is left. */
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
