import { randomUUID } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { checkDataFolderOwner, DataFolderRefused } from '@imagery/local-cloud/contract/data-folder'
import { folderOwner, type FolderOwner } from '@imagery/local-cloud/contract/folder-lock'
import { ImageryError } from '../../contracts/errors.ts'
import { LOCATOR_FILE, localCloudLocator, type LocalCloudLocator } from '@imagery/local-cloud/contract/locator'
import { localCloudProof } from '@imagery/local-cloud/contract/proof'

/** What was found in a data folder. */
export type Sighting =
  /** A local cloud that responds. */
  | { state: 'ready'; locator: LocalCloudLocator; users: number; endsWhenIdle: boolean }
  /** A process holds the folder, but no local cloud responds: not yet, no longer, or it hangs. */
  | { state: 'busy'; owner: FolderOwner; draining?: { locator: LocalCloudLocator; unfinished: Unfinished } }
  | { state: 'free' }

/** Inspects a data folder. Ignores files that a crash left behind. */
export async function inspectFolder(dataDirectory: string, signal?: AbortSignal): Promise<Sighting> {
  const locator = readLocator(dataDirectory)
  let draining: { locator: LocalCloudLocator; unfinished: Unfinished } | undefined
  if (locator && (await isProven(locator, signal))) {
    const health = await adminCall(locator, 'GET', '/_imagery/health', signal).catch(() => undefined)
    const { leases = 0, endsWhenIdle = false, unfinished } = (health?.body ?? {}) as Health
    if (health?.status === 200) return { state: 'ready', locator, users: leases, endsWhenIdle }
    if (unfinished) draining = { locator, unfinished }
  }
  signal?.throwIfAborted()
  const owner = folderOwner(dataDirectory)
  if (!owner) return { state: 'free' }
  // The process has just written its locator file, or this version of imagery cannot read the file.
  if (owner.phase === 'running' && !locator && existsSync(path.join(dataDirectory, LOCATOR_FILE))) {
    if (readLocator(dataDirectory)) return inspectFolder(dataDirectory, signal)
    throw otherVersion(dataDirectory, owner)
  }
  return { state: 'busy', owner, ...(draining ? { draining } : {}) }
}

/** What a stopping cloud waits for. */
export interface Unfinished {
  deliveries: number
  modelCalls: number
  atMostMs: number
}

interface Health {
  leases?: number
  endsWhenIdle?: boolean
  /** Set while the cloud is stopping. */
  unfinished?: Unfinished
}

/** Whether the locator's address belongs to its local cloud. Another program can have taken the port since. */
async function isProven(locator: LocalCloudLocator, signal: AbortSignal | undefined): Promise<boolean> {
  const challenge = randomUUID()
  const url = new URL(`/_imagery/proof?challenge=${challenge}`, locator.http)
  const timeout = AbortSignal.timeout(ADMIN_TIMEOUT_MS)
  try {
    const answer = await fetch(url, {
      signal: signal ? AbortSignal.any([timeout, signal]) : timeout,
      redirect: 'error',
    })
    const { proof } = (await answer.json()) as { proof?: unknown }
    return proof === localCloudProof(locator.adminToken, challenge)
  } catch {
    // Nothing listens there, or another program does.
    return false
  }
}

function otherVersion(dataDirectory: string, { pid }: FolderOwner): ImageryError {
  return new ImageryError(
    'LOCAL_CLOUD_FAILED',
    `The local cloud in ${dataDirectory} (process ${pid ?? 'unknown'}) was started by another version of imagery, which this version cannot talk to`,
    { suggestions: ['Stop it with the version that started it', ...(pid === undefined ? [] : [`kill ${pid}`])] },
  )
}

/** Returns the local cloud that runs on a data folder, or undefined. Ignores a locator file that a crash left behind. */
export async function findLocalCloud(dataDirectory: string): Promise<LocalCloudLocator | undefined> {
  const seen = await inspectFolder(dataDirectory)
  return seen.state === 'ready' ? seen.locator : undefined
}

/**
 * Returns the local cloud that keeps running on a data folder, or undefined. Ignores one that is about to stop
 * because the last command that used it has ended.
 */
export async function findLastingCloud(dataDirectory: string): Promise<LocalCloudLocator | undefined> {
  const seen = await inspectFolder(dataDirectory)
  return seen.state === 'ready' && !isEnding(seen) ? seen.locator : undefined
}

/** Whether a running cloud is about to stop because no command uses it. */
export function isEnding(seen: { users: number; endsWhenIdle: boolean }): boolean {
  return seen.endsWhenIdle && seen.users === 0
}

function readLocator(dataDirectory: string): LocalCloudLocator | undefined {
  try {
    checkDataFolderOwner(dataDirectory, LOCATOR_FILE)
    const text = readFileSync(path.join(dataDirectory, LOCATOR_FILE), 'utf8')
    const parsed = localCloudLocator.safeParse(JSON.parse(text))
    return parsed.data
  } catch (error) {
    if (error instanceof SyntaxError || ['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? ''))
      return undefined
    if (error instanceof DataFolderRefused) throw refusedFolder(error)
    throw new ImageryError(
      'LOCAL_CLOUD_FAILED',
      `The data folder ${dataDirectory} cannot be read: ${(error as Error).message}`,
      {
        suggestions: ['Choose another folder with --data-dir FOLDER'],
        cause: error,
      },
    )
  }
}

export function refusedFolder(cause: DataFolderRefused): ImageryError {
  return new ImageryError('LOCAL_CLOUD_FAILED', cause.message, { suggestions: cause.suggestions, cause })
}

export interface AdminAnswer {
  status: number
  body: unknown
}

/** A local cloud responds to its own endpoints faster than this. */
const ADMIN_TIMEOUT_MS = 5_000

/** Calls one of the local cloud's own endpoints. @throws ImageryError LOCAL_CLOUD_FAILED if nothing responds */
export async function adminCall(
  locator: LocalCloudLocator,
  method: 'GET' | 'POST',
  route: string,
  signal?: AbortSignal,
): Promise<AdminAnswer> {
  const timeout = AbortSignal.timeout(ADMIN_TIMEOUT_MS)
  try {
    const response = await fetch(new URL(route, locator.http), {
      method,
      headers: { authorization: `Bearer ${locator.adminToken}` },
      signal: signal ? AbortSignal.any([timeout, signal]) : timeout,
    })
    const text = await response.text()
    return { status: response.status, body: text ? JSON.parse(text) : undefined }
  } catch (error) {
    signal?.throwIfAborted()
    throw noAnswer(`The local cloud (process ${locator.pid})`, error)
  }
}

/** Returns the error for a server of the local cloud that does not respond, or responds incorrectly. */
export function noAnswer(who: string, error: unknown): ImageryError {
  const { message, cause } = error as Error
  const why = cause instanceof Error ? cause.message : message
  return new ImageryError('LOCAL_CLOUD_FAILED', `${who} does not respond: ${why}`, {
    suggestions: ['imagery local stop   (its state is kept; the next command restarts it)'],
    cause: error,
  })
}
