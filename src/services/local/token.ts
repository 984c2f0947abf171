import { ImageryError } from '../../contracts/errors.ts'
import type { LocalCloudLocator } from '@imagery/local-cloud/contract/locator'
import { adminCall, noAnswer } from './find.ts'
import { requireLocalCloud } from './cloud.ts'
import type { Waiting } from './wait-for-folder.ts'

export interface LocalTokenOptions extends Waiting {
  /** E-mail address of a service account; the operator's without. */
  account?: string | undefined
  /** Asks for an identity token for this audience instead of an access token. */
  audience?: string | undefined
}

/**
 * A token of the local cloud, as the account's metadata server hands it out: what tools want that
 * cannot be led to a metadata server themselves.
 *
 * @throws ImageryError LOCAL_CLOUD_NOT_RUNNING, INVALID_FLAG when there is no such account
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
    `--account ${email}: ${error?.message ?? `the local cloud answered ${status}`}`,
    {
      suggestions: ['imagery local token   # of the operator'],
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
  throw new ImageryError('INVALID_FLAG', `The local cloud gives no token: ${text}`)
}
