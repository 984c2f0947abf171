import { spawn } from 'node:child_process'
import { closeSync, existsSync, openSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { request } from 'node:http'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { ImageryError } from '../contracts/errors.ts'
import { LOCATOR_FILE, localCloudLocator, type LocalCloudLocator } from '../contracts/local-cloud-locator.ts'
import { useLocalCloud } from '../google/environment.ts'
import { checkRunningGemini } from './gemini-stand-in.ts'
import { makeFolder } from './make-folder.ts'
import { isAlive } from './process-alive.ts'

/** A local cloud that this process uses; it stays up at least until `release`. */
export interface AttachedLocalCloud {
  locator: LocalCloudLocator
  /** Whether this process started it, so that it ends with its last user. */
  isOwn: boolean
  release(): void
}

/** A local cloud is ready in about a second; a slow disk may take longer. */
const START_TIMEOUT_MS = 30_000

const POLL_MS = 25

/**
 * Finds the local cloud of a data folder, or starts one that ends with its last user, and points
 * this process's clients at it.
 *
 * @param launcher the command line that starts `imagery`
 * @param options.starting called before one is started, which takes a second or two
 * @param options.gemini who shall answer in Gemini's place, as `readGeminiFlag` gives it
 * @throws ImageryError LOCAL_CLOUD_FAILED with what the local cloud said; INVALID_FLAG when the one that runs has another Gemini
 */
export async function attachLocalCloud(
  dataDirectory: string,
  launcher: readonly string[],
  options: { gemini?: string | undefined; flags?: string; starting?: () => void } = {},
): Promise<AttachedLocalCloud> {
  const { gemini, flags = '' } = options
  const running = await findLocalCloud(dataDirectory)
  if (!running) options.starting?.()
  const chosen = gemini === undefined ? [] : ['--gemini', gemini]
  const locator = running ?? (await startLocalCloud(dataDirectory, launcher, ['--until-idle', ...chosen]))
  checkRunningGemini(locator, gemini, `imagery local stop${flags.replace(' --local', '')}`)
  useLocalCloud(locator)
  return { locator, isOwn: running === undefined, release: await takeLease(locator) }
}

/** The local cloud that runs on a data folder, or undefined. A locator file that a crash left behind counts for nothing. */
export async function findLocalCloud(dataDirectory: string): Promise<LocalCloudLocator | undefined> {
  const locator = readLocator(dataDirectory)
  if (!locator) return undefined
  const health = await adminCall(locator, 'GET', '/_imagery/health').catch(() => undefined)
  return health?.status === 200 ? locator : undefined
}

function readLocator(dataDirectory: string): LocalCloudLocator | undefined {
  try {
    const text = readFileSync(path.join(dataDirectory, LOCATOR_FILE), 'utf8')
    const parsed = localCloudLocator.safeParse(JSON.parse(text))
    return parsed.data
  } catch (error) {
    if (error instanceof SyntaxError || ['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? ''))
      return undefined
    throw new ImageryError(
      'LOCAL_CLOUD_FAILED',
      `The data folder ${dataDirectory} cannot be read: ${(error as Error).message}`,
      {
        suggestions: ['Choose another with --data-dir FOLDER'],
        cause: error,
      },
    )
  }
}

/**
 * Starts a local cloud as a process of its own, or finds the one that runs already.
 *
 * @param flags of `imagery local start`
 * @throws ImageryError LOCAL_CLOUD_FAILED with what the local cloud said
 */
export async function startLocalCloud(
  dataDirectory: string,
  launcher: readonly string[],
  flags: readonly string[],
): Promise<LocalCloudLocator> {
  const log = path.join(dataDirectory, 'local-cloud.log')
  const output = openLog(dataDirectory, log)
  const [command = process.execPath, ...launch] = launcher
  // Detached: a Ctrl-C in the terminal is for this process; the local cloud ends when its last user is gone.
  const child = spawn(command, [...launch, 'local', 'start', ...flags, '--json', '--data-dir', dataDirectory], {
    detached: true,
    stdio: ['ignore', output, output],
  })
  child.unref()
  let exited = false
  child.once('exit', () => {
    exited = true
  })
  child.once('error', () => {
    exited = true
  })
  try {
    for (const deadline = Date.now() + START_TIMEOUT_MS; Date.now() < deadline; await pause(POLL_MS)) {
      const locator = await findLocalCloud(dataDirectory)
      if (locator) return locator
      if (exited) break
    }
  } finally {
    closeLog(output, log)
  }
  // Another imagery may have won the race for the folder.
  const other = await findLocalCloud(dataDirectory)
  if (other) return other
  throw startFailed(log)
}

function openLog(dataDirectory: string, log: string): number {
  try {
    makeFolder(dataDirectory)
    return openSync(log, 'w', 0o600)
  } catch (error) {
    throw new ImageryError(
      'LOCAL_CLOUD_FAILED',
      `The data folder ${dataDirectory} cannot be made: ${(error as Error).message}`,
      {
        suggestions: ['Choose another with --data-dir FOLDER'],
        cause: error,
      },
    )
  }
}

function closeLog(output: number, log: string): void {
  try {
    closeSync(output)
  } catch (error) {
    // Node names the file only when it cannot be opened.
    throw Object.assign(error as Error, { path: log })
  }
}

/** What `local start --json` printed last is its error document; anything else is shown as it is. */
function startFailed(log: string): ImageryError {
  const text = readFileSync(log, 'utf8')
  const start = text.lastIndexOf('{"error"')
  const compact = start >= 0 ? start : text.lastIndexOf('{\n  "error"')
  try {
    const { error } = JSON.parse(text.slice(compact)) as { error: { message: string; suggestions?: string[] } }
    return new ImageryError('LOCAL_CLOUD_FAILED', error.message, { suggestions: error.suggestions ?? [] })
  } catch {
    return new ImageryError(
      'LOCAL_CLOUD_FAILED',
      `The local cloud did not start: ${text.trim().split('\n').at(-1) ?? 'it said nothing'}`,
      {
        suggestions: [`cat '${log}'`],
      },
    )
  }
}

/** Holds a request open as a sign of life: the local cloud counts them, and a killed process's ends by itself. */
async function takeLease(locator: LocalCloudLocator): Promise<() => void> {
  return new Promise((resolve, reject) => {
    const lease = request(
      new URL('/_imagery/lease', locator.http),
      { headers: { authorization: `Bearer ${locator.adminToken}` } },
      (response) => {
        response.resume()
        response.on('error', () => undefined)
        response.socket.unref()
        resolve(() => lease.destroy())
      },
    )
    lease.on('error', (error) =>
      reject(new ImageryError('LOCAL_CLOUD_FAILED', `The local cloud went away: ${error.message}`, { cause: error })),
    )
    lease.end()
  })
}

export interface AdminAnswer {
  status: number
  body: unknown
}

/** Calls one of the local cloud's own endpoints. */
export async function adminCall(
  locator: LocalCloudLocator,
  method: 'GET' | 'POST',
  route: string,
): Promise<AdminAnswer> {
  const response = await fetch(new URL(route, locator.http), {
    method,
    headers: { authorization: `Bearer ${locator.adminToken}` },
    signal: AbortSignal.timeout(5_000),
  })
  const text = await response.text()
  return { status: response.status, body: text ? JSON.parse(text) : undefined }
}

/** What the local cloud of a data folder is and holds. */
export interface LocalCloudStatus {
  running: boolean
  http?: string
  grpc?: string
  pid?: number
  /** Per API, counts of what it holds. */
  apis?: Record<string, Record<string, number>>
  /** Calls per method since it started. */
  calls?: Record<string, number>
  /** Who answers in Gemini's place, and what it was asked since the start. */
  gemini?: GeminiStatus
}

/** What was asked of Gemini: a unit is one model and one set of images. */
export interface GeminiStatus {
  /** `replay:FILE`, `script:FILE`, `forward`, or null when every call is refused. */
  answers: string | null
  units: number
  calls: number
  /** Calls whose answer said what it used: those cost money. */
  billed_calls: number
  /** Calls that did not pass the check. */
  refused_calls: number
  /** The most calls that were under way at one moment. */
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
  const locator = await findLocalCloud(dataDirectory)
  if (!locator) return { running: false }
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

/** Programs of the local Cloud Run have ten seconds to drain. */
const STOP_TIMEOUT_MS = 15_000

/** Stops the local cloud of a data folder and waits until it is gone. Answers whether one was running. */
export async function stopLocalCloud(dataDirectory: string): Promise<boolean> {
  const locator = await findLocalCloud(dataDirectory)
  if (!locator) return false
  await adminCall(locator, 'POST', '/_imagery/shutdown')
  for (const deadline = Date.now() + STOP_TIMEOUT_MS; Date.now() < deadline; await pause(POLL_MS)) {
    if (!isAlive(locator.pid)) return true
  }
  throw new ImageryError('LOCAL_CLOUD_FAILED', `The local cloud (process ${locator.pid}) does not stop`, {
    suggestions: [`kill -9 ${locator.pid}`],
  })
}

/** What lies in every data folder of a local cloud: nothing else is ever deleted recursively. */
const FOLDER_MARKS = ['identity', 'local-cloud.log', 'ports.json', LOCATOR_FILE]

/**
 * Stops the local cloud and deletes its data folder. Answers whether there was one.
 *
 * @throws ImageryError INVALID_FLAG when the folder is not a local cloud's
 */
export async function resetLocalCloud(dataDirectory: string): Promise<boolean> {
  await stopLocalCloud(dataDirectory)
  const entries = existsSync(dataDirectory) ? readdirSync(dataDirectory) : []
  if (entries.length === 0) return false
  if (!FOLDER_MARKS.some((mark) => entries.includes(mark))) {
    throw new ImageryError(
      'INVALID_FLAG',
      `${dataDirectory} is not the data folder of a local cloud; nothing was deleted`,
    )
  }
  rmSync(dataDirectory, { recursive: true, force: true })
  return true
}
