import { diskTrouble } from '../kernel/disk-trouble.ts'

/** A stop that hangs must not keep a cloud that nobody can rely on. */
const STOP_MS = 10_000

export interface LastResort {
  /** Where a person finds it: the terminal, or `local-cloud.log`. */
  log(line: string): void
  /** Brings the state on disk to an end in order. */
  stop(): Promise<void>
  /** What the process ends with after a fault of ours. */
  exitCode: number
}

/**
 * What happens to errors that nobody has caught. Calls are answered with their errors; this is for
 * what goes on beside them. What the disk or the system refuses leaves the cloud up: stores keep a
 * change whole or not at all, and what was refused is tried again. Anything else is a fault of ours,
 * after which nothing is sure but what is stored: the cloud says so and stops.
 */
export function installLastResort({ log, stop, exitCode }: LastResort): void {
  let isStopping = false
  // Rejections that nobody has handled come here, too.
  process.on('uncaughtException', (error) => {
    const trouble = diskTrouble(error)
    if (trouble) {
      log(`The data folder cannot be used: ${trouble.what}. The local cloud goes on. ${described(error)}`)
      return
    }
    log(`A bug in imagery: ${described(error)}`)
    if (isStopping) return
    isStopping = true
    log('The local cloud stops; its state is stored.')
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
