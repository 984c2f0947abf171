import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { LOCATOR_FILE } from '@imagery/local-cloud/contract/locator'
import type { WarmOutcome, WarmRequest } from './warm-process.ts'

const PROCESS = path.join(import.meta.dirname, 'warm-process.ts')

/** Variables that Node.js reads only when it starts. */
const READ_AT_START = ['NODE_EXTRA_CA_CERTS', 'NODE_OPTIONS']

/** More processes than this are not kept. */
const MOST = 3

/**
 * Runs commands in processes that have loaded imagery already, which saves a second of processor time a command. A
 * process serves one environment and one local cloud: some of both is read only once, as in a real process. The first
 * command in an environment still gets a process of its own. With IMAGERY_COLD_COMMANDS set, all do.
 */
export class WarmCommands {
  readonly #program: string
  readonly #seen = new Set<string>()
  readonly #processes = new Map<string, Promise<ChildProcess>>()
  #isBusy = false

  constructor(program: string) {
    this.#program = program
  }

  /**
   * Undefined if the command needs a process of its own.
   *
   * @param dataDirectory of the local cloud, unless the command line names another
   */
  run(request: WarmRequest, dataDirectory: string): Promise<WarmOutcome> | undefined {
    const folder = dataFolder(request) ?? dataDirectory
    const key = JSON.stringify([request.environment, locatorIn(folder)])
    const isCold =
      process.env['IMAGERY_COLD_COMMANDS'] !== undefined || READ_AT_START.some((name) => name in request.environment)
    if (isCold || this.#isBusy || !this.#seen.has(key)) {
      this.#seen.add(key)
      return undefined
    }
    this.#isBusy = true
    return this.#ask(key, request).finally(() => {
      this.#isBusy = false
    })
  }

  async leave(): Promise<void> {
    for (const started of this.#processes.values()) (await started).kill('SIGKILL')
    this.#processes.clear()
  }

  async #ask(key: string, request: WarmRequest): Promise<WarmOutcome> {
    const known = this.#processes.get(key)
    const starting = known ?? this.#start(request.environment)
    this.#processes.delete(key)
    this.#processes.set(key, starting)
    const [oldest] = this.#processes
    if (oldest && this.#processes.size > MOST) {
      this.#processes.delete(oldest[0])
      ;(await oldest[1]).kill('SIGKILL')
    }
    const child = await starting
    const ended = new Promise<never>((_, reject) =>
      child.once('exit', (code, signal) => reject(new Error(`the process of warm commands ended: ${code ?? signal}`))),
    )
    child.send(request)
    const [outcome] = (await Promise.race([once(child, 'message'), ended])) as [WarmOutcome]
    return outcome
  }

  async #start({ PATH, NODE_COMPILE_CACHE }: Record<string, string>): Promise<ChildProcess> {
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
