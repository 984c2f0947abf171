import { callerAccount } from './credentials.ts'
import { authorize } from './rest.ts'

let known: Promise<string | undefined> | undefined

/**
 * Whom policies name this process's account by: `serviceAccount:EMAIL` or `user:EMAIL`. Undefined
 * when its tokens do not tell, as those of a federated identity.
 */
export async function callerMember(): Promise<string | undefined> {
  known ??= findMember()
  return known
}

async function findMember(): Promise<string | undefined> {
  const account = await callerAccount()
  if (account !== undefined) return `serviceAccount:${account}`
  // https://cloud.google.com/docs/authentication/token-types#access-contents
  const url = 'https://oauth2.googleapis.com/tokeninfo'
  const token = (await authorize(url)).get('authorization')?.replace(/^Bearer /, '')
  const answer = await fetch(url, {
    method: 'POST',
    body: new URLSearchParams({ access_token: token ?? '' }),
    signal: AbortSignal.timeout(10_000),
  }).catch(() => undefined)
  const { email } = answer?.ok ? ((await answer.json()) as { email?: string }) : {}
  if (email === undefined) return undefined
  return `${email.endsWith('.gserviceaccount.com') ? 'serviceAccount' : 'user'}:${email}`
}
