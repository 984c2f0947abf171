import type { Authorizer } from '../iam/authorizer.ts'
import type { DeliveryAnswer, Principal } from '../../kernel/api.ts'
import type { Clock } from '../../kernel/clock.ts'
import { GoogleError } from '../../kernel/errors.ts'
import { forbiddenPage, unauthorizedPage } from './pages.ts'
import { INVOKE } from './permissions.ts'

/** Who may call a service, and the audiences that their tokens need. */
export interface AdmissionRules {
  /** The service's own address, and its custom audiences (https://cloud.google.com/run/docs/configuring/custom-audiences). */
  audiences: readonly string[]
  isOpen(): boolean
  mayInvoke(principal: Principal): boolean
}

/** Cloud Run replaces a checked token's signature with this text, so that the program cannot use the token itself. */
const REMOVED_SIGNATURE = 'SIGNATURE_REMOVED_BY_GOOGLE'

/** Checked tokens are remembered until they expire; the map is cleared at this size. */
const MAX_REMEMBERED_TOKENS = 1_000

interface CheckedToken {
  email: string
  audience: string
  expiresMs: number
  /** The Authorization header that the program gets. */
  stripped: string
}

/** Accepted: the header to replace, if any. Refused: the response. */
export type Admission = { header?: [name: string, value: string] } | { refusal: DeliveryAnswer }

const OPEN: Admission = {}

export function admissionRules(
  uri: string,
  service: { name: string; customAudiences: readonly string[]; invokerIamDisabled: boolean },
  access: Pick<Authorizer, 'has' | 'isPublic'>,
): AdmissionRules {
  const demand = { permission: INVOKE, resource: service.name }
  return {
    audiences: [uri, ...service.customAudiences],
    // https://cloud.google.com/run/docs/authenticating/public
    isOpen: () => service.invokerIamDisabled || access.isPublic(demand),
    mayInvoke: (principal) => access.has(principal, demand),
  }
}

/**
 * Checks requests as Cloud Run's IAM check does
 * (https://cloud.google.com/run/docs/authenticating/service-to-service): no token is 403, a token that
 * is not a valid one for this service is 401, an account without the invoker role is 403.
 */
export class Admissions {
  readonly #verifyIdToken: (token: string, audience: string) => Promise<Principal>
  readonly #clock: Clock
  readonly #log: (line: string) => void
  readonly #checked = new Map<string, CheckedToken>()

  constructor(
    verifyIdToken: (token: string, audience: string) => Promise<Principal>,
    clock: Clock,
    log: (line: string) => void,
  ) {
    this.#verifyIdToken = verifyIdToken
    this.#clock = clock
    this.#log = log
  }

  /** `headers` have lower-case names. */
  decide(rules: AdmissionRules, headers: Record<string, string>, path: string): Admission | Promise<Admission> {
    if (rules.isOpen()) return OPEN
    // With both headers, only this one is checked, and Authorization is for the program.
    const name = headers['x-serverless-authorization'] === undefined ? 'authorization' : 'x-serverless-authorization'
    const value = headers[name]
    if (value === undefined || value === '') return { refusal: forbiddenPage(path) }
    const token = /^bearer +(\S+)$/i.exec(value)?.[1]
    if (token === undefined) return { refusal: unauthorizedPage(path) }
    const known = this.#checked.get(token)
    if (known && known.expiresMs > this.#clock.now() && rules.audiences.includes(known.audience)) {
      return admit(rules, known, name, path)
    }
    return this.#check(rules, token, name, path)
  }

  async #check(rules: AdmissionRules, token: string, name: string, path: string): Promise<Admission> {
    const claims = unverifiedClaims(token)
    // The token must be for one of the service's audiences, no matter who signed it; the verifier checks that
    // audience.
    const audience = rules.audiences.find((candidate) => candidate === claims.aud) ?? rules.audiences[0] ?? ''
    try {
      const { email } = await this.#verifyIdToken(token, audience)
      const stripped = `Bearer ${token.slice(0, token.lastIndexOf('.') + 1)}${REMOVED_SIGNATURE}`
      const checked = { email, audience, expiresMs: Number(claims.exp) * 1_000, stripped }
      if (this.#checked.size >= MAX_REMEMBERED_TOKENS) this.#checked.clear()
      this.#checked.set(token, checked)
      return admit(rules, checked, name, path)
    } catch (error) {
      if (!(error instanceof GoogleError)) throw error
      this.#log(`front door: a token for ${rules.audiences[0]} was refused: ${error.message}`)
      return { refusal: unauthorizedPage(path) }
    }
  }
}

function admit(rules: AdmissionRules, token: CheckedToken, name: string, path: string): Admission {
  if (!rules.mayInvoke(token)) return { refusal: forbiddenPage(path) }
  return { header: [name, token.stripped] }
}

/** Read before the signature check, and used only to choose the audience to check. */
function unverifiedClaims(token: string): { aud?: unknown; exp?: unknown } {
  try {
    const [, payload = ''] = token.split('.')
    const claims: unknown = JSON.parse(Buffer.from(payload, 'base64url').toString())
    return typeof claims === 'object' && claims !== null ? claims : {}
  } catch {
    // Not a JSON Web Token: the verifier reports it.
    return {}
  }
}
