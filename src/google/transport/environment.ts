import { readFileSync } from 'node:fs'
import { LOCATOR_VARIABLE, localCloudLocator, type LocalCloudLocator } from '@imagery/local-cloud/contract/locator'

let locator: LocalCloudLocator | undefined
let isRead = false

/**
 * The local cloud that this process talks to, or undefined on Google. A deployed runtime reads it from
 * its environment; the CLI calls `useLocalCloud`.
 */
export function localCloud(): LocalCloudLocator | undefined {
  if (!isRead) {
    const file = process.env[LOCATOR_VARIABLE]
    // The host of a deployed runtime sets the metadata server of the service's own account.
    if (file)
      useLocalCloud(localCloudLocator.parse(JSON.parse(readFileSync(file, 'utf8'))), process.env['GCE_METADATA_HOST'])
    isRead = true
  }
  return locator
}

/** Variables that point the official clients to the user's own emulator; they override any option. */
const OTHER_EMULATORS = ['BIGQUERY_EMULATOR_HOST', 'STORAGE_EMULATOR_HOST', 'PUBSUB_EMULATOR_HOST']

/** Addresses that the clients must not reach through a company's proxy; gRPC reads the lower-case variable. */
const LOOPBACK = ['127.0.0.1', 'localhost']

/**
 * Points every Google client created from now on to a local cloud. Call it before creating the first
 * client, because gRPC reads its root certificates only once.
 *
 * The credential path stays the production one, Compute Engine's metadata server; only its address
 * changes, whatever the user's environment says about Google's own.
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
 * Tells Google's libraries which project this process works on, unless the environment does. Otherwise
 * each client starts gcloud, which takes a second.
 */
export function useProject(projectId: string): void {
  process.env['GOOGLE_CLOUD_PROJECT'] ||= projectId
}

/**
 * Acts as the local cloud account in IMAGERY_LOCAL_ACCOUNT instead of the operator. The local cloud
 * returns the address of that account's metadata server.
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
