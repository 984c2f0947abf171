import { Capacity } from '@imagery/local-cloud/internal/apis/vertex/capacity'
import { randomFrom } from '@imagery/local-cloud/internal/apis/vertex/random'
import { REQUESTS_PER_INSTANCE_AIMED_AT } from '../../src/contracts/concurrency.ts'
import type { RunPacing } from '../../src/contracts/run-pacing.ts'
import { Budget } from '../../src/runtime/budget.ts'
import { paced, PACE_MS } from '../../src/runtime/heartbeat/queue-pace.ts'
import { Pacing } from '../../src/runtime/limits/pacing.ts'
import { VirtualTime } from './virtual-time.ts'

/** How long a refusal takes, and when a refused task is delivered again at the earliest (`Retry-After`). */
const REFUSAL_MS = 50
const RETRY_MS = 1_000

/** How long after a change of the limit a run counts as settled. */
export const SETTLING_SECONDS = 15

export interface SimulatedModel {
  /** The hidden limit, and how long each value holds. */
  phases: readonly { perSecond: number; seconds: number }[]
  /** The middle of an answer's latency; answers take 0.7 to 1.3 times as long. */
  latencyMs: number
  /** The share of calls that are refused whatever the rate. */
  refusedAnyway?: number
}

export interface SimulatedRun {
  seed: number
  /** `--concurrency` of the run. */
  calls: number
  tasks: number
  /** How much later each further instance starts. */
  startsEverySeconds?: number
}

/** What became of the calls of one phase. */
export interface PhaseFigures {
  perSecond: number
  accepted: number
  ideal: number
  /** Calls and refusals once the run has settled. */
  settled: { calls: number; refused: number }
  /** Accepted calls of each instance once the run has settled. */
  byInstance: number[]
}

export interface Simulated {
  phases: PhaseFigures[]
  /** Accepted calls, relative to what the hidden limit allows. */
  throughput: number
  calls: number
  refused: number
}

/**
 * A run on a model with a hidden, moving limit, in virtual time: the runtime's own pacing in each instance, and that of the
 * queue by heartbeats. The hidden limit is that of the local cloud's scripted model. There is always another task.
 */
export async function simulatePacing(
  model: SimulatedModel,
  { seed, calls, tasks, startsEverySeconds = 0 }: SimulatedRun,
): Promise<Simulated> {
  const time = new VirtualTime()
  const random = randomFrom(seed, 'pacing')
  const count = Math.ceil(tasks / REQUESTS_PER_INSTANCE_AIMED_AT)
  let startMs = 0
  const phases = model.phases.map(({ perSecond, seconds }) => {
    const phase = {
      perSecond,
      fromMs: startMs,
      accepted: 0,
      ideal: 0,
      settled: { calls: 0, refused: 0 },
      byInstance: Array.from({ length: count }, () => 0),
    }
    startMs += seconds * 1_000
    return { ...phase, ideal: perSecond * seconds }
  })
  const endMs = startMs
  const steps = phases.map(({ perSecond, fromMs }) => ({ after_s: fromMs / 1_000, per_second: perSecond }))
  const capacity = new Capacity({ rate: steps }, time)
  const { signal } = new AbortController()
  const instances = Array.from({ length: count }, (_, index) => ({
    index,
    pacing: new Pacing(time),
    budget: new Budget(Math.max(1, Math.floor(calls / count))),
    tasks: 0,
  }))
  const total = { calls: 0, refused: 0 }

  const ask = async (instance: number): Promise<void> => {
    const nowMs = time.now()
    const phase = phases.findLast(({ fromMs }) => fromMs <= nowMs)!
    const isSettled = nowMs - phase.fromMs >= SETTLING_SECONDS * 1_000
    const isAccepted = random() >= (model.refusedAnyway ?? 0) && capacity.enter()
    total.calls += 1
    if (isSettled) phase.settled.calls += 1
    await new Promise<void>((resolve) =>
      time.after(isAccepted ? model.latencyMs * (0.7 + 0.6 * random()) : REFUSAL_MS, resolve),
    )
    if (isAccepted) {
      phase.accepted += 1
      if (isSettled) phase.byInstance[instance]! += 1
      return capacity.leave()
    }
    total.refused += 1
    if (isSettled) phase.settled.refused += 1
    throw new Error('429')
  }

  let limits = { maxConcurrent: tasks, maxPerSecond: 500 }
  let inFlight = 0
  let nextMs = 0
  let isPlanned = false
  /** Cloud Tasks: as many tasks as the queue's limits allow, each to the instance with the fewest. */
  const dispatch = (): void => {
    for (
      ;
      inFlight < limits.maxConcurrent && time.now() >= nextMs;
      nextMs = Math.max(nextMs, time.now()) + 1_000 / limits.maxPerSecond
    ) {
      const started = instances.filter(({ index }) => time.now() >= index * startsEverySeconds * 1_000)
      const instance = started.reduce((least, one) => (one.tasks < least.tasks ? one : least))
      inFlight += 1
      instance.tasks += 1
      const call = instance.budget.spend(1, signal, () =>
        instance.pacing.make(
          signal,
          () => ask(instance.index),
          () => ({ retryAfterMs: RETRY_MS }),
        ),
      )
      const isDone = (): void => {
        inFlight -= 1
        instance.tasks -= 1
        dispatch()
      }
      call.then(isDone, isDone)
    }
    if (isPlanned || inFlight >= limits.maxConcurrent) return
    isPlanned = true
    time.after(nextMs - time.now(), () => {
      isPlanned = false
      dispatch()
    })
  }
  let pacing: RunPacing | null = null
  const beat = (): void => {
    const reached = instances[Math.floor(random() * count)]!
    const figures = reached.pacing.figures(PACE_MS)
    const after = paced(pacing, { figures, limits, queues: 1, nowMs: time.now() })
    pacing = after.pacing
    limits = after.limits ?? limits
    time.after(PACE_MS, beat)
    dispatch()
  }
  time.after(PACE_MS, beat)
  dispatch()
  await time.passUntil(endMs)
  const accepted = phases.reduce((sum, phase) => sum + phase.accepted, 0)
  const ideal = phases.reduce((sum, phase) => sum + phase.ideal, 0)
  return { phases, throughput: accepted / ideal, ...total }
}

/** The share of calls that were refused once a run had settled. */
export function refusedSettled({ phases }: Pick<Simulated, 'phases'>): number {
  const sum = (name: 'calls' | 'refused'): number => phases.reduce((total, { settled }) => total + settled[name], 0)
  return sum('refused') / sum('calls')
}

/** What the slowest instance has answered in the last phase, relative to an even share: 1 if all answered as much. */
export function slowestShare({ phases }: Pick<Simulated, 'phases'>): number {
  const { byInstance } = phases.at(-1)!
  return (Math.min(...byInstance) * byInstance.length) / byInstance.reduce((sum, one) => sum + one, 0)
}
