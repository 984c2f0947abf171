import { createLocalJWKSet, errors, jwtVerify, type JSONWebKeySet, type JWTPayload } from 'jose'
import type { Identity } from '../identity/index.ts'
import type { IdentityProvider, IdentityProviders } from '../iam/identity-providers.ts'
import type { Principal } from '../../kernel/api.ts'
import type { Clock } from '../../kernel/clock.ts'
import { OAuthError } from '../../kernel/oauth.ts'

const TOKEN_EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange'
const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token'

/** Accepted token types of OIDC tokens (https://cloud.google.com/iam/docs/reference/sts/rest/v1/TopLevel/token). */
const SUBJECT_TYPES: ReadonlySet<string | undefined> = new Set([
  'urn:ietf:params:oauth:token-type:jwt',
  'urn:ietf:params:oauth:token-type:id_token',
])

const PROVIDER =
  /^\/\/iam\.googleapis\.com\/(projects\/[^/]+\/locations\/global\/workloadIdentityPools\/[^/]+\/providers\/[^/]+)$/

/** https://cloud.google.com/iam/docs/workload-identity-federation-with-other-providers */
const ALGORITHMS = ['RS256', 'ES256']

/** Unverified: Google limits the lifetime of tokens, to a day according to users. */
const MAX_SUBJECT_LIFETIME_S = 24 * 3_600

/** https://cloud.google.com/iam/docs/workload-identity-federation#mapping */
const MAX_SUBJECT_BYTES = 127

const LIFETIME_S = 3_600

export interface ExchangeOptions {
  clock: Clock
  providers: IdentityProviders
  tokens: Pick<Identity, 'mintAccessToken'>
}

/**
 * Exchanges the OIDC token of an issuer that a workload identity pool of the project trusts for an access token
 * (https://cloud.google.com/iam/docs/reference/sts/rest/v1/TopLevel/token). Errors have Google's codes, and Google's
 * messages as far as users reported them.
 *
 * @throws OAuthError
 */
export async function exchangedToken(
  request: Readonly<Record<string, string>>,
  { clock, providers, tokens }: ExchangeOptions,
): Promise<object> {
  checkForm(request)
  const name = PROVIDER.exec(request['audience'] ?? '')?.[1]
  if (name === undefined) {
    throw invalidValue(
      'audience',
      ' This value should be the full resource name of the Identity Provider. See https://cloud.google.com/iam/docs/reference/sts/rest/v1/TopLevel/token for the list of possible formats.',
    )
  }
  const provider = providers.find(name)
  if (!provider) {
    throw new OAuthError(
      'invalid_target',
      'The target service indicated by the "audience" parameters is invalid. This might either be because the pool or provider is disabled or deleted or because it doesn\'t exist.',
    )
  }
  const claims = await verified(request['subject_token'] ?? '', provider, clock.now())
  const identity = identityOf(claims, provider)
  return {
    access_token: tokens.mintAccessToken(identity, LIFETIME_S),
    issued_token_type: ACCESS_TOKEN,
    token_type: 'Bearer',
    expires_in: LIFETIME_S - 1,
  }
}

function checkForm(request: Readonly<Record<string, string>>): void {
  if (request['grant_type'] !== TOKEN_EXCHANGE) throw invalidValue('grant_type')
  if (request['requested_token_type'] !== ACCESS_TOKEN) throw invalidValue('requested_token_type')
  if (!SUBJECT_TYPES.has(request['subject_token_type'])) throw invalidValue('subject_token_type')
  // "Required when exchanging an external credential for a Google access token."
  if (!request['scope']) throw new OAuthError('invalid_scope', 'Invalid value for "scope".')
  if (!request['subject_token']) throw invalidValue('subject_token')
}

async function verified(token: string, provider: IdentityProvider, nowMs: number): Promise<JWTPayload> {
  const { payload } = await jwtVerify(token, createLocalJWKSet(provider.keys as unknown as JSONWebKeySet), {
    algorithms: ALGORITHMS,
    issuer: provider.issuer,
    audience: [...provider.audiences],
    requiredClaims: ['iss', 'aud', 'iat', 'exp'],
    currentDate: new Date(nowMs),
    clockTolerance: 0,
  }).catch((error: unknown) => {
    throw error instanceof errors.JOSEError ? refusedToken(error) : error
  })
  const { iat = 0, exp = 0 } = payload
  if (iat * 1_000 > nowMs) throw new OAuthError('invalid_grant', `ID Token issued at ${iat} is in the future.`)
  if (exp - iat > MAX_SUBJECT_LIFETIME_S) {
    throw new OAuthError('invalid_grant', 'The lifetime of the ID Token is longer than 24 hours.')
  }
  return payload
}

function refusedToken(error: errors.JOSEError): OAuthError {
  const claim = error instanceof errors.JWTClaimValidationFailed ? error.claim : undefined
  if (claim === 'aud') {
    return new OAuthError('invalid_grant', 'The audience in ID Token does not match the expected audience.')
  }
  if (claim === 'iss') {
    return new OAuthError('invalid_grant', 'The issuer in ID Token does not match the expected ones.')
  }
  return new OAuthError('invalid_grant', `The ID Token is not valid: ${error.message}`)
}

/**
 * Returns the identity in the claims, by the provider's mapping
 * (https://cloud.google.com/iam/docs/principal-identifiers).
 */
function identityOf(claims: JWTPayload, { pool, rules }: IdentityProvider): Principal {
  if (!rules.condition(claims)) {
    throw new OAuthError('unauthorized_client', 'The given credential is rejected by the attribute condition.')
  }
  const prefix = `iam.googleapis.com/${pool}`
  const sets = [`principalSet://${prefix}/*`]
  let subject = ''
  for (const [target, find] of rules.mapping) {
    const value = find(claims)
    if (target === 'google.groups') {
      const groups = Array.isArray(value) ? value.filter((group) => typeof group === 'string') : []
      sets.push(...groups.map((group) => `principalSet://${prefix}/group/${group}`))
    } else if (typeof value !== 'string' || value === '') {
      throw new OAuthError('invalid_grant', `Could not obtain a value for ${target} from the given credential.`)
    } else if (target === 'google.subject') {
      subject = value
    } else {
      sets.push(`principalSet://${prefix}/${target}/${value}`)
    }
  }
  if (Buffer.byteLength(subject) > MAX_SUBJECT_BYTES) {
    throw new OAuthError(
      'invalid_grant',
      `The size of mapped attribute google.subject exceeds the ${MAX_SUBJECT_BYTES} bytes limit. Either modify your attribute mapping or the incoming assertion to produce a mapped attribute that is less than ${MAX_SUBJECT_BYTES} bytes.`,
    )
  }
  return { email: `principal://${prefix}/subject/${subject}`, sets }
}

function invalidValue(name: string, more = ''): OAuthError {
  return new OAuthError('invalid_request', `Invalid value for "${name}".${more}`)
}
