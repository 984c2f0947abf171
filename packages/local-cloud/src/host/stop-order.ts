/** The phases of stopping a local cloud, in order. Starting uses the reverse order. */
const PHASES = [
  /** No new work is sent, and sent work has ended: a model call that is cut off is billed and repeated. */
  'deliveries',
  /** New clients no longer find the cloud. */
  'locator',
  /** Cloud Tasks, Pub/Sub. */
  'dispatchers',
  /** Programs end while the APIs that they need for a clean exit still run. */
  'services',
  /** Calls are no longer accepted. */
  'listeners',
  /** State that callers needed until now: BigQuery, Storage. */
  'stores',
  'identity',
  /** The folder is released last, so that the next process finds every store closed. */
  'folder',
] as const

export type StopPhase = (typeof PHASES)[number]

/** Collects everything that was started, to stop it in order, even after a failed start. */
export interface StopOrder {
  add(phase: StopPhase, stop: () => unknown): void
  /**
   * Stops everything, the newest of a phase first. Continues after an error and rejects with all errors at the
   * end.
   *
   * @param onPhase called at the start of each phase
   */
  run(onPhase?: (phase: StopPhase) => void): Promise<void>
}

export function createStopOrder(): StopOrder {
  const stops = new Map<StopPhase, (() => unknown)[]>(PHASES.map((phase) => [phase, []]))
  return {
    add: (phase, stop) => stops.get(phase)?.unshift(stop),
    async run(onPhase = () => undefined) {
      const failures: unknown[] = []
      for (const phase of PHASES) {
        onPhase(phase)
        for (const stop of stops.get(phase)?.splice(0) ?? []) {
          try {
            await stop()
          } catch (error) {
            failures.push(error)
          }
        }
      }
      if (failures.length === 1) throw failures[0]
      if (failures.length > 1)
        throw new AggregateError(failures, `stopping the local cloud: ${failures.map(String).join('; ')}`)
    },
  }
}

/** What a stopping cloud waits for, for display. */
export const WAITS_FOR: Partial<Record<StopPhase, string>> = {
  deliveries: 'calls in progress',
  dispatchers: 'deliveries of Cloud Tasks and Pub/Sub',
  services: 'programs and builds of Cloud Run',
  listeners: 'open calls',
  stores: 'its stores',
}
