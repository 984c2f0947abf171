import type { RunBudget } from '../../contracts/run-budget.ts'

/**
 * How long a lease lasts. An instance renews it halfway while it works. One that dies, or that Cloud Run gives no CPU
 * because it has no request (https://cloud.google.com/run/docs/configuring/billing-settings), stops using it by then.
 */
export const LEASE_MS = 120_000

/**
 * Added to an attempt's own time until an expired lease is free for others: the rows of its last calls must be in the
 * ledger and visible, and clocks differ.
 */
const FREED_AFTER_MS = 60_000

/** What one instance does with its lease, in billionths of a dollar. */
export interface Share {
  id: string
  /** Cost of calls whose rows are in the ledger, since the last change of the budget. */
  recorded: number
  /** Cost of calls that have ended, the recorded ones included. */
  charged: number
  /** Set aside for calls in progress. */
  reserved: number
}

/** What an instance asks for. */
export interface Wish {
  /** For one call. */
  call: number
  /** Whether less than that would do, because nothing is known about the cost of a call. */
  isGuess: boolean
  /** Calls that wait for money. */
  waiting: number
}

export interface Shared {
  budget: RunBudget
  /** `granted`: at least one call can start. `wait`: calls in progress may leave enough. `spent`: no call will ever fit. */
  outcome: 'granted' | 'wait' | 'spent'
}

/**
 * Returns the budget (the same object if nothing changes) after an instance has reported what it spent and has taken what it needs, or has given back what it
 * does not (`wish` undefined). Never grants more than the cap leaves.
 *
 * An update of one object more than once a second is throttled (https://cloud.google.com/storage/quotas), so an
 * instance takes half of its fair part of what is left, and only near the cap as little as its waiting calls need.
 */
export function share(
  before: RunBudget,
  mine: Share,
  wish: Wish | undefined,
  { cap, nowMs }: { cap: number; nowMs: number },
): Shared {
  const { [mine.id]: own, ...others } = before.leases
  const spent = before.spent_nanousd + mine.recorded
  const inUse = mine.charged - mine.recorded + mine.reserved
  let held = Math.max(0, (own?.held_nanousd ?? 0) - mine.recorded)
  const othersHeld = Object.values(others).reduce((sum, { held_nanousd }) => sum + held_nanousd, 0)
  const free = cap - spent - othersHeld - held
  const unused = held - inUse
  let outcome: Shared['outcome'] = 'granted'
  if (wish === undefined) {
    held -= Math.max(0, unused)
  } else {
    const needed = wish.call - unused
    const fits = needed <= free || (wish.isGuess && mine.reserved === 0 && free + unused > 0)
    if (fits) {
      const fairPart = Math.floor(Math.max(0, free) / (2 * (Object.keys(others).length + 1)))
      const wanted = wish.waiting * wish.call - unused
      const more = wanted > 0 ? Math.max(needed, wanted, fairPart) : 0
      // A cap that was lowered can leave less than nothing.
      held += free < 0 ? -Math.min(Math.max(0, unused), -free) : Math.min(free, more)
    } else {
      held -= Math.max(0, unused)
      // If everything that is set aside came back unspent, it might still be too little.
      const known = spent + mine.charged - mine.recorded
      const isAnyUse = cap - known >= wish.call || (wish.isGuess && cap > known)
      outcome = isAnyUse && othersHeld + inUse > 0 ? 'wait' : 'spent'
    }
  }
  const isKept =
    outcome !== 'granted' && held === own?.held_nanousd && Date.parse(own.expires_at) - nowMs > LEASE_MS / 2
  if (held === (own?.held_nanousd ?? 0) && mine.recorded === 0 && (held === 0 || isKept))
    return { budget: before, outcome }
  const leases = {
    ...others,
    ...(held > 0 ? { [mine.id]: { held_nanousd: held, expires_at: new Date(nowMs + LEASE_MS).toISOString() } } : {}),
  }
  return { budget: { ...before, spent_nanousd: spent, leases }, outcome }
}

/** The leases of instances that have stopped using them, so that all they spent is in the ledger. */
export function abandonedLeases(budget: RunBudget, own: string, nowMs: number, attemptMs: number): string[] {
  return Object.entries(budget.leases).flatMap(([id, { expires_at }]) =>
    id !== own && Date.parse(expires_at) + attemptMs + FREED_AFTER_MS < nowMs ? [id] : [],
  )
}
