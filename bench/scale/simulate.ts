/** What limits a run, with the figures of a run and of Google's quotas. */
export interface SimulatedRun {
  units: number
  /** From the dispatch of a task to its row. */
  secondsPerUnit: number
  tokensPerUnit: number
  /** Tasks that populate creates per second. */
  createdPerSecond: number
  /** Of all of the run's queues together. */
  dispatchedPerSecond: number
  callsAtOnce: number
  /** Of the organization; undefined for no limit. */
  tokensPerMinute?: number | undefined
}

export type Bound = 'calls at once' | 'queue' | 'tokens' | 'creation'

export interface Simulated {
  seconds: number
  /** What held the run back for most of its time. */
  boundBy: Bound
  /** The most calls in progress at a time. */
  mostAtOnce: number
  /** Units that are done after some seconds, for what reads the ledger meanwhile. */
  doneAt: (second: number) => number
}

const STEP_SECONDS = 0.25

/**
 * Runs a run in steps of a quarter of a second: populate creates tasks, the queues dispatch them within their rate, calls take
 * their time within the number at once, and tokens are there as the organization's tier refills them, up to a minute's.
 * Deterministic: units are alike, and every rate is steady. Where nothing changes from one call's time to the next, the
 * simulation goes on at once to where something does.
 */
export function simulate(run: SimulatedRun): Simulated {
  const { units, tokensPerUnit, tokensPerMinute = Number.POSITIVE_INFINITY } = run
  const steps = Math.max(1, Math.round(run.secondsPerUnit / STEP_SECONDS))
  const inProgress = new Float64Array(steps)
  const held: Record<Bound, number> = { 'calls at once': 0, queue: 0, tokens: 0, creation: 0 }
  const created = { perStep: run.createdPerSecond * STEP_SECONDS, sum: 0 }
  const dispatched = run.dispatchedPerSecond * STEP_SECONDS
  const refill = (tokensPerMinute / 60) * STEP_SECONDS
  const marks: Mark[] = []
  let [waiting, calls, done, tokens, step, mostAtOnce] = [0, 0, 0, tokensPerMinute, 0, 0]
  let period: Period = { started: 0, tokens: Number.NaN, bound: 'creation' }
  let startedInPeriod = 0
  for (; done < units - UNIT_LEFT; step += 1) {
    const slot = step % steps
    done += inProgress[slot]!
    calls -= inProgress[slot]!
    const fresh = Math.min(created.perStep, units - created.sum)
    created.sum += fresh
    waiting += fresh
    tokens = Math.min(tokensPerMinute, tokens + refill)
    const limits: [Bound, number][] = [
      ['creation', waiting],
      ['queue', dispatched],
      ['calls at once', Math.max(0, run.callsAtOnce - calls)],
      ['tokens', tokens / tokensPerUnit],
    ]
    const [bound, started] = limits.reduce((least, limit) => (limit[1] < least[1] ? limit : least))
    inProgress[slot] = started
    waiting -= started
    calls += started
    tokens -= started * tokensPerUnit
    mostAtOnce = Math.max(mostAtOnce, calls)
    startedInPeriod += started
    if (waiting > 0 || created.sum < units) held[bound] += 1
    if (slot < steps - 1) continue
    marks.push({ second: step * STEP_SECONDS, done })
    const now: Period = { started: startedInPeriod, tokens, bound }
    startedInPeriod = 0
    const isSteady = Math.abs(now.started - period.started) < 1e-6 && !(Math.abs(now.tokens - period.tokens) > 1)
    period = now
    const periods = isSteady && bound !== 'creation' ? steadyPeriods(now.started) : 0
    if (periods === 0) continue
    step += periods * steps
    done += periods * now.started
    waiting += periods * (freshIn() - now.started)
    created.sum += periods * freshIn()
    held[bound] += periods * steps
    marks.push({ second: step * STEP_SECONDS, done })
  }
  /** The tasks that are created in the time of one call, while there are any left. */
  function freshIn(): number {
    return created.sum < units ? created.perStep * steps : 0
  }
  /** How often the same can happen again before the tasks that are left or waiting are too few for it. */
  function steadyPeriods(started: number): number {
    const fresh = freshIn()
    const untilCreated = fresh > 0 ? (units - created.sum) / fresh : Number.POSITIVE_INFINITY
    const untilNoneWaits = fresh < started ? waiting / (started - fresh) : Number.POSITIVE_INFINITY
    return Math.max(0, Math.floor(Math.min(untilCreated, untilNoneWaits)) - 2)
  }
  const boundBy = (Object.entries(held) as [Bound, number][]).reduce((longest, other) =>
    other[1] > longest[1] ? other : longest,
  )[0]
  return { seconds: step * STEP_SECONDS, boundBy, mostAtOnce, doneAt: (second) => doneAt(marks, second) }
}

/** Sums of many fractions end this far from a whole number. */
const UNIT_LEFT = 1e-3

/** What happened in the time of one call. */
interface Period {
  started: number
  tokens: number
  bound: Bound
}

interface Mark {
  second: number
  done: number
}

function doneAt(marks: readonly Mark[], second: number): number {
  const after = marks.findIndex((mark) => mark.second >= second)
  const [from, to] = [marks[after - 1], marks[after]]
  if (!to) return marks.at(-1)?.done ?? 0
  if (!from) return 0
  return from.done + ((second - from.second) / (to.second - from.second)) * (to.done - from.done)
}
