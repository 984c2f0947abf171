import type { SupportEntry } from '../../kernel/support.ts'

/** What the emulated OAuth token endpoint has of Google's, for packages/local-cloud/docs/emulator-support.md. */
export const OAUTH_SUPPORT: readonly SupportEntry[] = [
  {
    method: 'POST /token (oauth2.googleapis.com): jwt-bearer',
    state: 'partly',
    note: "Assertions of service account keys: signature, key, account, times and audience are checked; answered by an access token or, with target_audience, an identity token. Scopes are not checked. Nobody's domain is delegated.",
  },
  {
    method: 'POST /token: refresh_token, authorization_code; /revoke, /tokeninfo',
    state: 'no',
    note: 'there are no people',
  },
]
