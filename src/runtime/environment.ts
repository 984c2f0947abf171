import { z } from 'zod'
import { FRONT_DOOR_VARIABLE } from '@imagery/local-cloud/contract/front-door'
import type { TokenRules } from '../google/auth/identity-tokens.ts'
import { SEVERITIES } from './log.ts'

const port = z
  .string()
  .regex(/^\d{1,5}$/, 'not a port number')
  .transform(Number)
  .refine((number) => number <= 65_535, 'not a port number')

/** What both services are told by their host. `PORT` and `K_SERVICE` are Cloud Run's own (https://cloud.google.com/run/docs/container-contract#services-env-vars). */
const serviceEnvironment = z.object({
  PORT: port.default(8080),
  IMAGERY_PROJECT: z.string('not set').min(1, 'empty'),
  IMAGERY_REGION: z.string('not set').min(1, 'empty'),
  IMAGERY_BUCKET: z.string('not set').min(3, 'not a bucket name'),
  LOG_LEVEL: z.enum(SEVERITIES).default('INFO'),
  /** The local Cloud Run's own: by it a request shows that the front door has checked it. */
  [FRONT_DOOR_VARIABLE]: z.string().min(32, 'too short').optional(),
})

const url = z.url({ protocol: /^https?$/, error: 'not an http(s) URL' })
/** URLs with commas between, as callers name them: without a slash at the end. */
const urls = z
  .string('not set')
  .transform((list) => list.split(',').map((item) => item.trim().replace(/\/+$/, '')))
  .pipe(z.array(url).min(1))
const account = z.string('not set').regex(/^[^@\s]+@[^@\s]+$/, 'not the e-mail address of a service account')

/**
 * Whether the service checks identity tokens by itself. On Cloud Run it must not: the front door
 * has, and takes the signature off before it hands a token on.
 */
const tokenEnvironment = z.discriminatedUnion(
  'IMAGERY_CHECK_TOKENS',
  [
    z.object({ IMAGERY_CHECK_TOKENS: z.literal('off').default('off'), IMAGERY_TOKEN_AUDIENCES: urls.optional() }),
    z.object({
      IMAGERY_CHECK_TOKENS: z.literal('on'),
      /** The URLs by which this very service is called, with commas between: the audiences of the tokens. */
      IMAGERY_TOKEN_AUDIENCES: urls,
      /** Whose tokens they must be. */
      IMAGERY_INVOKER: account,
    }),
  ],
  'neither on nor off',
)

export const mainEnvironment = serviceEnvironment
  .extend({
    /** Whom runs may ask in Gemini's place (`imagery run --gemini-endpoint`): they are shown the runtime's access token. */
    IMAGERY_MODEL_ORIGINS: urls.transform((list) => list.map((item) => new URL(item).origin)).default([]),
  })
  .and(tokenEnvironment)

export const populateEnvironment = serviceEnvironment
  .extend({
    /** The URL of the main service: where tasks go, and the audience of their identity tokens. */
    IMAGERY_MAIN_URL: url,
    /** The service account that Cloud Tasks calls the main service as. */
    IMAGERY_INVOKER: account,
  })
  .and(tokenEnvironment)

/** What the environment says about callers. */
export type CallerEnvironment = z.output<typeof tokenEnvironment> &
  Pick<z.output<typeof serviceEnvironment>, typeof FRONT_DOOR_VARIABLE>

/** The rules for callers, or undefined when the host checks them. */
export function tokenRules(environment: z.output<typeof tokenEnvironment>): TokenRules | undefined {
  if (environment.IMAGERY_CHECK_TOKENS === 'off') return undefined
  return { audiences: environment.IMAGERY_TOKEN_AUDIENCES, account: environment.IMAGERY_INVOKER }
}

/** Environment variables that are missing or wrong: all of them, one a line. */
export class EnvironmentError extends Error {
  override readonly name = 'EnvironmentError'
  readonly faults: readonly string[]

  constructor(faults: readonly string[]) {
    super(`the environment is not complete:\n${faults.map((fault) => `  ${fault}`).join('\n')}`)
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
