import { runSpecPath } from '../contracts/names.ts'
import { runSpec, type RunSpec } from '../contracts/run-spec.ts'
import { CloudError } from '../google/transport/errors.ts'
import { runtimeClock, within, type Clock } from './clock.ts'

/** The run's spec is not in the bucket: the run was torn down or never existed. */
export class RunNotFound extends Error {
  override readonly name = 'RunNotFound'

  constructor(runId: string) {
    super(`run ${runId} has no spec: it was torn down, or does not belong to this deployment`)
  }
}

/** Age after which a spec is checked again: a teardown removes it before anything else. */
const FRESH_MS = 3_000

/** Time limit for the check, which delays the tasks that arrive meanwhile; a slower bucket does not stop a run. */
const LOOK_MS = 2_000

interface KnownSpec {
  reading: Promise<RunSpec>
  sinceMs: number
}

/**
 * The run specs that this process read. A spec never changes, but a teardown removes it, and then no
 * task may call a model. So a found spec is checked again every few seconds, and a missing one every
 * time. Concurrent readers of a spec share one read.
 */
export class RunSpecs {
  readonly #read: (gsUri: string) => Promise<Buffer>
  readonly #bucket: string
  readonly #check: (spec: RunSpec) => void
  readonly #capacity: number
  readonly #clock: Clock
  readonly #specs = new Map<string, KnownSpec>()

  /** @param options.check throws when the runtime must not use a spec */
  constructor(options: {
    readObject: (gsUri: string) => Promise<Buffer>
    bucket: string
    check: (spec: RunSpec) => void
    capacity?: number
    clock?: Clock
  }) {
    this.#read = options.readObject
    this.#bucket = options.bucket
    this.#check = options.check
    this.#capacity = options.capacity ?? 64
    this.#clock = options.clock ?? runtimeClock
  }

  /**
   * Returns the spec of a run. Rejects with RunNotFound when there is none, with CloudError when the bucket
   * does not respond, and with what `check` throws.
   *
   * @param runId a valid run id
   */
  get(runId: string): Promise<RunSpec> {
    const sinceMs = this.#clock.now()
    const known = this.#specs.get(runId)
    if (known && sinceMs - known.sinceMs < FRESH_MS) return known.reading
    const reading = known ? this.#lookAgain(runId, known.reading) : this.#load(runId)
    this.#specs.set(runId, { reading, sinceMs })
    reading.catch(() => {
      if (this.#specs.get(runId)?.reading === reading) this.#specs.delete(runId)
    })
    for (const oldest of this.#specs.keys()) {
      if (this.#specs.size <= this.#capacity) break
      this.#specs.delete(oldest)
    }
    return reading
  }

  /** Returns the spec that was read before, unless the bucket says that it no longer exists. */
  async #lookAgain(runId: string, before: Promise<RunSpec>): Promise<RunSpec> {
    const spec = await before
    try {
      const slow = (): Error => new CloudError('DEADLINE_EXCEEDED', `no response within ${LOOK_MS / 1_000} s`)
      await within(this.#clock, LOOK_MS, this.#read(this.#uri(runId)), slow)
    } catch (error) {
      if (!(error instanceof CloudError)) throw error
      if (error.status === 'NOT_FOUND') throw new RunNotFound(runId)
    }
    return spec
  }

  /** Reads the spec from the bucket again. Used when a run's resources are missing. */
  refresh(runId: string): Promise<RunSpec> {
    this.forget(runId)
    return this.get(runId)
  }

  /**
   * Whether `error` means that the run was torn down: it has no spec, or one of its resources is missing
   * and a new read finds no spec.
   */
  async isGone(runId: string, error: unknown): Promise<boolean> {
    if (error instanceof RunNotFound) return true
    if (!(error instanceof CloudError) || error.status !== 'NOT_FOUND') return false
    return this.refresh(runId).then(
      () => false,
      (reason: unknown) => reason instanceof RunNotFound,
    )
  }

  forget(runId: string): void {
    this.#specs.delete(runId)
  }

  async #load(runId: string): Promise<RunSpec> {
    const uri = this.#uri(runId)
    const bytes = await this.#read(uri).catch((error: unknown) => {
      throw error instanceof CloudError && error.status === 'NOT_FOUND' ? new RunNotFound(runId) : error
    })
    const spec = runSpec.parse(JSON.parse(bytes.toString('utf8')))
    if (spec.run_id !== runId) throw new Error(`${uri} is the spec of run ${spec.run_id}`)
    this.#check(spec)
    return spec
  }

  #uri(runId: string): string {
    return `gs://${this.#bucket}/${runSpecPath(runId)}`
  }
}
