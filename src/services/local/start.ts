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

/** A local cloud is ready in about a second; on a machine that is busy with many, it takes longer. */
const START_TIMEOUT_MS = 60_000

/** What `imagery local start --yield` exits with when another process has the data folder (EX_TEMPFAIL of sysexits.h). */
export const EXIT_FOLDER_TAKEN = 75

const LOG_FILE = 'local-cloud.log'

/**
 * Starts a local cloud as a process of its own, and waits until it is ready.
 *
 * @param flags of `imagery local start`
 * @param signal ends the process that starts, and the wait
 * @returns undefined when another process has the data folder
 * @throws ImageryError LOCAL_CLOUD_FAILED with what the local cloud said
 */
export async function launchLocalCloud(
  dataDirectory: string,
  launcher: readonly string[],
  flags: readonly string[],
  signal?: AbortSignal,
): Promise<LocalCloudLocator | undefined> {
  const log = openLog(dataDirectory)
  const [command = process.execPath, ...launch] = launcher
  // Detached: a Ctrl-C in the terminal is for this process; the local cloud ends when its last user is gone.
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
  /** From now on it is the log of the cloud that runs. */
  keep(): string
  drop(): void
}

/** A log of this start alone: while several start at once, none may write over what the one that runs has to say. */
function openLog(dataDirectory: string): StartLog {
  try {
    makeFolder(dataDirectory)
    // Before the log is there: it is one of the marks of a data folder.
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
      `The data folder ${dataDirectory} cannot be made: ${(error as Error).message}`,
      {
        suggestions: ['Choose another with --data-dir FOLDER'],
        cause: error,
      },
    )
  }
}

function closeLog(descriptor: number, log: string): void {
  try {
    closeSync(descriptor)
  } catch (error) {
    // Node names the file only when it cannot be opened.
    throw Object.assign(error as Error, { path: log })
  }
}

/** Removes what commands left that were killed while they started a cloud. */
function sweepLogs(dataDirectory: string): void {
  for (const name of readdirSync(dataDirectory)) {
    const [, pid] = /^local-cloud\.log\.(\d+)$/.exec(name) ?? []
    if (pid !== undefined && !isAlive(Number(pid))) rmSync(path.join(dataDirectory, name), { force: true })
  }
}

/** What `local start --json` printed last is its error document; anything else is shown as it is. */
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
      `The local cloud on ${dataDirectory} did not start: ${text.trim().split('\n').at(-1) || how}`,
      { suggestions: file === undefined ? [] : [`cat ${shellWord(file)}`] },
    )
  }
}
