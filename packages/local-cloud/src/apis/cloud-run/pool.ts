import type { CancelTimer, Clock } from '../../kernel/clock.ts'
import type { Instance } from './instance.ts'
import {
  IDLE_INSTANCE_MS,
  PENDING_MIN_MS,
  PENDING_START_TIMES,
  RESTART_BACKOFF_MAX_MS,
  RESTART_BACKOFF_MIN_MS,
  RESTART_HEALTHY_MS,
  TARGET_UTILIZATION,
} from './limits.ts'

/** A request found no instance in time. `isFull`: because the service has its maximum number of instances. */
export class NoInstance extends Error {
  override readonly name = 'NoInstance'
  readonly isFull: boolean

  constructor(isFull: boolean, options?: ErrorOptions) {
    super('The request was aborted because there was no available instance.', options)
    this.isFull = isFull
  }
}

export interface PoolSettings {
  /** Maximum concurrent requests of one instance. */
  concurrency: number
  minInstances: number
  maxInstances: number
}

interface PendingRequest {
  resolve(instance: Instance): void
  reject(error: Error): void
  cancelTimer: CancelTimer
}

/**
 * The instances of one revision. Sends each request to the least busy one, starts more above 60 % of
 * their concurrency, stops those that were idle for 15 minutes, and replaces those that crash
 * (https://cloud.google.com/run/docs/about-instance-autoscaling).
 *
 * Google's autoscaler uses the average over a minute and keeps most instances below 60 %. This one
 * checks at every request, so that a run of a minute behaves like a long one.
 */
export class Pool {
  readonly #launch: () => Instance
  readonly #clock: Clock
  #settings: PoolSettings
  readonly #instances = new Set<Instance>()
  #pending: PendingRequest[] = []
  /** Number of requests with an instance. */
  #active = 0
  #isRetired = false
  #isClosed = false
  #crashes = 0
  #restartAfterMs = 0
  #cancelRestart: CancelTimer | undefined
  #starts = 0
  #startTimeMs = 0
  readonly #idleTimers = new Map<Instance, CancelTimer>()

  constructor(launch: () => Instance, settings: PoolSettings, clock: Clock) {
    this.#launch = launch
    this.#settings = settings
    this.#clock = clock
  }

  get size(): number {
    return this.#instances.size
  }

  /** Changes the limits of a running pool, and starts instances up to the minimum. */
  configure(settings: PoolSettings): void {
    this.#settings = settings
    this.#scale()
  }

