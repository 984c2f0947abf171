import { policyEtag, type Binding, type PolicyRules, type StoredPolicy, type WantedPolicy } from '../iam/policy.ts'

/** google.iam.v1.Policy in proto-loader form. */
export interface Policy {
  version: number
  bindings: (Binding & { condition?: object | null })[]
  auditConfigs?: object[]
  etag: Buffer
}

/** A service can be open to everyone (https://cloud.google.com/run/docs/authenticating/public). */
export function servicePolicyRules(accountFault: PolicyRules['accountFault']): PolicyRules {
  return { roles: ['run', 'iam', 'basic'], mayBePublic: true, accountFault }
}

export function wirePolicy(policy: StoredPolicy): Policy {
  return {
    version: 1,
    bindings: policy.bindings,
    auditConfigs: [],
    etag: Buffer.from(policyEtag(policy), 'base64'),
  }
}

export function wantedOf(policy: Policy | null): WantedPolicy | undefined {
  if (!policy) return undefined
  const { etag, bindings, auditConfigs = [] } = policy
  return { etag: etag.toString('base64'), bindings, auditConfigs }
}
