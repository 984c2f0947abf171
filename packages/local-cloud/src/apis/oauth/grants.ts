import type { Identity } from '../identity/index.ts'
import type { AccountKeys, JwtFault } from '../iam/account-keys.ts'
import { OAuthError } from '../../kernel/oauth.ts'

/** https://www.rfc-editor.org/rfc/rfc7523#section-2.1 */
const JWT_BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer'

/** Access tokens of the endpoint are good for an hour (https://developers.google.com/identity/protocols/oauth2/service-account#authorizingrequests). */
const LIFETIME_S = 3_600

/** Accepted audiences of an assertion: the endpoint's current and former names (same page, "aud"). */
const AUDIENCES: ReadonlySet<unknown> = new Set([
  'https://oauth2.googleapis.com/token',
  'https://www.googleapis.com/oauth2/v4/token',
  'https://accounts.google.com/o/oauth2/token',
])

export interface GrantOptions {
  keys: AccountKeys
  tokens: Pick<Identity, 'authenticate' | 'idToken' | 'mintAccessToken' | 'userOf'>
}

/**
 * Exchanges a user's refresh token for an access token, or a JWT signed with an account's key for an access token, or with `target_audience` for an identity token
 * (https://developers.google.com/identity/protocols/oauth2/service-account#httprest). Error messages follow that page's
 * table of errors; those for an unknown account and a wrong audience follow users' reports.
 *
 * @param endpoint the address that the caller used, which an assertion may name as its audience
 * @throws OAuthError
 */
export async function grantedTokens(
  request: Readonly<Record<string, string>>,
  endpoint: string,
  { keys, tokens }: GrantOptions,
): Promise<object> {
  const { grant_type: grantType, assertion, refresh_token: refreshToken } = request
  if (grantType === undefined) throw new OAuthError('invalid_request', 'Missing required parameter: grant_type')
  if (grantType === 'refresh_token') {
    const user = tokens.userOf(refreshToken ?? '')
    if (user === undefined) throw new OAuthError('invalid_grant', 'Bad Request')
    return accessToken(user, tokens)
  }
  if (grantType !== JWT_BEARER) throw unsupported(grantType)
  if (assertion === undefined) throw new OAuthError('invalid_request', 'Missing required parameter: assertion')
  const checked = keys.check(assertion)
  if (typeof checked === 'string') throw new OAuthError('invalid_grant', FAULTS[checked])
  const { email } = checked.account
  const { aud, sub, scope, target_audience: audience } = checked.jwt.claims
  if (!AUDIENCES.has(aud) && aud !== endpoint) {
    throw new OAuthError(
      'invalid_grant',
      'Invalid JWT: Failed audience check. The right audience is https://oauth2.googleapis.com/token',
    )
  }
  if (sub !== undefined && sub !== email) {
    // Domain-wide delegation, which only an administrator of Google Workspace can allow.
    throw new OAuthError(
      'unauthorized_client',
      'Client is unauthorized to retrieve access tokens using this method, or client not authorized for any of the scopes requested.',
      { http: 401 },
    )
  }
  if (isText(audience)) return { id_token: await tokens.idToken(email, audience) }
  if (!isText(scope)) throw new OAuthError('invalid_scope', 'Invalid OAuth scope or ID token audience provided.')
  return accessToken(email, tokens)
}

function accessToken(email: string, tokens: GrantOptions['tokens']): object {
  return {
    access_token: tokens.mintAccessToken({ email }, LIFETIME_S),
    expires_in: LIFETIME_S - 1,
    token_type: 'Bearer',
  }
}

/**
 * Describes an access token (https://cloud.google.com/docs/authentication/token-types#access-contents). A federated
 * identity has no email address.
 *
 * @throws OAuthError invalid_token
 */
export function tokenInfo(request: Readonly<Record<string, string>>, { tokens }: GrantOptions): object {
  try {
    const { email } = tokens.authenticate(`Bearer ${request['access_token']}`)
    const named = email.includes('://') ? {} : { email, email_verified: 'true' }
    return { scope: SCOPES, ...named, access_type: 'offline' }
  } catch {
    throw new OAuthError('invalid_token', 'Invalid Value')
  }
}

const SCOPES = 'https://www.googleapis.com/auth/cloud-platform https://www.googleapis.com/auth/userinfo.email'

const FAULTS: Record<JwtFault, string> = {
  malformed: 'Bad Request',
  account: 'Invalid grant: account not found',
  signature: 'Invalid JWT Signature.',
  time: 'Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. Check your iat and exp values in the JWT claim.',
}

function unsupported(grantType: string): OAuthError {
  return grantType === 'authorization_code'
    ? new OAuthError(
        'unsupported_grant_type',
        `${grantType}: the local cloud has no consent page; see packages/local-cloud/docs/emulator-support.md`,
        {
          http: 501,
        },
      )
    : new OAuthError('unsupported_grant_type', `Invalid grant_type: ${grantType}`)
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== ''
}
