import { existsSync, readdirSync, rmdirSync, rmSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { isDataFolder } from '@imagery/local-cloud/contract/data-folder'
import { FolderLocked, LOCK_FILES, lockFolder, type FolderLock } from '@imagery/local-cloud/contract/folder-lock'
import { ImageryError } from '../../contracts/errors.ts'
import type { LocalCloudLocator } from '@imagery/local-cloud/contract/locator'
import { adminCall, inspectFolder, type Unfinished } from './find.ts'
import { isAlive } from '@imagery/local-cloud/contract/process-alive'
import { folderPatience, POLL_MS, type Waiting } from './wait-for-folder.ts'

/** A process that has released its folder exits within this time. */
const EXIT_TIMEOUT_MS = 5_000

/** A cloud with no work in progress stops faster than this. */
const STOP_QUIET_MS = 1_000

/** How often to report what a stopping cloud still waits for. */
const SAY_MS = 10_000

export interface StopOptions extends Waiting {
  /** Cuts off the calls in progress. */
  now?: boolean
  /** Called at once, and then every ten seconds, with what the cloud waits for. */
  unfinished?: (unfinished: Unfinished, locator: LocalCloudLocator) => void
}

/**
 * Stops the local cloud in a data folder and waits until it has exited, even if it is still starting,
 * or another process is stopping it. Returns whether there was one.
 */
export async function stopLocalCloud(dataDirectory: string, options: StopOptions = {}): Promise<boolean> {
  const { now = false, unfinished: tell, ...waiting } = options
  let saidAtMs: number | undefined
  const say = (line: string): void => {
    if (saidAtMs === undefined) waiting.say?.(line)
  }
  const wait = folderPatience(dataDirectory, { quietMs: STOP_QUIET_MS, ...waiting, say })
  let pid: number | undefined
  let isStopping = false
  let isAbandoned = false
  for (;;) {
    const seen = await inspectFolder(dataDirectory, waiting.signal)
    if (seen.state === 'free') break
    const owner = seen.state === 'ready' ? { pid: seen.locator.pid, phase: 'running' as const } : seen.owner
    // A command can have started the next cloud in the meantime, which must not be stopped.
    if (isStopping && owner.pid !== undefined && owner.pid !== pid) break
    pid ??= owner.pid
    if (seen.state === 'ready' && !isStopping) {
      pid = seen.locator.pid
      isStopping = await askToStop(seen.locator, now)
      if (isStopping) continue
    }
    if (seen.state === 'busy' && seen.draining) {
      const { locator, unfinished } = seen.draining
      // Tells a cloud that is already stopping not to wait.
      if (now && !isAbandoned) isAbandoned = await askToStop(locator, now)
      const isDue = saidAtMs === undefined || performance.now() - saidAtMs >= SAY_MS
      if (tell && !now && unfinished.deliveries > 0 && isDue) {
        tell(unfinished, locator)
        saidAtMs = performance.now()
      }
    }
    if (owner.phase === 'stopping') isStopping = true
    await wait(owner)
  }
  if (pid !== undefined) await untilGone(pid)
  return pid !== undefined
}

/** Returns false if the cloud did not accept the call, because it is exiting or hangs. The next inspection shows which. */
async function askToStop(locator: LocalCloudLocator, now: boolean): Promise<boolean> {
  const route = `/_imagery/shutdown${now ? '?now=true' : ''}`
  const answer = await adminCall(locator, 'POST', route).catch(() => undefined)
  return answer?.status === 202
}

async function untilGone(pid: number): Promise<void> {
  if (pid === process.pid) return
  const deadline = performance.now() + EXIT_TIMEOUT_MS
  while (isAlive(pid) && performance.now() < deadline) await pause(POLL_MS)
}

/**
 * Checks that no command uses the data that a reset would delete.
 *
 * @throws ImageryError INVALID_FLAG if the folder is not a local cloud's, LOCAL_CLOUD_FAILED while commands use it
 */
export async function checkReset(dataDirectory: string): Promise<void> {
  const entries = existsSync(dataDirectory) ? readdirSync(dataDirectory) : []
  if (entries.length > 0 && !isDataFolder(entries)) {
    throw new ImageryError('INVALID_FLAG', `${dataDirectory} is not a local cloud's data folder; nothing was deleted`)
  }
  const seen = await inspectFolder(dataDirectory)
  if (seen.state !== 'ready' || seen.users === 0) return
  const users = seen.users === 1 ? '1 command is using' : `${seen.users} commands are using`
  throw new ImageryError(
    'LOCAL_CLOUD_FAILED',
    `${users} the local cloud in ${dataDirectory}, and a reset would delete its data. Nothing was deleted`,
    { suggestions: ['Wait until no command uses it, then try again', 'imagery local stop   (interrupts them)'] },
  )
}

/**
 * Stops the local cloud and deletes its data folder. Returns whether there was one.
 *
 * @throws ImageryError as `checkReset` does; LOCAL_CLOUD_FAILED if the folder cannot be deleted
 */
export async function resetLocalCloud(dataDirectory: string, waiting: Waiting = {}): Promise<boolean> {
  await checkReset(dataDirectory)
  // Calls in progress would write to the folder that is about to be deleted.
  await stopLocalCloud(dataDirectory, { ...waiting, now: true })
  if (!existsSync(dataDirectory) || readdirSync(dataDirectory).length === 0) return false
  const lock = takeFolder(dataDirectory)
  try {
    lock.say('deleting')
    const isLock = (name: string): boolean => (LOCK_FILES as readonly string[]).includes(name)
    // Deletes the lock last, so that no process starts a cloud in the rest of the folder.
    for (const name of readdirSync(dataDirectory).toSorted((a, b) => Number(isLock(a)) - Number(isLock(b)))) {
      rmSync(path.join(dataDirectory, name), { recursive: true, force: true })
    }
    rmdirSync(dataDirectory)
  } catch (error) {
    // A command that waited for the folder has started a new cloud in it.
    if ((error as NodeJS.ErrnoException).code === 'ENOTEMPTY') return true
    throw new ImageryError(
      'LOCAL_CLOUD_FAILED',
      `The data folder ${dataDirectory} cannot be deleted: ${(error as Error).message}`,
      { cause: error },
    )
  } finally {
    lock.release()
  }
  return true
}

function takeFolder(dataDirectory: string): FolderLock {
  try {
    return lockFolder(dataDirectory)
  } catch (error) {
    const message =
      error instanceof FolderLocked
        ? `Another process started a local cloud in ${dataDirectory} in the meantime; nothing was deleted`
        : `The data folder ${dataDirectory} cannot be deleted: ${(error as Error).message}`
    throw new ImageryError('LOCAL_CLOUD_FAILED', message, {
      suggestions: error instanceof FolderLocked ? ['imagery local reset'] : [],
      cause: error,
    })
  }
}
