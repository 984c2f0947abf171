import { spawn } from 'node:child_process'
import { closeSync, openSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { closeDataFolder, DataFolderRefused } from '@imagery/local-cloud/contract/data-folder'
import { folderOwner } from '@imagery/local-cloud/contract/folder-lock'
import { ImageryError } from '../../contracts/errors.ts'
import type { LocalCloudLocator } from '@imagery/local-cloud/contract/locator'
import { shellWord } from '@imagery/local-cloud/contract/shell-word'
import { inspectFolder, refusedFolder } from './find.ts'
import { makeFolder } from './make-folder.ts'
import { isAlive } from '@imagery/local-cloud/contract/process-alive'
import { POLL_MS } from './wait-for-folder.ts'

/** A local cloud is ready in about a second, or later on a busy machine. */
const START_TIMEOUT_MS = 60_000

/** Exit code of `imagery local start --yield` if another process holds the data folder (EX_TEMPFAIL of sysexits.h). */
export const EXIT_FOLDER_TAKEN = 75

const LOG_FILE = 'local-cloud.log'

/**
 * Starts a local cloud as a separate process, and waits until it is ready.
 *
 * @param flags of `imagery local start`
 * @param signal ends the starting process and the wait
 * @returns undefined if another process holds the data folder
 * @throws ImageryError LOCAL_CLOUD_FAILED with the local cloud's message
 */
export async function launchLocalCloud(
  dataDirectory: string,
  launcher: readonly string[],
  flags: readonly string[],
  signal?: AbortSignal,
): Promise<LocalCloudLocator | undefined> {
  const log = openLog(dataDirectory)
  const [command = process.execPath, ...launch] = launcher
  // Detached, because a Ctrl-C in the terminal is for this process only. The local cloud stops with its last user.
  const child = spawn(
    command,
    [...launch, 'local', 'start', ...flags, '--yield', '--json', '--data-dir', dataDirectory],
    {
      detached: true,
      stdio: ['ignore', log.descriptor, log.descriptor],
    },
  )
  child.unref()
  let end: { code: number | null; how: string } | undefined
  child.once('exit', (code, killer) => {
    end = { code, how: killer === null ? `it exited with ${code}` : `it was ended by ${killer}` }
  })
  child.once('error', (error) => {
    end = { code: null, how: error.message }
  })
  try {
    for (const deadline = performance.now() + START_TIMEOUT_MS; performance.now() < deadline;) {
      const seen = await inspectFolder(dataDirectory, signal)
      if (seen.state === 'ready' && seen.locator.pid === child.pid) {
        log.keep()
        return seen.locator
      }
      if (end) break
      await pause(POLL_MS, undefined, signal ? { signal } : {})
    }
  } catch (error) {
    child.kill()
    log.drop()
    throw signal?.aborted ? signal.reason : error
  }
  if (end?.code === EXIT_FOLDER_TAKEN) {
    log.drop()
    return undefined
  }
  if (!end) child.kill()
  throw startFailed(dataDirectory, log, end?.how ?? `it was not ready within ${START_TIMEOUT_MS / 1_000} s`)
}

interface StartLog {
  descriptor: number
  text(): string
  /** Makes this the log of the running cloud. */
  keep(): string
  drop(): void
}

/** Opens a log for this start only, so that concurrent starts do not overwrite the log of the running cloud. */
function openLog(dataDirectory: string): StartLog {
  try {
    makeFolder(dataDirectory)
    // Before the log exists, because a log marks a folder as a data folder.
    closeDataFolder(dataDirectory)
    sweepLogs(dataDirectory)
    const own = path.join(dataDirectory, `${LOG_FILE}.${process.pid}`)
    const descriptor = openSync(own, 'w', 0o600)
    return {
      descriptor,
      text: () => readFileSync(own, 'utf8'),
      keep() {
        closeLog(descriptor, own)
        const file = path.join(dataDirectory, LOG_FILE)
        renameSync(own, file)
        return file
      },
      drop() {
        closeLog(descriptor, own)
        rmSync(own, { force: true })
      },
    }
  } catch (error) {
    if (error instanceof DataFolderRefused) throw refusedFolder(error)
    throw new ImageryError(
      'LOCAL_CLOUD_FAILED',
      `The data folder ${dataDirectory} cannot be created: ${(error as Error).message}`,
      {
        suggestions: ['Choose another folder with --data-dir FOLDER'],
        cause: error,
      },
    )
  }
}

function closeLog(descriptor: number, log: string): void {
  try {
    closeSync(descriptor)
  } catch (error) {
    // Node names the file only if opening it fails.
    throw Object.assign(error as Error, { path: log })
  }
}

/** Deletes the logs of commands that were killed while they started a cloud. */
function sweepLogs(dataDirectory: string): void {
  for (const name of readdirSync(dataDirectory)) {
    const [, pid] = /^local-cloud\.log\.(\d+)$/.exec(name) ?? []
    if (pid !== undefined && !isAlive(Number(pid))) rmSync(path.join(dataDirectory, name), { force: true })
  }
}

/** `local start --json` prints its error document last. Any other output is shown unchanged. */
function startFailed(dataDirectory: string, log: StartLog, how: string): ImageryError {
  const text = log.text()
  const start = text.lastIndexOf('{"error"')
  const compact = start >= 0 ? start : text.lastIndexOf('{\n  "error"')
  try {
    const { error } = JSON.parse(text.slice(compact)) as { error: { message: string; suggestions?: string[] } }
    log.drop()
    return new ImageryError('LOCAL_CLOUD_FAILED', error.message, { suggestions: error.suggestions ?? [] })
  } catch {
    const file = folderOwner(dataDirectory) ? undefined : log.keep()
    return new ImageryError(
      'LOCAL_CLOUD_FAILED',
      `The local cloud in ${dataDirectory} did not start: ${text.trim().split('\n').at(-1) || how}`,
      { suggestions: file === undefined ? [] : [`cat ${shellWord(file)}`] },
    )
  }
}
