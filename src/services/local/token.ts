import { ImageryError } from '../../contracts/errors.ts'
import type { LocalCloudLocator } from '@imagery/local-cloud/contract/locator'
import { adminCall, noAnswer } from './find.ts'
import { requireLocalCloud } from './cloud.ts'
import type { Waiting } from './wait-for-folder.ts'

export interface LocalTokenOptions extends Waiting {
  /** Email address of a service account (default: the operator's). */
  account?: string | undefined
  /** Requests an identity token for this audience instead of an access token. */
  audience?: string | undefined
}

/**
 * Returns a token from the account's metadata server in the local cloud, for tools that cannot use a
 * metadata server themselves.
 *
 * @throws ImageryError LOCAL_CLOUD_NOT_RUNNING, INVALID_FLAG if the account does not exist
 */
export async function localToken(dataDirectory: string, options: LocalTokenOptions): Promise<string> {
  const locator = await requireLocalCloud(dataDirectory, options)
  const host = options.account === undefined ? locator.metadataHost : await metadataHostOf(locator, options.account)
  if (options.audience !== undefined) {
    return askMetadata(host, `identity?${new URLSearchParams({ audience: options.audience, format: 'full' })}`)
  }
  return (JSON.parse(await askMetadata(host, 'token')) as { access_token: string }).access_token
}

async function metadataHostOf(locator: LocalCloudLocator, email: string): Promise<string> {
  const { status, body } = await adminCall(locator, 'GET', `/_imagery/account?${new URLSearchParams({ email })}`)
  const { metadataHost, error } = body as { metadataHost?: string; error?: { message: string } }
  if (metadataHost !== undefined) return metadataHost
  throw new ImageryError(
    'INVALID_FLAG',
    `--account ${email}: ${error?.message ?? `the local cloud returned ${status}`}`,
    {
      suggestions: ["imagery local token   (the operator's token)"],
    },
  )
}

async function askMetadata(host: string, key: string): Promise<string> {
  const url = `http://${host}/computeMetadata/v1/instance/service-accounts/default/${key}`
  const answered = async (): Promise<{ ok: boolean; text: string }> => {
    const answer = await fetch(url, { headers: { 'Metadata-Flavor': 'Google' }, signal: AbortSignal.timeout(5_000) })
    return { ok: answer.ok, text: await answer.text() }
  }
  const { ok, text } = await answered().catch((error: unknown) => {
    throw noAnswer(`The local cloud's metadata server on ${host}`, error)
  })
  if (ok) return text
  throw new ImageryError('INVALID_FLAG', `The local cloud did not issue a token: ${text}`)
}
