import { ImageryError } from '../contracts/errors.ts'
import { attachLocalCloud } from './local-cloud.ts'
import { openStateStore, type StateStore } from './state-store.ts'
import { localTarget, type Target } from './target.ts'

/** What a command works with: a cloud, and what this machine remembers. */
export interface Session {
  target: Target
  store: StateStore
  /** Whether the local cloud ends with this command. */
  endsWithUs: boolean
  close(): void
}

/**
 * Opens the cloud that a command names.
 *
 * @throws ImageryError DEPLOYMENT_NOT_FOUND, LOCAL_CLOUD_FAILED, INVALID_CONFIGURATION
 */
export async function openSession(options: {
  local: boolean
  dataDirectory: string
  configDirectory: string
  launcher: readonly string[]
}): Promise<Session> {
  if (!options.local) {
    throw new ImageryError('NOT_AVAILABLE', 'This version of imagery works on the local cloud only: it cannot deploy to a Google Cloud project yet', {
      suggestions: ['The same command with --local'],
    })
  }
  const store = await openStateStore(options.configDirectory)
  const { locator, isOwn, release } = await attachLocalCloud(options.dataDirectory, options.launcher)
  const place = { projectId: locator.projectId, region: locator.region }
  return { target: localTarget(options.dataDirectory, place), store, endsWithUs: isOwn, close: release }
}
