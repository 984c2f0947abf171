import type { SupportEntry } from '../../kernel/support.ts'

/** How much of the OAuth token endpoint is emulated, for packages/local-cloud/docs/emulator-support.md. */
export const SUPPORT: readonly SupportEntry[] = [
  {
    method: 'POST /token (oauth2.googleapis.com): jwt-bearer',
    state: 'partly',
    note: 'Assertions signed with service account keys: signature, key, account, times and audience are checked. The answer is an access token or, with target_audience, an identity token. Scopes are not checked. No domain-wide delegation.',
  },
  {
    method: 'POST /token: refresh_token; POST /tokeninfo',
    state: 'partly',
    note: 'users are made by the admin endpoint; clients and scopes are not checked',
  },
  {
    method: 'POST /token: authorization_code; /revoke',
    state: 'no',
    note: 'the local cloud has no consent page',
  },
]