  /** Starts one instance and waits for it, as a deployment does. Rejects with StartFailure. */
  async warm(): Promise<void> {
    if (this.#count('ready') > 0) return
    await this.#startOne().ready
  }

  /** Starts the minimum of instances without waiting for them. */
  ensureMinimum(): void {
    this.#scale()
  }

  /**
   * Reserves a slot for one request; return it with `release`. Waits for a free instance and rejects
   * with NoInstance after 10 s (or 3.5 average start times, if that is longer).
   */
  acquire(): Instance | Promise<Instance> {
    const instance = this.#leastBusy()
    if (!instance) return this.#enqueue()
    this.#take(instance)
    if (this.#active > this.#aim * this.size) this.#scale()
    return instance
  }

  /**
   * Ends a request: its slot goes to the longest waiting one. If its connection broke, the process is
   * probably ending, and gets no more requests until a check shows that it still listens.
   */
  release(instance: Instance, isBroken = false): void {
    if (isBroken) this.#suspect(instance)
    if (instance.state === 'ready' && !instance.isSuspect) {
      const next = this.#pending.shift()
      if (next) {
        next.cancelTimer()
        next.resolve(instance)
        return
      }
    }
    instance.activeRequests--
    this.#active--
    if (instance.activeRequests === 0) this.#becameIdle(instance)
  }

  /** Starts no new instances; existing ones end with their requests. */
  retire(): void {
    this.#isRetired = true
    this.#cancelRestart?.()
    for (const instance of this.#instances) {
      if (instance.state === 'ready' && instance.activeRequests === 0) void instance.stop()
    }
  }

  /** Stops all instances (SIGTERM, SIGKILL 10 s later) and resolves when their processes have ended. */
  async stop(): Promise<void> {
    this.#isRetired = true
    this.#isClosed = true
    this.#cancelRestart?.()
    for (const pending of this.#pending.splice(0)) {
      pending.cancelTimer()
      pending.reject(new NoInstance(false))
    }
    await Promise.all([...this.#instances].map((instance) => instance.stop()))
  }

  #take(instance: Instance): void {
    instance.activeRequests++
    this.#active++
  }

  /** Requests per instance above which another instance starts. */
  get #aim(): number {
    return Math.max(1, Math.floor(this.#settings.concurrency * TARGET_UTILIZATION))
  }

  #isStopped(): boolean {
    return this.#isRetired && this.#pending.length === 0
  }

  #count(state: 'starting' | 'ready'): number {
    let count = 0
    for (const instance of this.#instances) if (instance.state === state) count++
    return count
  }

  #leastBusy(): Instance | undefined {
    let best: Instance | undefined
    for (const instance of this.#instances) {
      if (instance.state !== 'ready' || instance.isSuspect) continue
      if (instance.activeRequests >= this.#settings.concurrency) continue
      if (!best || instance.activeRequests < best.activeRequests) best = instance
    }
    return best
  }

  #enqueue(): Promise<Instance> {
    if (this.#isClosed) return Promise.reject(new NoInstance(false))
    return new Promise((resolve, reject) => {
      const averageStartMs = this.#starts === 0 ? 0 : this.#startTimeMs / this.#starts
      const waitMs = Math.max(PENDING_MIN_MS, PENDING_START_TIMES * averageStartMs)
      const pending: PendingRequest = {
        resolve,
        reject,
        cancelTimer: this.#clock.after(waitMs, () => {
          this.#pending = this.#pending.filter((other) => other !== pending)
          reject(new NoInstance(this.#count('ready') >= this.#settings.maxInstances))
        }),
      }
      this.#pending.push(pending)
      this.#scale()
    })
  }

  /** Starts the instances that the minimum and the requests need, within the maximum and the backoff. */
  #scale(): void {
    if (this.#isRetired && this.#pending.length === 0) return
    const { concurrency, minInstances, maxInstances } = this.#settings
    const starting = this.#count('starting')
    const live = starting + this.#count('ready')
    // The check of a suspect instance ends soon and calls this again.
    const undecided = [...this.#instances].filter(({ state, isSuspect }) => state === 'ready' && isSuspect).length
    const forPending = Math.ceil(this.#pending.length / concurrency) - starting - undecided
    const forMinimum = this.#isRetired ? 0 : minInstances - live
    const forAim = this.#isRetired ? 0 : Math.ceil(this.#active / this.#aim) - live
    const wanted = Math.min(Math.max(forPending, forMinimum, forAim), maxInstances - live)
    if (wanted <= 0) return
    const waitMs = this.#restartAfterMs - this.#clock.now()
    if (waitMs > 0) {
      this.#cancelRestart?.()
      this.#cancelRestart = this.#clock.after(waitMs, () => this.#scale())
      return
    }
    for (let started = 0; started < wanted; started++) {
      this.#startOne().ready.catch((error: unknown) => this.#startFailed(error as Error))
    }
  }

  #startOne(): Instance {
    if (this.#isClosed) throw new NoInstance(false)
    const startedMs = this.#clock.now()
    const instance = this.#launch()
    this.#instances.add(instance)
    let readyMs: number | undefined
    instance.ready.then(
      () => {
        readyMs = this.#clock.now()
        this.#starts++
        this.#startTimeMs += readyMs - startedMs
        this.#becameReady(instance)
      },
      () => undefined, // Reported to the caller: a deployment, or the scaling.
    )
    void instance.ended.then(() => {
      this.#instances.delete(instance)
      this.#idleTimers.get(instance)?.()
      this.#idleTimers.delete(instance)
      if (this.#isStopped()) return
      if (instance.wasStopped) this.#scale()
      else this.#crashed(readyMs)
    })
    return instance
  }

  #suspect(instance: Instance): void {
    if (instance.isSuspect) return
    instance.isSuspect = true
    void instance.isListening().then((isListening) => {
      if (!isListening) return // It will end soon and is then handled as a crash.
      instance.isSuspect = false
      this.#becameReady(instance)
      this.#scale()
    })
  }

  #becameReady(instance: Instance): void {
    while (instance.activeRequests < this.#settings.concurrency) {
      const next = this.#pending.shift()
      if (!next) break
      next.cancelTimer()
      this.#take(instance)
      next.resolve(instance)
    }
    if (instance.activeRequests === 0) this.#becameIdle(instance)
  }

  /** No other instance can start for these requests, so they fail now instead of at the end of their wait. */
  #startFailed(error: Error): void {
    if (this.#count('starting') + this.#count('ready') > 0) return
    for (const pending of this.#pending.splice(0)) {
      pending.cancelTimer()
      pending.reject(error)
    }
  }

  #crashed(readyMs: number | undefined): void {
    const nowMs = this.#clock.now()
    if (readyMs !== undefined && nowMs - readyMs >= RESTART_HEALTHY_MS) this.#crashes = 0
    const backOffMs = Math.min(RESTART_BACKOFF_MIN_MS * 2 ** this.#crashes, RESTART_BACKOFF_MAX_MS)
    this.#crashes++
    this.#restartAfterMs = nowMs + backOffMs
    this.#scale()
  }

  #becameIdle(instance: Instance): void {
    instance.idleSinceMs = this.#clock.now()
    if (this.#isRetired) {
      if (instance.state === 'ready') void instance.stop()
    } else if (!this.#idleTimers.has(instance)) this.#watchIdle(instance, IDLE_INSTANCE_MS)
  }

  /** One timer per instance, not per request: it is set again when the instance was used meanwhile. */
  #watchIdle(instance: Instance, waitMs: number): void {
    const timer = this.#clock.after(waitMs, () => {
      this.#idleTimers.delete(instance)
      if (instance.state !== 'ready' || instance.activeRequests > 0) return
      const idleMs = this.#clock.now() - instance.idleSinceMs
      if (idleMs < IDLE_INSTANCE_MS) this.#watchIdle(instance, IDLE_INSTANCE_MS - idleMs)
      else if (this.#count('ready') > this.#settings.minInstances) void instance.stop()
      else this.#watchIdle(instance, IDLE_INSTANCE_MS)
    })
    this.#idleTimers.set(instance, timer)
  }
}
