import type { SupportEntry } from '../../kernel/support.ts'

/** How much of the Security Token Service is emulated, for packages/local-cloud/docs/emulator-support.md. */
export const SUPPORT: readonly SupportEntry[] = [
  {
    method: 'sts.token',
    state: 'partly',
    note: "OIDC tokens for workload identity pools in the local project. Signature (RS256, ES256), issuer, audience, times, attribute mapping and condition are checked. Register pools and providers with `PUT /_imagery/workload-identity-pools/POOL/providers/PROVIDER`, with the issuer's keys in `oidc.jwksJson`. Attribute expressions can use claims, strings, `+`, `==`, `!=` and `&&`. No AWS, no SAML, no X.509, no workforce pools, no access boundaries.",
  },
  { method: 'sts.introspect, sts.oauthtoken', state: 'no', note: '' },
]
