import { createPublicKey, generateKeyPair, randomBytes, verify, type KeyObject } from 'node:crypto'
import { promisify } from 'node:util'
import { unauthenticated } from '../identity/access-tokens.ts'
import type { Principal } from '../../kernel/api.ts'
import type { Clock } from '../../kernel/clock.ts'
import { GoogleError } from '../../kernel/errors.ts'
import type { Accounts } from './accounts.ts'
import { readJwt, type Jwt } from './jwt.ts'
import type { AccountRow, IamStore, KeyRow } from './store.ts'

/** https://cloud.google.com/iam/quotas#limits: "Service account keys for each service account: 10". */
const MAX_KEYS = 10

/** "One hour after the issued time. This time has a maximum of 1 hour after the issued time." (https://developers.google.com/identity/protocols/oauth2/service-account#jwt-claims) */
const MAX_LIFETIME_S = 3_600

/** Machines' clocks differ. Google does not document its tolerance. */
const CLOCK_SKEW_S = 300

const MAX_REMEMBERED_TOKENS = 1_000

/** What is wrong with a JWT that claims to be signed by an account. */
export type JwtFault = 'malformed' | 'account' | 'signature' | 'time'

export interface AccountKeysOptions {
  store: IamStore
  accounts: Accounts
  clock: Clock
}

/**
 * The user-managed keys of service accounts
 * (https://cloud.google.com/iam/docs/reference/rest/v1/projects.serviceAccounts.keys).
 */
export class AccountKeys {
  readonly #options: AccountKeysOptions
  /** Self-signed access tokens that have been checked: a stream of calls carries the same one. */
  readonly #verified = new Map<string, { jwt: Jwt; keyId: string; email: string }>()
  readonly #publicKeys = new Map<string, KeyObject>()

  constructor(options: AccountKeysOptions) {
    this.#options = options
  }

  /** Creates an RSA key of the account. Only the caller gets the private half. Rejects with FAILED_PRECONDITION. */
  async create({ email }: AccountRow): Promise<{ row: KeyRow; privateKey: string }> {
    const { store, clock } = this.#options
    const { publicKey, privateKey } = await promisify(generateKeyPair)('rsa', {
      modulusLength: 2_048,
      publicKeyEncoding: { type: 'spki', format: 'pem' },
      privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    })
    // Checked after the pause, because other calls can have created keys meanwhile.
    if (store.keysOf(email).length >= MAX_KEYS) {
      throw new GoogleError('FAILED_PRECONDITION', 'Precondition check failed.', { details: [] })
    }
    const row = { id: randomBytes(20).toString('hex'), email, publicKey, createdMs: clock.now() }
    store.putKey(row)
    return { row, privateKey }
  }

  list({ email }: AccountRow): KeyRow[] {
    return this.#options.store.keysOf(email)
  }

  /** Throws NOT_FOUND; the words are unverified. */
  get(account: AccountRow, id: string): KeyRow {
    const row = this.list(account).find((key) => key.id === id)
    if (row) return row
    throw new GoogleError('NOT_FOUND', `Service account key ${id} does not exist.`, { details: [] })
  }

  /** "Deleting a service account key does not revoke short-lived credentials that have been issued based on the key." (projects.serviceAccounts.keys.delete) */
  delete(account: AccountRow, id: string): void {
    this.#options.store.deleteKey(this.get(account, id).id)
  }

  /** Returns the owner of a JWT: it must be signed with a key of the account in `iss`, and not expired. */
  check(token: string): { account: AccountRow; jwt: Jwt } | JwtFault {
    const { accounts, clock } = this.#options
    const jwt = readJwt(token)
    if (!jwt || jwt.header['alg'] !== 'RS256' || typeof jwt.claims['iss'] !== 'string') return 'malformed'
    const account = accounts.isLocal(jwt.claims['iss']) ? accounts.find(jwt.claims['iss']) : undefined
    if (!account || account.isDisabled) return 'account'
    const { kid } = jwt.header
    const candidates = this.list(account).filter(({ id }) => kid === undefined || id === kid)
    if (!candidates.some((key) => this.#isSignedWith(key, jwt))) return 'signature'
    return isInTime(jwt, clock.now() / 1_000) ? { account, jwt } : 'time'
  }

  /**
   * Returns the owner of a self-signed JWT that is used as an access token, as Google's gRPC clients do with a
   * key: "sub" is "iss", and "aud" names the API, or "scope" the scopes (https://google.aip.dev/auth/4111).
   * Throws UNAUTHENTICATED. Does not check that "aud" is the called API.
   */
  authenticate(token: string): Principal {
    const { clock, accounts, store } = this.#options
    const known = this.#verified.get(token)
    if (known) {
      const isStillKey = store.keysOf(known.email).some(({ id }) => id === known.keyId)
      const account = accounts.find(known.email)
      if (isStillKey && account && !account.isDisabled && isInTime(known.jwt, clock.now() / 1_000)) {
        return { email: known.email }
      }
      this.#verified.delete(token)
    }
    const checked = this.check(token)
    if (typeof checked === 'string' || !isForAnApi(checked.jwt)) {
      throw unauthenticated('Request had invalid authentication credentials.')
    }
    const { account, jwt } = checked
    const key = this.list(account).find((candidate) => this.#isSignedWith(candidate, jwt))!
    if (this.#verified.size >= MAX_REMEMBERED_TOKENS) this.#verified.clear()
    this.#verified.set(token, { jwt, keyId: key.id, email: account.email })
    return { email: account.email }
  }

  #isSignedWith({ id, publicKey }: KeyRow, { signed, signature }: Jwt): boolean {
    let key = this.#publicKeys.get(id)
    if (!key) this.#publicKeys.set(id, (key = createPublicKey(publicKey)))
    return verify('RSA-SHA256', Buffer.from(signed), key, signature)
  }
}

function isInTime({ claims: { iat, exp, nbf = iat } }: Jwt, nowS: number): boolean {
  if (typeof iat !== 'number' || typeof exp !== 'number' || typeof nbf !== 'number') return false
  if (nbf > nowS + CLOCK_SKEW_S) return false
  return iat <= nowS + CLOCK_SKEW_S && exp > nowS && exp > iat && exp - iat <= MAX_LIFETIME_S
}

function isForAnApi({ claims: { iss, sub, aud, scope } }: Jwt): boolean {
  const hasAudience = typeof aud === 'string' && /^https:\/\/[a-z0-9.-]+\.googleapis\.com\//.test(aud)
  return sub === iss && (hasAudience || (typeof scope === 'string' && scope !== ''))
}
