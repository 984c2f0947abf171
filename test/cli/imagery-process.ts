import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { execa, type ResultPromise } from 'execa'
import * as z from 'zod'
import { startWarmCloud, stopWarmCloud, type WarmCloudOptions } from './warm-clouds.ts'
import { IS_COLD, WarmCommands } from './warm-commands.ts'

export const ROOT = fileURLToPath(new URL('../..', import.meta.url))

const PROGRAM = path.join(ROOT, 'bin', 'run.js')

/** What an imagery process did. */
export interface Outcome {
  exitCode: number
  stdout: string
  stderr: string
  /** The one JSON document on stdout, without its warnings. Throws if there is anything else, or no list of warnings. */
  json(): unknown
  /** The warnings of the same document. */
  warnings(): string[]
  /** The error document of `--json`; throws when it is not exactly that. */
  error(): { code: string; message: string; suggestions: string[] }
}

export type Environment = Record<string, string | undefined>

/** A user of the built command line on a machine of their own: empty home, empty local cloud, nothing inherited but PATH. */
export interface ImageryUser {
  /** A folder for the test's own files, where commands run. */
  folder: string
  dataDirectory: string
  stateFile: string
  run(args: readonly string[], environment?: Environment): Promise<Outcome>
  /** Starts a process and leaves it running; `outcome` waits for its end. */
  start(
    args: readonly string[],
    environment?: Environment,
  ): { process: Pick<ResultPromise, 'pid' | 'kill' | 'stdout' | 'stderr'>; outcome: Promise<Outcome> }
  /**
   * Starts a local cloud that stays up until the user leaves. Where commands are warm, it is not a process of its own,
   * except with `isProcess`.
   *
   * @param options.gemini as `--gemini` takes it, with an absolute path
   */
  startLocalCloud(options?: WarmCloudOptions & { isProcess?: boolean }): Promise<void>
  /** The local cloud's state per API, without processes, which come and go, and BigQuery's job history. Undefined if none is running. */
  holdings(): Promise<Record<string, Record<string, number>> | undefined>
  leave(): Promise<void>
}

const errorDocument = z.strictObject({
  error: z.strictObject({ code: z.string(), message: z.string(), suggestions: z.array(z.string()) }),
})

/** Every document of every command has its warnings. */
const anyDocument = z.looseObject({ warnings: z.array(z.string()) })

/**
 * @param options.isWarm whether `run` may use a process that has loaded imagery's packages already; not if local clouds
 *   come and go while its commands run
 */
export async function newUser({ isWarm = false } = {}): Promise<ImageryUser> {
  const home = await mkdtemp(path.join(os.tmpdir(), 'imagery-user-'))
  const folder = path.join(home, 'work')
  await mkdir(folder)
  const dataDirectory = path.join(home, 'share', 'imagery', 'local-cloud')
  const base: Environment = {
    PATH: process.env['PATH'],
    HOME: home,
    TMPDIR: process.env['TMPDIR'],
    XDG_CONFIG_HOME: path.join(home, 'config'),
    XDG_DATA_HOME: path.join(home, 'share'),
    XDG_CACHE_HOME: path.join(home, 'cache'),
    XDG_STATE_HOME: path.join(home, 'state'),
    // Shared, because a separate one per user would be cold.
    NODE_COMPILE_CACHE: path.join(ROOT, 'node_modules', '.cache', 'compiled'),
    // Do not look for a metadata server on the network.
    METADATA_SERVER_DETECTION: 'none',
    COLUMNS: '80',
    OCLIF_COLUMNS: '80',
  }
  const start: ImageryUser['start'] = (args, environment = {}) => {
    const child = execa(process.execPath, [PROGRAM, ...args], {
      cwd: folder,
      env: definedOf({ ...base, ...environment }),
      extendEnv: false,
      stdin: 'ignore',
      reject: false,
      stripFinalNewline: false,
      // execa would kill a command that takes more than five seconds to end after SIGTERM, such as a local cloud that waits.
      forceKillAfterDelay: false,
    })
    const ended = child.then(outcome)
    // A test may await it after the process has ended by a signal.
    ended.catch(() => undefined)
    return { process: child, outcome: ended }
  }
  const warm = isWarm ? new WarmCommands(PROGRAM) : undefined
  const run: ImageryUser['run'] = (args, environment = {}) => {
    const request = { args, environment: definedOf({ ...base, ...environment }), folder }
    return warm?.run(request, dataDirectory)?.then(outcome) ?? start(args, environment).outcome
  }
  return {
    folder,
    dataDirectory,
    stateFile: path.join(home, 'config', 'imagery', 'state.json'),
    run,
    start,
    async startLocalCloud({ isProcess = !isWarm || IS_COLD, ...options } = {}) {
      if (!isProcess) return startWarmCloud(dataDirectory, options)
      const { gemini, accessLog, faults, addedLatencyMs } = options
      const flags = Object.entries({
        '--gemini': gemini,
        '--access-log': accessLog,
        '--faults': faults,
        '--added-latency': addedLatencyMs,
      })
      const given = flags.flatMap(([name, value]) => (value === undefined ? [] : [name, String(value)]))
      const { exitCode, stderr } = await run(['local', 'start', '--detach', ...given])
      if (exitCode !== 0) throw new Error(stderr)
    },
    async holdings() {
      const { apis } = (await run(['local', 'status', '--json'])).json() as {
        apis?: Record<string, Record<string, number>>
      }
      return (
        apis &&
        Object.fromEntries(Object.entries(apis).map(([api, { instances: _, jobs: __, ...counts }]) => [api, counts]))
      )
    },
    async leave() {
      await stopWarmCloud(dataDirectory)
      await run(['local', 'stop'])
      await rm(home, { recursive: true, force: true })
    },
  }
}

function definedOf(environment: Environment): Record<string, string> {
  return Object.fromEntries(
    Object.entries(environment).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  )
}

function outcome(result: {
  exitCode?: number | undefined
  stdout?: unknown
  stderr?: unknown
  signal?: string | undefined
}): Outcome {
  const { exitCode, stdout, stderr } = result
  if (exitCode === undefined) throw new Error(`ended by ${result.signal ?? 'nothing'}: ${String(stderr)}`)
  const document = (): { warnings: string[]; [member: string]: unknown } =>
    anyDocument.parse(JSON.parse(String(stdout)))
  const json = (): unknown => {
    const { warnings: _, ...rest } = document()
    return rest
  }
  return {
    exitCode,
    stdout: String(stdout),
    stderr: String(stderr),
    json,
    warnings: () => document().warnings,
    error: () => errorDocument.parse(json()).error,
  }
}

export async function readText(file: string): Promise<string> {
  return readFile(file, 'utf8')
}
