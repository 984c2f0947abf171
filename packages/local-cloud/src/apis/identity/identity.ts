import type { HttpFace, Principal } from '../../kernel/api.ts'
import type { Clock } from '../../kernel/clock.ts'
import { AccessTokens, type TokenHolder } from './access-tokens.ts'
import { IdTokens } from './id-tokens.ts'
import { openKeyFiles, type KeyFiles } from './key-files.ts'
import { MetadataServers } from './metadata-server.ts'
import { ownUserCheck, type IsOwnUser } from './own-user.ts'
import { certificateRoutes } from './routes.ts'

export interface IdentityOptions {
  /** Directory of keys and secrets, e.g. `<dataDir>/identity`. */
  directory: string
  clock: Clock
  projectId: string
  projectNumber: string
  region: string
  /** Log lines for the user who started the local cloud. */
  log?: (line: string) => void
}

const UNGUARDED =
  'This system does not show which user a connection belongs to, so other users of this machine can get tokens from this local cloud (docs/security.md).'

/** The identities of the local cloud: its certificates, tokens and metadata servers. */
export class Identity {
  /** For the TLS listener; clients trust it through `caFile`. */
  readonly certificate: { key: string; cert: string }
  readonly caFile: string
  readonly metadata: MetadataServers
  /** The public keys, at the paths they have on www.googleapis.com. */
  readonly http: HttpFace
  readonly #accessTokens: AccessTokens
  readonly #idTokens: IdTokens

  private constructor(options: IdentityOptions, keys: KeyFiles, isOwnUser: IsOwnUser | undefined) {
    const accessTokens = new AccessTokens(options.directory, options.clock)
    const idTokens = new IdTokens(keys.tokenSigning, options.clock)
    this.#accessTokens = accessTokens
    this.#idTokens = idTokens
    this.certificate = { key: keys.server.key, cert: keys.server.certificate }
    this.caFile = keys.caFile
    this.metadata = new MetadataServers({ ...options, accessTokens, idTokens, isOwnUser })
    this.http = { prefixes: ['/oauth2/v3/certs', '/oauth2/v1/certs'], app: certificateRoutes(idTokens) }
  }

  /** Reads the keys in the directory, and creates missing ones. Rejects with an Error that names a damaged file. */
  static async open(options: IdentityOptions): Promise<Identity> {
    const keys = await openKeyFiles(options.directory)
    const isOwnUser = await ownUserCheck()
    if (!isOwnUser) options.log?.(UNGUARDED)
    return new Identity(options, keys, isOwnUser)
  }

  /** Returns the owner of the access token in an Authorization header. Throws GoogleError UNAUTHENTICATED. */
  authenticate(authorization: string | undefined): TokenHolder {
    return this.#accessTokens.authenticate(authorization)
  }

  /** Drops the cached tokens of a deleted account. */
  forget(email: string): void {
    this.#accessTokens.forget(email)
  }

  /** Returns an access token of `email`, as from its metadata server. */
  accessToken(email: string): string {
    return this.#accessTokens.issue(email).token
  }

  /** Returns a new access token, valid for the given number of seconds, for IAM Credentials and the token endpoints. */
  mintAccessToken(principal: Principal, lifetimeS: number): string {
    return this.#accessTokens.mint(principal, lifetimeS)
  }

  /** Returns a token with which a user gets access tokens from the token endpoint. */
  refreshToken(email: string): string {
    return this.#accessTokens.refreshToken(email)
  }

  /** Returns the user of a refresh token; undefined when it is not valid. */
  userOf(refreshToken: string): string | undefined {
    return this.#accessTokens.userOf(refreshToken)
  }

  /** An ID token of `email` for `audience`. */
  idToken(email: string, audience: string): Promise<string> {
    return this.#idTokens.issue(email, audience)
  }

  /** Returns the owner of an ID token. Rejects with GoogleError UNAUTHENTICATED. */
  verifyIdToken(token: string, audience: string | readonly string[]): Promise<Principal> {
    return this.#idTokens.verify(token, audience)
  }
}
