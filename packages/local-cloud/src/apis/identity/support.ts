import type { SupportEntry } from '../../kernel/support.ts'

/** How much of Google's identity endpoints is emulated. */
export const SUPPORT: readonly SupportEntry[] = [
  {
    method: 'metadata server: project, instance, universe',
    state: 'partly',
    note: 'project-id, numeric-project-id, region, zone, id, universe-domain, one listener per service account. No attributes, no wait_for_change.',
  },
  {
    method: 'metadata server: service-accounts/*/token',
    state: 'yes',
    note: 'Access tokens are valid for an hour and reused until five minutes before they expire.',
  },
  {
    method: 'metadata server: service-accounts/*/identity',
    state: 'partly',
    note: '`format` and `licenses` are ignored; tokens carry the email address.',
  },
  {
    method: 'access tokens at every API',
    state: 'partly',
    note: "Signature, expiry, the account's state and its IAM permissions are checked; scopes are not.",
  },
  { method: 'ID tokens', state: 'yes', note: 'Signed RS256; signature, issuer, audience and expiry are checked.' },
  { method: 'GET /oauth2/v3/certs, /oauth2/v1/certs', state: 'yes', note: 'One signing key, never rotated.' },
  {
    method: 'self-signed JWTs as access tokens',
    state: 'partly',
    note: "Signed with service account keys, as Google's gRPC clients send them; the audience is not compared with the called API.",
  },
  {
    method: 'TLS',
    state: 'yes',
    note: "gRPC uses a certificate from the local cloud's own authority, for localhost and 127.0.0.1.",
  },
]
