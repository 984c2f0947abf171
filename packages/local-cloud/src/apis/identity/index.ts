import { Hono } from 'hono'
import type { HttpFace, Principal } from '../../kernel/api.ts'
import type { Clock } from '../../kernel/clock.ts'
import { openAccessTokens, type TokenHolder } from './access-tokens.ts'
import { createIdTokens } from './id-tokens.ts'
import { openKeyFiles } from './key-files.ts'
import { createMetadataServers, type MetadataServers } from './metadata-server.ts'
import { ownUserCheck } from './own-user.ts'

export type { MetadataServer, MetadataServers } from './metadata-server.ts'

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

/** The identities of the local cloud: its certificates, tokens and metadata servers. */
export interface Identity {
  /** For the TLS listener; clients trust it through `caFile`. */
  certificate: { key: string; cert: string }
  caFile: string
  /** Returns the owner of the access token in an Authorization header. Throws GoogleError UNAUTHENTICATED. */
  authenticate(authorization: string | undefined): TokenHolder
  /** Drops the cached tokens of a deleted account. */
  forget(email: string): void
  /** Returns an access token of `email`, as from its metadata server. */
  accessToken(email: string): string
  /** Returns a new access token, valid for the given number of seconds, for IAM Credentials and the token endpoints. */
  mintAccessToken(principal: Principal, lifetimeS: number): string
  /** An ID token of `email` for `audience`. */
  idToken(email: string, audience: string): Promise<string>
  /** Returns the owner of an ID token. Rejects with GoogleError UNAUTHENTICATED. */
  verifyIdToken(token: string, audience: string | readonly string[]): Promise<Principal>
  metadata: MetadataServers
  /** The public keys, at the paths they have on www.googleapis.com. */
  http: HttpFace
}

export async function openIdentity(options: IdentityOptions): Promise<Identity> {
  const keys = await openKeyFiles(options.directory)
  const accessTokens = openAccessTokens(options.directory, options.clock)
  const idTokens = createIdTokens(keys.tokenSigning, options.clock)
  const isOwnUser = await ownUserCheck()
  if (!isOwnUser) options.log?.(UNGUARDED)
  const app = new Hono()
  app.get('/oauth2/v3/certs', async (context) => context.json(await idTokens.jsonWebKeySet()))
  app.get('/oauth2/v1/certs', (context) => context.json(idTokens.pemCertificates()))
  return {
    certificate: { key: keys.server.key, cert: keys.server.certificate },
    caFile: keys.caFile,
    authenticate: (authorization) => accessTokens.authenticate(authorization),
    forget: (email) => accessTokens.forget(email),
    accessToken: (email) => accessTokens.issue(email).token,
    mintAccessToken: (principal, lifetimeS) => accessTokens.mint(principal, lifetimeS),
    idToken: (email, audience) => idTokens.issue(email, audience),
    verifyIdToken: (token, audience) => idTokens.verify(token, audience),
    metadata: createMetadataServers({ ...options, accessTokens, idTokens, isOwnUser }),
    http: { prefixes: ['/oauth2/v3/certs', '/oauth2/v1/certs'], app },
  }
}

const UNGUARDED =
  'This system does not show which user a connection belongs to, so other users of this machine can get tokens from this local cloud (docs/security.md).'
