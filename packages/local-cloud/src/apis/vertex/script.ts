import { parse } from 'yaml'
import * as z from 'zod'

const share = z.number().min(0).max(1)

/** The chance of each outcome. Drawn from the seed, the unit and the number of the call for it, never from the order of arrival. */
const shares = z
  .strictObject({
    /** RESOURCE_EXHAUSTED with Retry-After. */
    429: share.optional(),
    /** INTERNAL, after the latency. */
    500: share.optional(),
    /** UNAVAILABLE. */
    503: share.optional(),
    /** Never an answer. */
    hang: share.optional(),
    /** The image cannot be decoded. Per unit, because a retry does not help. */
    unreadable: share.optional(),
    /** A safety block. Also per unit. */
    block: share.optional(),
    /** Truncated at the output limit. A larger limit helps; a retry does not. */
    truncate: share.optional(),
    /** JSON with a code fence, a trailing comma, a comment or single quotes. */
    malformed: share.optional(),
    /** Valid JSON that breaks the schema. */
    schema: share.optional(),
    /** Finish reason OTHER, without a text. */
    other: share.optional(),
  })
  .superRefine((chosen, context) => {
    for (const group of [CALL_FATES, UNIT_FATES, ANSWER_FATES]) {
      const sum = group.reduce((total, name) => total + (chosen[name] ?? 0), 0)
      if (sum > 1 + 1e-9)
        context.addIssue({ code: 'custom', message: `the shares ${group.join(', ')} add up to more than 1` })
    }
  })

/** Outcomes of a call, independent of its request. */
export const CALL_FATES = ['429', '500', '503', 'hang'] as const
/** Outcomes of every call for a unit. */
export const UNIT_FATES = ['unreadable', 'block'] as const
/** Faults of an answer. */
export const ANSWER_FATES = ['truncate', 'malformed', 'schema', 'other'] as const

const perSecond = z.number().positive()

/** A number, or the median and the 99th percentile of a log-normal distribution. */
const latency = z.union([
  z.number().nonnegative(),
  z.strictObject({ p50: z.number().positive(), p99: z.number().positive() }).refine(({ p50, p99 }) => p99 >= p50, {
    message: 'p99 is below p50',
  }),
])

/** Replaces whole keys of the script for calls about images whose URI matches. */
const imageCase = z.strictObject({
  /** `*` stands for any run of characters. */
  images: z.string().min(1),
  latency_ms: latency.exactOptional(),
  shares: shares.exactOptional(),
  answer: z.json().exactOptional(),
})

const script = z.strictObject({
  seed: z.int().default(1),
  latency_ms: latency.default(0),
  shares: shares.default({}),
  /** The first case that matches an image of the call applies. */
  cases: z.array(imageCase).default([]),
  /** Concurrent calls above this number get 429. */
  concurrency: z.int().positive().optional(),
  /** Calls per second above this number get 429. A list changes the number over time after the first call. */
  rate: z
    .union([perSecond, z.array(z.strictObject({ after_s: z.number().nonnegative(), per_second: perSecond })).min(1)])
    .optional(),
  retry_after_s: z.int().positive().default(1),
  /** Thinking tokens at the model's default; a request's thinking level or budget lowers them. */
  thought_tokens: z.int().nonnegative().default(0),
  /** Replaces the generated answer: a text is returned unchanged, other values as JSON. `{{unit}}`, `{{images}}` and `{{call}}` are replaced. */
  answer: z.json().optional(),
})

export type Script = z.output<typeof script>
export type Shares = Script['shares']

/** Reads a scripted model from YAML. Throws ZodError or YAMLParseError. */
export function parseScript(text: string): Script {
  return script.parse(parse(text) ?? {})
}
