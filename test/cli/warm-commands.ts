import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { LOCATOR_FILE } from '@imagery/local-cloud/contract/locator'
import type { CopiedRequest, WarmOutcome, WarmRequest } from './warm-process.ts'

const PROCESS = path.join(import.meta.dirname, 'warm-process.ts')

/** Whether each command and each local cloud gets a process of its own. */
export const IS_COLD = process.env['IMAGERY_COLD_COMMANDS'] !== undefined

/** Variables that Node.js reads only when it starts. */
const READ_AT_START = ['NODE_EXTRA_CA_CERTS', 'NODE_OPTIONS']

/** Commands that run at the same time, beyond which they are cold. */
const MOST_PROCESSES = 3

/** A process with this many copies of our modules is replaced, before it takes much memory. */
const MOST_COPIES = 25

/** A process that runs one command at a time. */
interface WarmProcess {
  child: Promise<ChildProcess>
  copies: Set<number>
  isBusy: boolean
}

interface Pool {
  processes: WarmProcess[]
  /** By environment and local cloud. */
  copies: Map<string, number>
  lastCopy: number
}

// Test files that share a process share these too, although each has its own copy of this module.
const POOL = Symbol.for('imagery.test.warm-processes')
const pool = ((globalThis as { [POOL]?: Pool })[POOL] ??= { processes: [], copies: new Map(), lastCopy: 0 })

/**
 * Runs commands in processes that have loaded Google's clients already, which saves a second of processor time a command.
 * Commands with the same environment and the same local cloud, or none, share a copy of our modules as well. With
 * IMAGERY_COLD_COMMANDS set, each command gets a process of its own.
 */
export class WarmCommands {
  readonly #program: string

  constructor(program: string) {
    this.#program = program
  }

  /**
   * Undefined if the command needs a process of its own.
   *
   * @param dataDirectory of the local cloud, unless the command line names another
   */
  run(request: WarmRequest, dataDirectory: string): Promise<WarmOutcome> | undefined {
    if (IS_COLD || READ_AT_START.some((name) => name in request.environment)) return undefined
    const folder = dataFolder(request) ?? dataDirectory
    const locator = locatorIn(folder)
    // Like the flag --data-dir, the variable says only which local cloud it is.
    const { IMAGERY_DATA_DIR: _, ...environment } = request.environment
    const key = JSON.stringify([environment, locator])
    const copy = pool.copies.get(key) ?? (pool.lastCopy += 1)
    if (locator !== '') pool.copies.set(key, copy)
    const idle = pool.processes.filter(({ isBusy }) => !isBusy)
    const warm = idle.find(({ copies }) => copies.has(copy)) ?? idle[0] ?? this.#start(request.environment)
    if (!warm) return undefined
    warm.copies.add(copy)
    warm.isBusy = true
    return ask(warm, { ...request, copy })
      .then((outcome) => {
        if (locator !== '') return outcome
        // The command may have started a local cloud, which no later command uses with the same clients.
        if (outcome.usesCloud) pool.copies.delete(key)
        else pool.copies.set(key, copy)
        return outcome
      })
      .finally(() => {
        warm.isBusy = false
        if (warm.copies.size > MOST_COPIES) end(warm)
      })
  }

  #start({ PATH, NODE_COMPILE_CACHE }: Record<string, string>): WarmProcess | undefined {
    if (pool.processes.length >= MOST_PROCESSES) return undefined
    const ready = async (): Promise<ChildProcess> => {
      // Its own environment names no folder of the user's: tests look for processes that do.
      const child = fork(PROCESS, [this.#program], {
        env: { PATH, NODE_COMPILE_CACHE },
        execArgv: [],
        stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      })
      child.setMaxListeners(0)
      await once(child, 'message')
      return child
    }
    const started = { child: ready(), copies: new Set<number>(), isBusy: false }
    pool.processes.push(started)
    return started
  }
}

async function ask(warm: WarmProcess, request: CopiedRequest): Promise<WarmOutcome> {
  const child = await warm.child
  const ended = new Promise<never>((_, reject) =>
    child.once('exit', (code, signal) => reject(new Error(`the process of warm commands ended: ${code ?? signal}`))),
  )
  child.send(request)
  const [outcome] = (await Promise.race([once(child, 'message'), ended])) as [WarmOutcome]
  return outcome
}

function end(warm: WarmProcess): void {
  pool.processes = pool.processes.filter((each) => each !== warm)
  warm.child.then((child) => child.kill('SIGKILL')).catch(() => undefined)
}

function dataFolder({ args, environment, folder }: WarmRequest): string | undefined {
  const flag = args.indexOf('--data-dir')
  const named = flag === -1 ? environment['IMAGERY_DATA_DIR'] : args[flag + 1]
  return named === undefined ? undefined : path.resolve(folder, named)
}

/** The locator of the local cloud that runs in a folder, or nothing. */
function locatorIn(folder: string): string {
  try {
    return readFileSync(path.join(folder, LOCATOR_FILE), 'utf8')
  } catch {
    return ''
  }
}
