import { findCredentials } from './credentials-origin.ts'
import { accessClient, callerAccount } from './credentials.ts'
import { call } from '../transport/errors.ts'
import { patientFetch } from '../transport/patient-fetch.ts'

const TIMEOUT_MS = 10_000

let known: Promise<string | undefined> | undefined

/**
 * Returns the policy member of this process's account: `serviceAccount:EMAIL` or `user:EMAIL`. Undefined
 * when its tokens do not contain it, as for a federated identity.
 */
export async function callerMember(): Promise<string | undefined> {
  known ??= findMember()
  return known
}

/**
 * Returns the member for a command that a person completes. For an unknown identity, it has as much as the credentials
 * contain.
 */
export async function memberToGrant(): Promise<string> {
  const member = await callerMember().catch(() => undefined)
  if (member !== undefined) return member
  const origin = await findCredentials()
  const pool = origin.kind === 'file' ? origin.identityPool : undefined
  return pool === undefined ? 'user:YOUR_EMAIL' : `principal://iam.googleapis.com/${pool}/subject/SUBJECT`
}

async function findMember(): Promise<string | undefined> {
  const account = await callerAccount()
  if (account !== undefined) return `serviceAccount:${account}`
  const client = await accessClient()
  const { token } = await call(client.getAccessToken())
  const email = await emailOf(token ?? '').catch(() => undefined)
  if (email === undefined) return undefined
  return `${email.endsWith('.gserviceaccount.com') ? 'serviceAccount' : 'user'}:${email}`
}

/**
 * https://cloud.google.com/docs/authentication/token-types#access-contents. Not through the client: with its quota project,
 * the call is refused (https://github.com/hashicorp/terraform-provider-google/issues/17938).
 */
async function emailOf(token: string): Promise<string | undefined> {
  const response = await patientFetch('https://oauth2.googleapis.com/tokeninfo', {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({ access_token: token }).toString(),
    signal: AbortSignal.timeout(TIMEOUT_MS),
  })
  if (!response.ok) return undefined
  const { email } = (await response.json()) as { email?: string }
  return email
}
