import { registerHooks } from 'node:module'
import path from 'node:path'
import { pathToFileURL } from 'node:url'

/**
 * The process behind `warm-commands.ts`: runs command lines one after another, each as a process of its own would run
 * it: with only the given environment, in the given folder. Argument: the program's file.
 */
export interface WarmRequest {
  args: readonly string[]
  environment: Record<string, string>
  folder: string
}

export interface WarmOutcome {
  exitCode: number
  stdout: string
  stderr: string
  /** Whether our modules were set up for a local cloud. */
  usesCloud: boolean
}

/** Commands with the same environment and the same copy of our modules share what these keep, such as clients of one local cloud. */
export type CopiedRequest = WarmRequest & { copy: number }

const [, , program = ''] = process.argv
const dist = path.join(path.dirname(program), '..', 'dist')
const main = pathToFileURL(path.join(dist, 'cli', 'main.js')).href
const send = process.send!.bind(process)

// A module of ours that another one of ours imports is of the same copy. Packages are loaded once, also those that are
// bundled beside ours.
const ours = pathToFileURL(dist + path.sep).href
const packages = pathToFileURL(path.join(dist, 'packages') + path.sep).href
registerHooks({
  resolve(specifier, context, next) {
    const found = next(specifier, context)
    const { search } = new URL(context.parentURL ?? main)
    const isCopied = found.url.startsWith(ours) && !found.url.startsWith(packages)
    return isCopied && search !== '' ? { ...found, url: new URL(search, found.url).href } : found
  },
})

/** What oclif throws to end a command without a message. */
class Exit extends Error {
  readonly code = 'EEXIT'
  readonly oclif: { exit: number }

  constructor(exitCode: number) {
    super(`exit ${exitCode}`)
    this.oclif = { exit: exitCode }
  }
}

let exited: number | undefined
process.exit = ((code?: number) => {
  // The command line exits some time after a command; this process continues.
  if (code === undefined) return
  exited ??= code
  throw new Exit(code)
}) as typeof process.exit
process.setMaxListeners(0)
process.stdout.setMaxListeners(0)
process.stderr.setMaxListeners(0)

/** Collects what is written to a stream from now on. */
function capture(stream: NodeJS.WriteStream): () => string {
  const chunks: Buffer[] = []
  stream.write = (chunk: string | Uint8Array, encoding?: unknown, done?: unknown): boolean => {
    // A process that has exited prints nothing.
    if (exited === undefined) chunks.push(Buffer.from(chunk as string))
    const callback = typeof encoding === 'function' ? encoding : done
    if (typeof callback === 'function') process.nextTick(callback)
    return true
  }
  return () => Buffer.concat(chunks).toString()
}

/** By copy: the variables of its local cloud, which our modules set at the first use and not again. */
const variables = new Map<number, NodeJS.ProcessEnv>()
const OF_THE_CLOUD = [
  'GRPC_DEFAULT_SSL_ROOTS_FILE_PATH',
  'GCE_METADATA_HOST',
  'METADATA_SERVER_DETECTION',
  'NO_PROXY',
  'no_proxy',
]

async function run({ args, environment, folder, copy }: CopiedRequest): Promise<WarmOutcome> {
  for (const name of Object.keys(process.env)) delete process.env[name]
  Object.assign(process.env, environment, variables.get(copy))
  process.chdir(folder)
  process.argv = [process.execPath, program, ...args]
  process.exitCode = undefined
  exited = undefined
  const stdout = capture(process.stdout)
  const stderr = capture(process.stderr)
  let bug = ''
  try {
    const commandLine = (await import(`${main}?copy=${copy}`)) as { main: (entry: string) => Promise<void> }
    await commandLine.main(pathToFileURL(program).href)
  } catch (error) {
    if (!(error instanceof Exit)) bug = `not caught: ${String((error as Error).stack)}`
  }
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.removeAllListeners(signal)
  variables.set(
    copy,
    Object.fromEntries(OF_THE_CLOUD.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : []))),
  )
  const usesCloud = OF_THE_CLOUD.some((name) => process.env[name] !== environment[name])
  // The folder may be deleted before the next command.
  process.chdir(dist)
  return {
    exitCode: bug === '' ? (exited ?? Number(process.exitCode ?? 0)) : 70,
    stdout: stdout(),
    stderr: stderr() + bug,
    usesCloud,
  }
}

process.on('message', (request: CopiedRequest) => void run(request).then((outcome) => send(outcome)))
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'))
send('ready')
