import { ImageryError } from '../contracts/errors.ts'
import { attachLocalCloud } from './local-cloud.ts'
import { openStateStore, type StateStore } from './state-store.ts'
import { localTarget, type Target } from './target.ts'

/** What a command works with: a cloud, and what this machine remembers. */
export interface Session {
  target: Target
  store: StateStore
  /** Who answers in Gemini's place in a local cloud; undefined when nobody does. */
  gemini: string | undefined
  /** @throws ImageryError LOCAL_CLOUD_NOT_RUNNING when the cloud ends with this command, as one that it had to start does */
  mustOutliveUs(): void
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
  /** What a suggested command must carry to work on the same cloud. */
  flags: string
  /** Called before a local cloud is started, which takes a second or two. */
  starting: () => void
  /** Who shall answer in Gemini's place, if a local cloud must be started. */
  gemini: string | undefined
}): Promise<Session> {
  if (!options.local) {
    throw new ImageryError(
      'NOT_AVAILABLE',
      'This version of imagery works on the local cloud only: it cannot deploy to a Google Cloud project yet',
      {
        suggestions: ['The same command with --local'],
      },
    )
  }
  const store = await openStateStore(options.configDirectory)
  const { locator, isOwn, release } = await attachLocalCloud(options.dataDirectory, options.launcher, {
    gemini: options.gemini,
    flags: options.flags,
    starting: options.starting,
  })
  const place = { projectId: locator.projectId, region: locator.region }
  const mustOutliveUs = (): void => {
    if (isOwn) throw notRunning(options.flags)
  }
  return {
    target: localTarget(options.dataDirectory, place, options.flags),
    store,
    gemini: locator.gemini,
    mustOutliveUs,
    close: release,
  }
}

function notRunning(flags: string): ImageryError {
  return new ImageryError('LOCAL_CLOUD_NOT_RUNNING', '--no-wait needs a local cloud that outlives this command', {
    suggestions: [`imagery local start --detach${flags.replace(' --local', '')}`],
  })
}
