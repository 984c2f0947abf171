import { readFileSync } from 'node:fs'
import { LOCATOR_VARIABLE, localCloudLocator, type LocalCloudLocator } from '@imagery/local-cloud/contract/locator'

let locator: LocalCloudLocator | undefined
let isRead = false

/**
 * The local cloud that this process talks to, or undefined on Google. A deployed runtime learns it
 * from the environment of its host; the CLI calls `useLocalCloud`.
 */
export function localCloud(): LocalCloudLocator | undefined {
  if (!isRead) {
    const file = process.env[LOCATOR_VARIABLE]
    // The host of a deployed runtime has set the metadata server of the service's own account.
    if (file)
      useLocalCloud(localCloudLocator.parse(JSON.parse(readFileSync(file, 'utf8'))), process.env['GCE_METADATA_HOST'])
    isRead = true
  }
  return locator
}

/** Variables by which the official clients would leave for an emulator of the user's own; they beat any option. */
const OTHER_EMULATORS = ['BIGQUERY_EMULATOR_HOST', 'STORAGE_EMULATOR_HOST', 'PUBSUB_EMULATOR_HOST']

/** What the clients must not ask a company's proxy for; gRPC reads the lower-case variable. */
const LOOPBACK = ['127.0.0.1', 'localhost']

/**
 * Points every Google client made from now on at a local cloud. Must come before the first client,
 * since gRPC reads its root certificates once.
 *
 * The credential path stays the production one, Compute Engine's metadata server; only its address
 * changes, whatever the user's environment says of Google's own.
 */
export function useLocalCloud(target: LocalCloudLocator, metadataHost = target.metadataHost): void {
  locator = target
  isRead = true
  process.env['GRPC_DEFAULT_SSL_ROOTS_FILE_PATH'] = target.caFile
  process.env['GCE_METADATA_HOST'] = metadataHost
  process.env['METADATA_SERVER_DETECTION'] = 'assume-present'
  for (const name of OTHER_EMULATORS) delete process.env[name]
  for (const name of ['NO_PROXY', 'no_proxy']) {
    const others = process.env[name]?.split(',') ?? []
    process.env[name] = [...new Set([...others, ...LOOPBACK])].join(',')
  }
}

/**
 * Tells Google's libraries whose project this process works on, unless the environment does. One that
 * is not told starts gcloud, which takes a second, once for every client.
 */
export function useProject(projectId: string): void {
  process.env['GOOGLE_CLOUD_PROJECT'] ||= projectId
}

/**
 * Acts as another account of the local cloud than its operator, the one that IMAGERY_LOCAL_ACCOUNT
 * names: the local cloud answers where that account's metadata server listens.
 *
 * @throws Error when there is no such account
 */
export async function useLocalAccount(environment: NodeJS.ProcessEnv = process.env): Promise<void> {
  const target = localCloud()
  const email = environment['IMAGERY_LOCAL_ACCOUNT']
  if (!target || !email) return
  const response = await fetch(new URL(`/_imagery/account?${new URLSearchParams({ email })}`, target.http), {
    headers: { authorization: `Bearer ${target.adminToken}` },
    signal: AbortSignal.timeout(10_000),
  })
  const body = (await response.json()) as { metadataHost?: string; error?: { message?: string } }
  if (!response.ok || !body.metadataHost)
    throw new Error(`IMAGERY_LOCAL_ACCOUNT ${email}: ${body.error?.message ?? `HTTP ${response.status}`}`)
  process.env['GCE_METADATA_HOST'] = body.metadataHost
}
