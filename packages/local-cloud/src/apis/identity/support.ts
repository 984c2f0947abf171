import type { SupportEntry } from '../../kernel/support.ts'

/** What is there of Google's identity. */
export const identitySupport: readonly SupportEntry[] = [
  {
    method: 'metadata server: project, instance, universe',
    state: 'partly',
    note: 'project-id, numeric-project-id, region, zone, id, universe-domain, one listener per service account. No attributes, no wait_for_change.',
  },
  {
    method: 'metadata server: service-accounts/*/token',
    state: 'yes',
    note: 'Access tokens for an hour, reused until five minutes before their end.',
  },
  {
    method: 'metadata server: service-accounts/*/identity',
    state: 'partly',
    note: '`format` and `licenses` are ignored: tokens carry the e-mail address.',
  },
  {
    method: 'access tokens at every API',
    state: 'partly',
    note: 'Signature, expiry and the state of the account are checked, and what it may do by IAM; scopes are not.',
  },
  { method: 'ID tokens', state: 'yes', note: 'Signed RS256; signature, issuer, audience and expiry are checked.' },
  { method: 'GET /oauth2/v3/certs, /oauth2/v1/certs', state: 'yes', note: 'One signing key, never rotated.' },
  {
    method: 'self-signed JWTs as access tokens',
    state: 'partly',
    note: "Of service account keys, as Google's gRPC clients send them; that the audience is the API that is called is not checked.",
  },
  {
    method: 'TLS',
    state: 'yes',
    note: "gRPC by a certificate of the local cloud's own authority, for localhost and 127.0.0.1.",
  },
]
