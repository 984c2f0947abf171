import type { SupportEntry } from '../../kernel/support.ts'

/** What the emulated Security Token Service has of Google's, for packages/local-cloud/docs/emulator-support.md. */
export const STS_SUPPORT: readonly SupportEntry[] = [
  {
    method: 'sts.token',
    state: 'partly',
    note: "OIDC tokens for workload identity pools of the local project. Signature (RS256, ES256), issuer, audience, times, attribute mapping and condition are checked. Pools and providers are registered at `PUT /_imagery/workload-identity-pools/POOL/providers/PROVIDER`, with the issuer's keys in `oidc.jwksJson`; of attribute expressions claims, texts, `+`, `==`, `!=` and `&&` are understood. No AWS, no SAML, no X.509, no workforce pools, no access boundaries.",
  },
  { method: 'sts.introspect, sts.oauthtoken', state: 'no', note: '' },
]
