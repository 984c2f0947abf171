import { request } from 'node:http'
import type { FolderPhase } from '@imagery/local-cloud/contract/folder-lock'
import { ImageryError } from '../../contracts/errors.ts'
import type { LocalCloudLocator } from '@imagery/local-cloud/contract/locator'
import { useLocalCloud } from '../../google/transport/environment.ts'
import { markLocalCloudLost } from '../../google/transport/errors.ts'
import { isEnding, inspectFolder, adminCall, noAnswer, type Sighting, type Unfinished } from './find.ts'
import { checkRunningGemini } from './gemini-stand-in.ts'
import { launchLocalCloud } from './start.ts'
import { folderPatience, type Waiting } from './wait-for-folder.ts'

export { adminCall, findLocalCloud } from './find.ts'

/** A local cloud that this process uses; it stays up at least until `release`. */
export interface AttachedLocalCloud {
  locator: LocalCloudLocator
  /** Whether it stops with the last command that uses it, because a command started it. */
  endsWhenIdle: boolean
  release(): void
}

export interface AttachOptions extends Waiting {
  /** The command line that starts `imagery`. */
  launcher: readonly string[]
  /** imagery's version. A cloud of another version is not used. */
  version?: string | undefined
  /** What answers in Gemini's place, as `readGeminiFlag` returns it. */
  gemini?: string | undefined
  /**
   * What a cloud that this command starts has if it can: what last answered there. A running cloud can have anything
   * else.
   */
  again?: string | undefined
  /** Called before a cloud is started, which takes a second or two. */
  starting?: () => void
}

/**
 * Finds the local cloud in a data folder, or starts one that stops with its last user, and points
 * this process's clients at it. Waits while another process starts or stops a cloud there.
 *
 * @throws ImageryError LOCAL_CLOUD_FAILED with the local cloud's message, or if the running one is
 *   another version; INVALID_FLAG if it has another source for Gemini's answers
 */
export async function attachLocalCloud(dataDirectory: string, options: AttachOptions): Promise<AttachedLocalCloud> {
  const { gemini, version, launcher, signal } = options
  const wait = folderPatience(dataDirectory, options)
  for (;;) {
    const seen = await inspectFolder(dataDirectory, signal)
    if (seen.state === 'free') {
      options.starting?.()
      await launch(dataDirectory, launcher, options)
    } else if (seen.state === 'busy') await wait(seen.owner)
    else if (isEnding(seen) && !suits(seen.locator, options)) {
      await wait({ pid: seen.locator.pid, phase: 'stopping' })
    } else {
      checkVersion(seen.locator, version)
      checkRunningGemini(seen.locator, gemini, 'imagery local stop')
      const release = await takeLease(seen.locator)
      if (release) {
        await checkMetadata(seen.locator, signal).catch((error: unknown) => {
          release()
          throw error
        })
        useLocalCloud(seen.locator)
        return { locator: seen.locator, endsWhenIdle: seen.endsWhenIdle, release }
      }
      // It was already stopping.
      await wait({ pid: seen.locator.pid, phase: 'stopping' })
    }
  }
}

/** A command that did not choose the source of Gemini's answers works without it, if its file is gone or not valid. */
async function launch(
  dataDirectory: string,
  launcher: readonly string[],
  { gemini, again, say }: AttachOptions,
): Promise<void> {
  const start = async (choice: string | undefined): Promise<unknown> =>
    launchLocalCloud(dataDirectory, launcher, ['--until-idle', ...(choice === undefined ? [] : ['--gemini', choice])])
  if (gemini !== undefined || again === undefined) return void (await start(gemini))
  try {
    await start(again)
  } catch (error) {
    if (!(error instanceof ImageryError)) throw error
    await start(undefined)
    say?.(`The local cloud has started without Gemini: ${error.message}`)
  }
}

function suits({ gemini, imageryVersion }: LocalCloudLocator, asked: AttachOptions): boolean {
  return (asked.gemini === undefined || asked.gemini === gemini) && isSameVersion(imageryVersion, asked.version)
}

/** A cloud without a version was not started by a command. */
function isSameVersion(running: string | undefined, own: string | undefined): boolean {
  return running === undefined || own === undefined || running === own
}

function checkVersion({ imageryVersion, pid }: LocalCloudLocator, own: string | undefined): void {
  if (isSameVersion(imageryVersion, own)) return
  throw new ImageryError(
    'LOCAL_CLOUD_FAILED',
    `The running local cloud (process ${pid}) is from imagery ${imageryVersion}, but this is imagery ${own}`,
    { suggestions: ['imagery local stop   (its state is kept; the next command starts this version)'] },
  )
}

/** The metadata server responds faster than this. Clients would retry for a minute. */
const METADATA_TIMEOUT_MS = 5_000

/** Without the metadata server, no call gets a token, and each client reports that differently. */
async function checkMetadata({ metadataHost }: LocalCloudLocator, signal: AbortSignal | undefined): Promise<void> {
  const timeout = AbortSignal.timeout(METADATA_TIMEOUT_MS)
  try {
    const answer = await fetch(`http://${metadataHost}/computeMetadata/v1/project/project-id`, {
      headers: { 'Metadata-Flavor': 'Google' },
      signal: signal ? AbortSignal.any([timeout, signal]) : timeout,
    })
    const text = await answer.text()
    if (!answer.ok) throw new Error(`HTTP ${answer.status}: ${text}`)
  } catch (error) {
    signal?.throwIfAborted()
    throw noAnswer(`The local cloud's metadata server on ${metadataHost}`, error)
  }
}

/**
 * Returns the local cloud in a data folder, for a command that starts none. Waits while one is starting.
 *
 * @throws ImageryError LOCAL_CLOUD_NOT_RUNNING
 */
