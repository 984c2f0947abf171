import type { RunStop } from '../contracts/run-controls.ts'
import type { RunSpec } from '../contracts/run-spec.ts'
import { CloudError } from '../google/transport/errors.ts'
import { within, type Clock } from './clock.ts'

/** The run was stopped before its end, and no resume has let it go on. */
export class RunStopped extends Error {
  override readonly name = 'RunStopped'

  constructor(runId: string, { message }: Pick<RunStop, 'message'>) {
    super(`run ${runId} is stopped: ${message}`)
  }
}

/** For this long, a run that was not stopped starts calls without another look. */
const FRESH_MS = 3_000

/** Time limit for a look, which delays the tasks that arrive meanwhile; a slower bucket does not stop a run. */
const LOOK_MS = 2_000

interface Look {
  stop: Promise<RunStop | undefined>
  sinceMs: number
}

/**
 * Which runs are stopped. A run is looked up again every few seconds, and a stopped one every time, so that it goes on
 * as soon as it is resumed. Concurrent tasks of a run share one look.
 */
export class RunStops {
  readonly #read: (spec: Pick<RunSpec, 'run_id' | 'place'>) => Promise<RunStop | undefined>
  readonly #clock: Clock
  readonly #looks = new Map<string, Look>()

  constructor(options: {
    read: (spec: Pick<RunSpec, 'run_id' | 'place'>) => Promise<RunStop | undefined>
    clock: Clock
  }) {
    this.#read = options.read
    this.#clock = options.clock
  }

  /** Rejects with RunStopped if the run was stopped, at most a few seconds late. */
  async check(spec: Pick<RunSpec, 'run_id' | 'place'>): Promise<void> {
    const stop = await this.#latest(spec)
    if (stop) throw new RunStopped(spec.run_id, stop)
  }

  /** The same, with a new look. Rejects with CloudError if the bucket does not respond. */
  async checkNow(spec: Pick<RunSpec, 'run_id' | 'place'>): Promise<void> {
    this.forget(spec.run_id)
    const stop = await this.#read(spec)
    if (!stop) return
    // A look that began meanwhile may have come before the stop.
    this.forget(spec.run_id)
    throw new RunStopped(spec.run_id, stop)
  }

  forget(runId: string): void {
    this.#looks.delete(runId)
  }

  #latest(spec: Pick<RunSpec, 'run_id' | 'place'>): Promise<RunStop | undefined> {
    const { run_id: runId } = spec
    const known = this.#looks.get(runId)
    if (known && this.#clock.now() - known.sinceMs < FRESH_MS) return known.stop
    const look: Look = { stop: this.#look(spec), sinceMs: this.#clock.now() }
    this.#looks.set(runId, look)
    const forgetIf = (isUseless: boolean): void => {
      if (isUseless && this.#looks.get(runId) === look) this.#looks.delete(runId)
    }
    look.stop.then(
      (stop) => forgetIf(stop !== undefined),
      () => forgetIf(true),
    )
    return look.stop
  }

  /** A bucket that does not answer stops no run: the queues are paused too. */
  async #look(spec: Pick<RunSpec, 'run_id' | 'place'>): Promise<RunStop | undefined> {
    const slow = (): Error => new CloudError('DEADLINE_EXCEEDED', `no response within ${LOOK_MS / 1_000} s`)
    return within(this.#clock, LOOK_MS, this.#read(spec), slow).catch((error: unknown) => {
      if (error instanceof CloudError) return undefined
      throw error
    })
  }
}
