import { diskProblem } from '../kernel/disk-problem.ts'

/** A stop that hangs must not keep an unreliable cloud running. */
const STOP_MS = 10_000

export interface LastResort {
  /** The output for people: the terminal or `local-cloud.log`. */
  log(line: string): void
  /** Stops in order, so that the state on disk is complete. */
  stop(): Promise<void>
  /** Exit code after a bug. */
  exitCode: number
}

/**
 * Handles uncaught errors. Calls return their own errors; this is for background work. After an error of
 * the disk or the system the cloud keeps running: stores keep a change completely or not at all, and the
 * work is retried. Anything else is a bug, after which only the stored state is reliable: the cloud
 * reports it and stops.
 */
export function installLastResort({ log, stop, exitCode }: LastResort): void {
  let isStopping = false
  // Unhandled rejections arrive here too.
  process.on('uncaughtException', (error) => {
    const problem = diskProblem(error)
    if (problem) {
      log(`The data folder cannot be used: ${problem.what}. The local cloud keeps running. ${described(error)}`)
      return
    }
    log(`A bug in imagery: ${described(error)}`)
    if (isStopping) return
    isStopping = true
    log('The local cloud is stopping; its state is saved.')
    const end = (): void => process.exit(exitCode)
    setTimeout(end, STOP_MS)
    stop().then(end, (stopError: unknown) => {
      log(`stopping: ${described(stopError)}`)
      end()
    })
  })
}

function described(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}
