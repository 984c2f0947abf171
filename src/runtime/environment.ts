import * as z from 'zod'
import { FRONT_DOOR_VARIABLE } from '@imagery/local-cloud/contract/front-door'
import type { TokenRules } from '../google/auth/identity-tokens.ts'
import { SEVERITIES } from './log.ts'

const port = z
  .string()
  .regex(/^\d{1,5}$/, 'not a port number')
  .transform(Number)
  .refine((number) => number <= 65_535, 'not a port number')

/**
 * The environment variables of both services. `PORT` and `K_SERVICE` are Cloud Run's own
 * (https://cloud.google.com/run/docs/container-contract#services-env-vars).
 */
const serviceEnvironment = z.object({
  PORT: port.default(8080),
  IMAGERY_PROJECT: z.string('not set').min(1, 'empty'),
  IMAGERY_REGION: z.string('not set').min(1, 'empty'),
  IMAGERY_BUCKET: z.string('not set').min(3, 'not a bucket name'),
  LOG_LEVEL: z.enum(SEVERITIES).default('INFO'),
  /** Set by the local Cloud Run: a request with this secret was checked by the front door. */
  [FRONT_DOOR_VARIABLE]: z.string().min(32, 'too short').optional(),
})

const url = z.url({ protocol: /^https?$/, error: 'not an http(s) URL' })
/** Comma-separated URLs as callers use them, without a trailing slash. */
const urls = z
  .string('not set')
  .transform((list) => list.split(',').map((item) => item.trim().replace(/\/+$/, '')))
  .pipe(z.array(url).min(1))
const account = z.string('not set').regex(/^[^@\s]+@[^@\s]+$/, 'not the email address of a service account')

/**
 * Whether the service checks identity tokens itself. On Cloud Run it must not, because the front door
 * has checked them and removes the signature before it forwards a token.
 */
const tokenEnvironment = z.discriminatedUnion(
  'IMAGERY_CHECK_TOKENS',
  [
    z.object({ IMAGERY_CHECK_TOKENS: z.literal('off').default('off'), IMAGERY_TOKEN_AUDIENCES: urls.optional() }),
    z.object({
      IMAGERY_CHECK_TOKENS: z.literal('on'),
      /** The URLs of this service, comma-separated: the audiences of the tokens. */
      IMAGERY_TOKEN_AUDIENCES: urls,
      /** The account that the tokens must belong to. */
      IMAGERY_INVOKER: account,
    }),
  ],
  'must be on or off',
)

export const mainEnvironment = serviceEnvironment
  .extend({
    /** The name of the service (https://cloud.google.com/run/docs/container-contract#services-env-vars). */
    K_SERVICE: z.string().optional(),
    /**
     * Origins that runs may use instead of Gemini (`imagery run --gemini-endpoint`): they receive the runtime's access
     * token.
     */
    IMAGERY_MODEL_ORIGINS: urls.transform((list) => list.map((item) => new URL(item).origin)).default([]),
  })
  .and(tokenEnvironment)

export const populateEnvironment = serviceEnvironment
  .extend({
    /** The URL of the main service: the target of tasks, and the audience of their identity tokens. */
    IMAGERY_MAIN_URL: url,
    /** The service account that Cloud Tasks uses to call the main service. */
    IMAGERY_INVOKER: account,
  })
  .and(tokenEnvironment)

/** The environment variables about callers. */
export type CallerEnvironment = z.output<typeof tokenEnvironment> &
  Pick<z.output<typeof serviceEnvironment>, typeof FRONT_DOOR_VARIABLE>

/** Returns the rules for callers; undefined when the host checks them. */
export function tokenRules(environment: z.output<typeof tokenEnvironment>): TokenRules | undefined {
  if (environment.IMAGERY_CHECK_TOKENS === 'off') return undefined
  return { audiences: environment.IMAGERY_TOKEN_AUDIENCES, account: environment.IMAGERY_INVOKER }
}

/** Reports all missing or invalid environment variables, one per line. */
export class EnvironmentError extends Error {
  override readonly name = 'EnvironmentError'
  readonly faults: readonly string[]

  constructor(faults: readonly string[]) {
    super(`missing or invalid environment variables:\n${faults.map((fault) => `  ${fault}`).join('\n')}`)
    this.faults = faults
  }
}

/**
 * Reads the environment by a schema.
 *
 * @throws EnvironmentError that lists every fault at once
 */
export function readEnvironment<Schema extends z.ZodType>(
  schema: Schema,
  environment: Record<string, string | undefined>,
): z.output<Schema> {
  const parsed = schema.safeParse(environment)
  if (parsed.success) return parsed.data
  throw new EnvironmentError(parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`))
}
