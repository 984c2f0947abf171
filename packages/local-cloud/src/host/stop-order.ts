/** The phases of stopping a local cloud, in their order; starting goes the other way. */
const PHASES = [
  /** No new work is sent out, and what was sent has ended: a call to a model that is cut off is paid for and made again. */
  'deliveries',
  /** Nobody finds it any more. */
  'locator',
  /** Cloud Tasks, Pub/Sub. */
  'dispatchers',
  /** Programs end while the APIs that they need to end well are still there. */
  'services',
  /** Nobody can call any more. */
  'listeners',
  /** State that the callers needed until now: BigQuery, Storage. */
  'stores',
  'identity',
  /** The folder goes last: whoever takes it then finds every store closed. */
  'folder',
] as const

export type StopPhase = (typeof PHASES)[number]

/** Collects what has been started, so that it is stopped in order, also after a start that failed half way. */
export interface StopOrder {
  add(phase: StopPhase, stop: () => unknown): void
  /**
   * Stops everything, the newest of a phase first; goes on after an error and rejects with the errors at the end.
   *
   * @param onPhase called as each phase begins
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

/** What a cloud that is stopping waits for, for those who wait for it. */
export const WAITS_FOR: Partial<Record<StopPhase, string>> = {
  deliveries: 'calls in progress',
  dispatchers: 'deliveries of Cloud Tasks and Pub/Sub',
  services: 'programs and builds of Cloud Run',
  listeners: 'calls under way',
  stores: 'its stores',
}
