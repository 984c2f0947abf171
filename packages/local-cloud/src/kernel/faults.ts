import * as z from 'zod'
import { STATUS_CODES, type GoogleStatus } from './errors.ts'
import { methodMatcher } from './method-glob.ts'

const statusNames = Object.keys(STATUS_CODES) as [GoogleStatus, ...GoogleStatus[]]

const effectSchema = z.discriminatedUnion('kind', [
  /** The call is refused with this status and has no effect. */
  z.strictObject({
    kind: z.literal('error'),
    status: z.enum(statusNames),
    message: z.string().optional(),
    /**
     * The machine-readable reason: of the older JSON APIs (`quotaExceeded`, `required`), or in capitals of
     * google.rpc.ErrorInfo (`SECURITY_POLICY_VIOLATED`).
     */
    reason: z.string().min(1).optional(),
    retryAfterS: z.number().nonnegative().optional(),
  }),
  /** The call succeeds after this delay. */
  z.strictObject({ kind: z.literal('delay'), delayMs: z.number().nonnegative() }),
  /** The connection breaks before the call has an effect (gRPC clients see UNAVAILABLE). */
  z.strictObject({ kind: z.literal('drop') }),
  /** The call has its effect, then the connection breaks: the caller cannot know the outcome. */
  z.strictObject({ kind: z.literal('lose-answer') }),
  /** The call arrives twice; the caller gets the first response. */
  z.strictObject({ kind: z.literal('duplicate') }),
])

const ruleSchema = z
  .strictObject({
    /**
     * Pattern of method names; `*` is any run of characters. Deliveries are named `deliver/<host><path>`, long-running
     * operations after the method that started them: `operation/serviceusage.services.enable`.
     */
    method: z.string().min(1),
    /** Only the nth matching call, counted from 1. */
    nth: z.int().positive().optional(),
    /** Every nth matching call. */
    every: z.int().positive().optional(),
    /** This share of the matching calls, chosen by a generator with this `seed`. */
    share: z.number().gt(0).max(1).optional(),
    seed: z.int().default(1),
    /** Maximum number of effects. */
    times: z.int().positive().optional(),
    effect: effectSchema,
  })
  .refine((rule) => [rule.nth, rule.every, rule.share].filter((choice) => choice !== undefined).length <= 1, {
    message: 'a rule can have only one of nth, every and share',
  })

/** The list of scripted faults, from a file or the admin endpoint. */
export const faultRulesSchema = z.array(ruleSchema)

export type FaultRule = z.input<typeof ruleSchema>
export type FaultEffect = z.output<typeof effectSchema>

/** A rule and its counts so far. */
export interface FaultState {
  rule: z.output<typeof ruleSchema>
  /** Calls whose method matched. */
  matched: number
  /** Calls that got the effect. */
  applied: number
}

export interface Faults {
  /** Counts a call of `method` and returns its effects, in the order of the rules. */
  take(method: string): FaultEffect[]
  /** Replaces the whole list and starts counting again. Throws ZodError when a rule is not valid. */
  replace(rules: unknown): void
  state(): FaultState[]
}

interface ArmedRule extends FaultState {
  matches(method: string): boolean
  random(): number
}

const NO_EFFECTS: FaultEffect[] = []

/** Scripted faults: the same rules and the same calls give the same faults. */
export function createFaults(rules: unknown = []): Faults {
  let armed = arm(rules)
  return {
    take(method) {
      if (armed.length === 0) return NO_EFFECTS
      return armed.filter((rule) => rule.matches(method) && isHit(rule)).map(({ rule }) => rule.effect)
    },
    replace(next) {
      armed = arm(next)
    },
    state: () => armed.map(({ rule, matched, applied }) => ({ rule, matched, applied })),
  }
}

function arm(rules: unknown): ArmedRule[] {
  return faultRulesSchema.parse(rules).map((rule) => ({
    rule,
    matched: 0,
    applied: 0,
    matches: methodMatcher(rule.method),
    random: seededRandom(rule.seed),
  }))
}

function isHit(armed: ArmedRule): boolean {
  const { nth, every, share, times } = armed.rule
  armed.matched += 1
  // Drawn for every matching call, so that the choice of calls does not depend on `times`.
  const isChosen =
    share !== undefined
      ? armed.random() < share
      : nth !== undefined
        ? armed.matched === nth
        : armed.matched % (every ?? 1) === 0
  if (!isChosen || (times !== undefined && armed.applied >= times)) return false
  armed.applied += 1
  return true
}

/** Mulberry32: a small generator whose sequence depends on the seed alone. */
function seededRandom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d_2b_79_f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
