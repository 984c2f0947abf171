/** The share of refused calls above which the rate goes down. */
const MOST_REFUSED = 0.02

/** The new rate is this share of what was accepted, so that a limit that was exceeded can recover. */
const BELOW_ACCEPTED = 0.95

/**
 * The rate does not go below this share of the most that one of the last rounds had accepted, unless very many calls are refused:
 * shared capacity refuses some calls at any rate, and a rate that went down with each of them would come to nothing.
 */
const BELOW_MOST = 0.9
const ROUNDS_KEPT = 10
const VERY_MANY = 0.3

/** One round lowers the rate at most to this share, because one bad round can be an exception. */
const STEEPEST = 0.25

/** Calls a second: one every ten seconds finds out when there is capacity again. */
const SLOWEST = 0.1

/**
 * What a round without refusals adds, in calls per second: this many times the root of the rate, at most a share of the
 * rate. Less than in proportion, so that of several instances the slower ones catch up.
 */
const STEP = 0.3
const LARGEST_STEP = 0.05

/**
 * After this many rounds without refusals, each one adds this many times as much as the one before, until it doubles the
 * rate. At a low rate a round takes seconds, and the calls that wait in one instance cannot go to another one.
 */
const PATIENT_ROUNDS = 4
const IMPATIENCE = 4

/**
 * After this many rounds that have added nothing, one tries this many times as much, refusals or not. Refusals that do not
 * become fewer with a lower rate are not due to it, so that many more calls are tried too.
 */
const ROUNDS_UNTIL_TRIED = 10
const TRIED = 1.15

/**
 * The rate goes up only if this share of it was used. Tasks that come in bursts wait for a moment even if there are few of
 * them, and a rate that they raise would let the next burst through at once.
 */
const USED = 0.7

/** A share of refusals that only an outage has. When it is over, each round without refusals doubles the rate. */
export const OUTAGE = 0.9

/** What a round of calls has shown. */
export interface Round {
  /** The share of calls that were refused, 0 to 1. */
  refused: number
  usedPerSecond: number
  /** Whether calls had to wait for the rate. If not, more of it would say nothing. */
  isUsedUp: boolean
}

/** Additive increase, multiplicative decrease of a rate of calls, from the share of refused ones. */
export class RateSteps {
  #perSecond: number | null = null
  /** What the last rounds had accepted, in calls per second. */
  #accepted: number[] = []
  #cleanRounds = 0
  #roundsWithoutMore = 0
  #isOutage = false

  /** Null before the first refusals. */
  get perSecond(): number | null {
    return this.#perSecond
  }

  /** Returns whether the rate went down. */
  step(round: Round): boolean {
    const { refused, usedPerSecond } = round
    const perSecond = this.#perSecond
    const isUsedUp = round.isUsedUp && usedPerSecond >= USED * (perSecond ?? 0)
    this.#accepted = [...this.#accepted.slice(1 - ROUNDS_KEPT), usedPerSecond * (1 - refused)]
    this.#roundsWithoutMore += 1
    const isTryDue = isUsedUp && this.#roundsWithoutMore >= ROUNDS_UNTIL_TRIED && refused < VERY_MANY
    if (refused > 0) this.#isOutage = refused >= OUTAGE
    if (refused > MOST_REFUSED && (perSecond === null || !isTryDue)) {
      this.#lower(round)
      return true
    }
    if (perSecond === null || !isUsedUp) return false
    if (refused <= MOST_REFUSED / 2) this.#raise(perSecond)
    else if (isTryDue) {
      this.#roundsWithoutMore = 0
      this.#cleanRounds = 0
      this.#perSecond = (perSecond * TRIED) / (1 - refused)
    }
    return false
  }

  #lower({ refused, usedPerSecond }: Round): void {
    this.#cleanRounds = 0
    const used = Math.min(this.#perSecond ?? usedPerSecond, usedPerSecond)
    if (refused > VERY_MANY) this.#accepted = []
    const least = Math.max(SLOWEST, Math.max(0, ...this.#accepted) * BELOW_MOST)
    const lower = used * Math.max(STEEPEST, (1 - refused) * BELOW_ACCEPTED)
    this.#perSecond = Math.min(this.#perSecond ?? Number.POSITIVE_INFINITY, Math.max(least, lower))
  }

  #raise(perSecond: number): void {
    this.#cleanRounds += 1
    this.#roundsWithoutMore = 0
    const step = Math.min(STEP * Math.sqrt(perSecond), perSecond * LARGEST_STEP)
    const isImpatient = this.#cleanRounds > PATIENT_ROUNDS
    const more = isImpatient ? step * IMPATIENCE ** (this.#cleanRounds - PATIENT_ROUNDS) : step
    this.#perSecond = perSecond + (this.#isOutage ? perSecond : Math.min(more, perSecond))
  }
}
