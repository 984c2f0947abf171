import { readFileSync } from 'node:fs'
import { LOCATOR_VARIABLE, localCloudLocator, type LocalCloudLocator } from '../contracts/local-cloud-locator.ts'

let locator: LocalCloudLocator | undefined
let isRead = false

/**
 * The local cloud that this process talks to, or undefined on Google. A deployed runtime learns it
 * from the environment of its host; the CLI calls `useLocalCloud`.
 */
export function localCloud(): LocalCloudLocator | undefined {
  if (!isRead) {
    const file = process.env[LOCATOR_VARIABLE]
    if (file) useLocalCloud(localCloudLocator.parse(JSON.parse(readFileSync(file, 'utf8'))))
    isRead = true
  }
  return locator
}

/**
 * Points every Google client made from now on at a local cloud. Must come before the first client,
 * since gRPC reads its root certificates once.
 *
 * The credential path stays the production one, Compute Engine's metadata server; only its address
 * changes. A Cloud Run host has already set that of the service's own account.
 */
export function useLocalCloud(target: LocalCloudLocator): void {
  locator = target
  isRead = true
  process.env['GRPC_DEFAULT_SSL_ROOTS_FILE_PATH'] = target.caFile
  process.env['GCE_METADATA_HOST'] ??= target.metadataHost
}
