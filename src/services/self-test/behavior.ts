import type { Deployment, Target } from '../session/target.ts'

/** What a self-test saw of one behavior of Google's that the code depends on (docs/google-behavior.md). */
export interface Observation {
  outcome: 'as_expected' | 'different' | 'not_observed'
  /** What was seen, in one sentence: statuses, seconds, counts. */
  detail: string
}

/** One behavior in the report. */
export interface BehaviorReport extends Observation {
  id: string
  title: string
  seconds: number
}

export interface ProbeContext {
  target: Target
  deployment: Deployment
  /** The self-test's own dataset, which exists. */
  dataset: string
  /** The dataset's location. */
  location: string
  /** Makes the names of this self-test's resources unique. */
  id: string
  signal: AbortSignal
}

/** A behavior that can be observed without doing harm, for at most a few cents. */
export interface Behavior {
  /** Stable: reports from different days are compared by it. */
  id: string
  title: string
  /** Deletes what it creates, also when it fails. */
  observe(context: ProbeContext): Promise<Observation>
}

export function asExpected(detail: string): Observation {
  return { outcome: 'as_expected', detail }
}

export function different(detail: string): Observation {
  return { outcome: 'different', detail }
}

export function notObserved(detail: string): Observation {
  return { outcome: 'not_observed', detail }
}

/** Returns the status of a failed call, or `OK` for one that succeeded. */
export async function statusOf(call: Promise<unknown>): Promise<string> {
  return call.then(
    () => 'OK',
    (error: unknown) => (error as { status?: unknown }).status?.toString() ?? String(error),
  )
}

/** Expects a call to end with one of some statuses. */
export async function expectStatus(call: Promise<unknown>, what: string, ...expected: string[]): Promise<Observation> {
  const status = await statusOf(call)
  const seen = `${what}: ${status}`
  return expected.includes(status) ? asExpected(seen) : different(`${seen}; expected ${expected.join(' or ')}`)
}

/**
 * Repeats a look until it returns something.
 *
 * @returns what was seen and after how many seconds; undefined when it was never seen
 */
export async function waitUntil<Seen>(
  look: () => Promise<Seen | undefined>,
  options: { timeoutMs: number; pauseMs: number; signal: AbortSignal },
): Promise<{ seen: Seen; seconds: number } | undefined> {
  const startedMs = performance.now()
  for (;;) {
    options.signal.throwIfAborted()
    const seen = await look()
    const elapsedMs = performance.now() - startedMs
    if (seen !== undefined) return { seen, seconds: Math.round(elapsedMs / 100) / 10 }
    if (elapsedMs >= options.timeoutMs) return undefined
    await new Promise((resolve) => setTimeout(resolve, options.pauseMs))
  }
}
