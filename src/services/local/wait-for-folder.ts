import { setTimeout as pause } from 'node:timers/promises'
import type { FolderOwner, FolderPhase } from '@imagery/local-cloud/contract/folder-lock'
import { ImageryError } from '../../contracts/errors.ts'

/** How a command waits for a process that holds the data folder. */
export interface Waiting {
  /** Called with one line when a wait starts, and again when its reason changes. */
  say?: ((line: string) => void) | undefined
  /** A shorter wait is not reported. */
  quietMs?: number | undefined
  /** Ends the wait at once. */
  signal?: AbortSignal | undefined
}

export const POLL_MS = 25

/**
 * How long to wait for another process. A stopping cloud waits for calls and programs in progress,
 * and an attempt of Cloud Tasks can take half an hour
 * (https://cloud.google.com/tasks/docs/creating-http-target-tasks, "dispatch deadline").
 */
const PATIENCE_MS: Record<FolderPhase, number> = {
  starting: 60_000,
  running: 30_000,
  stopping: 31 * 60_000,
  deleting: 60_000,
}

const DOES: Record<FolderPhase, string> = {
  starting: 'is starting',
  running: 'does not respond',
  stopping: 'is stopping',
  deleting: 'is being deleted by imagery local reset',
}

/**
 * Returns a function that waits a moment for the process that holds a data folder. It rejects with
 * LOCAL_CLOUD_FAILED once the process has been in the same phase for too long, and with the signal's
 * reason when aborted.
 */
export function folderPatience(
  dataDirectory: string,
  { say, signal, quietMs = 0 }: Waiting,
): (owner: FolderOwner) => Promise<void> {
  let doing: { pid?: number | undefined; phase: FolderPhase; sinceMs: number } | undefined
  const beganMs = performance.now()
  let said = ''
  return async (owner) => {
    signal?.throwIfAborted()
    const nowMs = performance.now()
    // A process that has just locked the folder writes its ID a moment later.
    const isSame = doing?.phase === owner.phase && (doing.pid === undefined || doing.pid === owner.pid)
    doing = isSame && doing ? { ...doing, pid: owner.pid } : { pid: owner.pid, phase: owner.phase, sinceMs: nowMs }
    if (nowMs - doing.sinceMs > PATIENCE_MS[owner.phase]) throw stuck(dataDirectory, owner)
    const line = `Waiting for ${nameOf(dataDirectory, owner)}`
    if (owner.pid !== undefined && line !== said && nowMs - beganMs >= quietMs) {
      say?.(line)
      said = line
    }
    await pause(POLL_MS, undefined, signal ? { signal } : {}).catch((error: unknown) => {
      throw signal?.aborted ? signal.reason : error
    })
  }
}

function nameOf(dataDirectory: string, { pid, phase, waitsFor }: FolderOwner): string {
  const who = `the local cloud in ${dataDirectory}${pid === undefined ? '' : ` (process ${pid})`}`
  return `${who}, which ${DOES[phase]}${waitsFor === undefined ? '' : ` and waits for ${waitsFor}`}`
}

function stuck(dataDirectory: string, owner: FolderOwner): ImageryError {
  const minutes = PATIENCE_MS[owner.phase] / 60_000
  const time = minutes < 1 ? `${PATIENCE_MS[owner.phase] / 1_000} seconds` : `${minutes} minutes`
  const kill = owner.pid === undefined ? [] : [`kill -9 ${owner.pid}   (stored data is kept)`]
  return new ImageryError(
    'LOCAL_CLOUD_FAILED',
    `Gave up after ${time} of waiting for ${nameOf(dataDirectory, owner)}`.replace('1 minutes', '1 minute'),
    { suggestions: [...kill, 'Choose another folder with --data-dir FOLDER'] },
  )
}
