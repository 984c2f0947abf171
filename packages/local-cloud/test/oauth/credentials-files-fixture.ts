import { exportJWK, generateKeyPair, SignJWT, type JWTPayload } from 'jose'
import type { LocalCloudLocator } from '../../src/contract/locator.ts'

/** Calls a JSON API of the local cloud as its operator. */
export type Call = (method: string, route: string, body?: object) => Promise<Record<string, unknown>>

/** A CI that vouches for its jobs. */
export interface Issuer {
  url: string
  /** Its public keys, as a provider of a workload identity pool takes them. */
  jwksJson: string
  /** What a job gets: the claims, signed, good for five minutes from now. */
  token(claims: JWTPayload): Promise<string>
}

export async function tokenIssuer(url = 'https://token.actions.example.com'): Promise<Issuer> {
  const { publicKey, privateKey } = await generateKeyPair('RS256')
  return {
    url,
    jwksJson: JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), kid: '1', alg: 'RS256', use: 'sig' }] }),
    token: (claims) =>
      new SignJWT({ iss: url, iat: seconds(), exp: seconds() + 300, ...claims })
        .setProtectedHeader({ alg: 'RS256', kid: '1' })
        .sign(privateKey),
  }
}

export const seconds = (): number => Math.floor(Date.now() / 1_000)

/** What docs/ci.md tells an administrator to make for GitHub, of our issuer. */
export function providerOf(issuer: Issuer, changes: object = {}): object {
  return {
    attributeMapping: { 'google.subject': 'assertion.sub', 'attribute.repository': 'assertion.repository' },
    attributeCondition: "assertion.repository == 'city/poles'",
    oidc: { issuerUri: issuer.url, jwksJson: issuer.jwksJson },
    ...changes,
  }
}

/** Has a pool of the local cloud trust an issuer. Answers the provider's full name; rejects with the `status` of a refusal. */
export async function registerProvider(
  { http, adminToken }: Pick<LocalCloudLocator, 'http' | 'adminToken'>,
  id: string,
  resource: object,
): Promise<string> {
  const answer = await fetch(`${http}/_imagery/workload-identity-pools/ci-pool/providers/${id}`, {
    method: 'PUT',
    headers: { authorization: `Bearer ${adminToken}` },
    body: JSON.stringify(resource),
  })
  const body = (await answer.json()) as { name: string }
  if (!answer.ok) throw Object.assign(new Error('the provider was refused'), { status: answer.status, body })
  return body.name
}

/** A new key of an account, as the file that a user would download. */
export async function keyFile(call: Call, email: string): Promise<Record<string, string>> {
  const made = await call('POST', `v1/projects/-/serviceAccounts/${email}/keys`, {})
  return JSON.parse(Buffer.from(String(made['privateKeyData']), 'base64').toString()) as Record<string, string>
}

/** As `gcloud iam workload-identity-pools create-cred-config` writes it; with an account it is impersonated. */
export function externalAccountFile(provider: string, tokenFile: string, email?: string): object {
  return {
    universe_domain: 'googleapis.com',
    type: 'external_account',
    audience: `//iam.googleapis.com/${provider}`,
    subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
    token_url: 'https://sts.googleapis.com/v1/token',
    credential_source: { file: tokenFile, format: { type: 'text' } },
    ...(email === undefined ? {} : { service_account_impersonation_url: impersonationUrl(email) }),
  }
}

/** As `gcloud auth application-default login --impersonate-service-account` writes it. */
export function impersonatedFile(source: object, email: string): object {
  return {
    type: 'impersonated_service_account',
    delegates: [],
    service_account_impersonation_url: impersonationUrl(email),
    source_credentials: source,
  }
}

function impersonationUrl(email: string): string {
  return `https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/${email}:generateAccessToken`
}

/** Gives members roles, beside those that others have: on the project, or on one of its accounts. */
export async function grant(call: Call, resource: string, role: string, ...members: string[]): Promise<void> {
  const policy = (await call('POST', `${resource}:getIamPolicy`, {})) as { bindings?: object[] }
  const bindings = [...(policy.bindings ?? []), { role, members }]
  await call('POST', `${resource}:setIamPolicy`, { policy: { ...policy, bindings } })
}
