/** How this process waits between two tries of a call to Google. */
export interface Pauses {
  /** Milliseconds from any fixed moment. */
  now(): number
  /** Waits that many milliseconds. */
  pause(durationMs: number): Promise<void>
}

const REAL: Pauses = {
  now: () => performance.now(),
  pause: (durationMs) => new Promise((resolve) => setTimeout(resolve, durationMs)),
}

let current = REAL

/** Milliseconds from any fixed moment, to compare with a deadline for all tries. */
export function pausesNow(): number {
  return current.now()
}

export function pause(durationMs: number): Promise<void> {
  return current.pause(durationMs)
}

/** Replaces the time of all pauses, for tests: Google takes minutes for what a test must see in seconds. */
export function usePauses(pauses: Pauses = REAL): void {
  current = pauses
}
