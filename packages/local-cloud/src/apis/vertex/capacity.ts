import type { Clock } from '../../kernel/clock.ts'
import type { Script } from './script.ts'

/** How many calls a scripted model takes, at once and a second. */
export interface Capacity {
  /** Whether there is room for one more call; it then holds its place until `leave`. */
  enter(): boolean
  leave(): void
}

/** A call is taken when it finds a place and a token; tokens gather for at most one second. */
export function createCapacity({ concurrency, rate }: Pick<Script, 'concurrency' | 'rate'>, clock: Clock): Capacity {
  const steps =
    typeof rate === 'number'
      ? [{ after_s: 0, per_second: rate }]
      : (rate ?? []).toSorted((a, b) => a.after_s - b.after_s)
  let inFlight = 0
  let startMs: number | undefined
  let filledMs = 0
  let tokens = 0

  const takeToken = (): boolean => {
    const nowMs = clock.now()
    startMs ??= nowMs
    const elapsedS = (nowMs - startMs) / 1_000
    const perSecond = steps.findLast(({ after_s }) => after_s <= elapsedS)?.per_second
    if (perSecond === undefined) return true
    const bucket = Math.max(1, perSecond)
    const gathered = filledMs === 0 ? bucket : tokens + ((nowMs - filledMs) / 1_000) * perSecond
    filledMs = nowMs
    tokens = Math.min(bucket, gathered)
    if (tokens < 1) return false
    tokens -= 1
    return true
  }

  return {
    enter() {
      if (concurrency !== undefined && inFlight >= concurrency) return false
      if (!takeToken()) return false
      inFlight += 1
      return true
    },
    leave() {
      inFlight -= 1
    },
  }
}
