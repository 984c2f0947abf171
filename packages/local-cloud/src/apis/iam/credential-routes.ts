import type { Context, Hono } from 'hono'
import type { Identity } from '../identity/index.ts'
import type { Clock } from '../../kernel/clock.ts'
import { GoogleError, notEmulated } from '../../kernel/errors.ts'
import type { Operation } from '../../kernel/gateway.ts'
import { NOTHING } from '../../kernel/needs.ts'
import { accountKey, onAccount } from './permissions.ts'
import { jsonBody, requiredText, textList } from './requests.ts'
import type { AccountServices } from './service-account-routes.ts'

/** "The default is one hour", and no more without an organization policy (https://cloud.google.com/iam/docs/reference/credentials/rest/v1/projects.serviceAccounts/generateAccessToken). */
const LIFETIME_S = 3_600

const ACCOUNTS = '/v1/projects/:project/serviceAccounts'

export type TokenIssuer = Pick<Identity, 'idToken' | 'mintAccessToken' | 'forget'>

/** https://cloud.google.com/iam/docs/reference/credentials/rest/v1/projects.serviceAccounts */
export function credentialRoutes(
  app: Hono,
  operation: Operation,
  services: AccountServices & { tokens: TokenIssuer; clock: Clock },
): void {
  const { accounts, tokens, clock } = services
  /**
   * The account of the requested tokens. "The - wildcard character is required; replacing it with a project ID is
   * invalid."
   */
  const account = (context: Context): string => {
    if (context.req.param('project') !== '-') throw invalid('Request contains an invalid argument: use projects/-.')
    const row = accounts.find(accountKey(context))
    if (!row) {
      throw new GoogleError('NOT_FOUND', `Not found; Gaia id not found for email ${accountKey(context)}`, {
        details: [],
      })
    }
    if (row.isDisabled) throw new GoogleError('FAILED_PRECONDITION', 'Service account is disabled.', { details: [] })
    return row.email
  }

  app.post(
    `${ACCOUNTS}/:account{[^/:]+:generateIdToken}`,
    operation(
      'iamcredentials.generateIdToken',
      async (context) => {
        const body = await jsonBody(context)
        refuseDelegates(body)
        const audience = requiredText(body, 'audience')
        return Response.json({ token: await tokens.idToken(account(context), audience) })
      },
      onAccount('iam.serviceAccounts.getOpenIdToken', services),
    ),
  )
  app.post(
    `${ACCOUNTS}/:account{[^/:]+:generateAccessToken}`,
    operation(
      'iamcredentials.generateAccessToken',
      async (context) => {
        const body = await jsonBody(context)
        refuseDelegates(body)
        if (textList(body, 'scope').length === 0) throw invalid('The field "scope" is required.')
        const lifetimeS = readLifetime(body['lifetime'])
        const expireTime = new Date(clock.now() + lifetimeS * 1_000).toISOString()
        return Response.json({
          accessToken: tokens.mintAccessToken({ email: account(context) }, lifetimeS),
          expireTime,
        })
      },
      onAccount('iam.serviceAccounts.getAccessToken', services),
    ),
  )
  for (const verb of ['signBlob', 'signJwt']) {
    app.post(
      `${ACCOUNTS}/:account{[^/:]+:${verb}}`,
      operation(
        `iamcredentials.${verb}`,
        () => {
          throw notEmulated(`iamcredentials.projects.serviceAccounts.${verb}`)
        },
        { needs: NOTHING },
      ),
    )
  }
}

function refuseDelegates(body: Record<string, unknown>): void {
  if (textList(body, 'delegates').length > 0) throw notEmulated('a delegation chain (delegates)')
}

function readLifetime(value: unknown): number {
  if (value === undefined || value === null) return LIFETIME_S
  const [, seconds] = /^(\d{1,5})s$/.exec(String(value)) ?? []
  const lifetimeS = Number(seconds ?? Number.NaN)
  if (lifetimeS > 0 && lifetimeS <= LIFETIME_S) return lifetimeS
  throw invalid(`The lifetime must be at most ${LIFETIME_S}s: ${String(value)}`)
}

function invalid(message: string): GoogleError {
  return new GoogleError('INVALID_ARGUMENT', message, { details: [] })
}