export async function requireLocalCloud(dataDirectory: string, waiting: Waiting = {}): Promise<LocalCloudLocator> {
  const wait = folderPatience(dataDirectory, waiting)
  for (;;) {
    const seen = await inspectFolder(dataDirectory, waiting.signal)
    if (seen.state === 'ready') return seen.locator
    if (seen.state === 'busy' && seen.owner.phase === 'starting') await wait(seen.owner)
    else
      throw new ImageryError('LOCAL_CLOUD_NOT_RUNNING', `No local cloud is running in ${dataDirectory}`, {
        suggestions: ['imagery local start'],
      })
  }
}

/**
 * Waits until a local cloud can be started on a data folder, or one keeps running there.
 *
 * @returns whether the folder is free
 */
export async function isFolderFree(dataDirectory: string, waiting: Waiting = {}): Promise<boolean> {
  const wait = folderPatience(dataDirectory, waiting)
  for (;;) {
    const seen = await inspectFolder(dataDirectory, waiting.signal)
    if (seen.state === 'free') return true
    if (seen.state === 'ready' && !isEnding(seen)) return false
    await wait(seen.state === 'busy' ? seen.owner : { pid: seen.locator.pid, phase: 'stopping' })
  }
}

/** Returns the error for starting a local cloud where one is running. */
export function alreadyRunning(dataDirectory: string, cause?: unknown): ImageryError {
  return new ImageryError('LOCAL_CLOUD_FAILED', `A local cloud is already running in ${dataDirectory}`, {
    suggestions: ['imagery local status', 'imagery local stop', 'Choose another folder with --data-dir FOLDER'],
    cause,
  })
}

/**
 * Holds a request open as a lease. The local cloud counts leases, and the lease of a killed process ends by itself.
 * If the local cloud is killed, the request ends here. Returns undefined if the cloud is stopping or has stopped.
 */
async function takeLease(locator: LocalCloudLocator): Promise<(() => void) | undefined> {
  return new Promise((resolve) => {
    let isReleased = false
    const lease = request(
      new URL('/_imagery/lease', locator.http),
      { headers: { authorization: `Bearer ${locator.adminToken}` } },
      (response) => {
        response.resume()
        response.on('error', () => undefined)
        if (response.statusCode !== 200) {
          resolve(undefined)
          return
        }
        response.on('close', () => {
          if (!isReleased) markLocalCloudLost()
        })
        response.socket.unref()
        resolve(() => {
          isReleased = true
          lease.destroy()
        })
      },
    )
    lease.on('error', () => resolve(undefined))
    lease.end()
  })
}

/** The status of the local cloud in a data folder, and what it holds. */
export interface LocalCloudStatus {
  running: boolean
  /** What the process that holds the data folder is doing, if no local cloud responds. */
  phase?: FolderPhase
  /** What a stopping cloud waits for. */
  stopping?: { deliveries: number; model_calls: number; at_most_ms: number; answers: string | null }
  http?: string
  grpc?: string
  pid?: number
  /** Resource counts by API. */
  apis?: Record<string, Record<string, number>>
  /** Calls by method since it started. */
  calls?: Record<string, number>
  /** What answers in Gemini's place, and its calls since the start. */
  gemini?: GeminiStatus
}

/** Calls to Gemini. A unit is one model and one set of images. */
export interface GeminiStatus {
  /** `replay:FILE`, `script:FILE`, `forward`, or null if every call is refused. */
  answers: string | null
  units: number
  calls: number
  /** Calls whose answer reported token usage, which are billed. */
  billed_calls: number
  /** Calls that failed validation. */
  refused_calls: number
  /** The maximum number of concurrent calls. */
  most_at_once: number
  max_calls_per_unit: number
  max_billed_calls_per_unit: number
  prompt_tokens: number
  answer_tokens: number
  thought_tokens: number
  outcomes: Record<string, number>
  tiers: Record<string, number>
  media_resolutions: Record<string, number>
  transports: Record<string, number>
}

export async function localCloudStatus(dataDirectory: string): Promise<LocalCloudStatus> {
  const seen = await inspectFolder(dataDirectory)
  if (seen.state !== 'ready') return { running: false, ...doing(seen) }
  const { locator } = seen
  const { body } = await adminCall(locator, 'GET', '/_imagery/state')
  const { apis, calls, gemini } = body as Pick<LocalCloudStatus, 'apis' | 'calls'> & {
    gemini?: Record<string, unknown>
  }
  const grpc = `${locator.grpc.host}:${locator.grpc.port}`
  return {
    running: true,
    http: locator.http,
    grpc,
    pid: locator.pid,
    ...(apis ? { apis } : {}),
    ...(calls ? { calls } : {}),
    ...(gemini ? { gemini: geminiStatus(locator.gemini ?? null, gemini) } : {}),
  }
}

function geminiStatus(answers: string | null, summary: Record<string, unknown>): GeminiStatus {
  const renamed = Object.entries(summary).map(([name, value]) => [
    name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
    value,
  ])
  return { answers, ...(Object.fromEntries(renamed) as Omit<GeminiStatus, 'answers'>) }
}

function doing(seen: Sighting): Pick<LocalCloudStatus, 'phase' | 'pid' | 'stopping'> {
  if (seen.state !== 'busy') return {}
  const { phase, pid } = seen.owner
  return {
    phase,
    ...(pid === undefined ? {} : { pid }),
    ...(seen.draining ? { stopping: unfinishedOf(seen.draining) } : {}),
  }
}

function unfinishedOf({ locator, unfinished }: { locator: LocalCloudLocator; unfinished: Unfinished }) {
  const { deliveries, modelCalls, atMostMs } = unfinished
  return { deliveries, model_calls: modelCalls, at_most_ms: atMostMs, answers: locator.gemini ?? null }
}
