import path from 'node:path'
import { pathToFileURL } from 'node:url'

/**
 * The process behind `warm-commands.ts`: runs command lines one after another, each as a process of its own would run
 * it: with only the given environment, in the given folder. Arguments: the program's file.
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
}

const [, , program = ''] = process.argv
const { main } = (await import(pathToFileURL(path.join(path.dirname(program), '../dist/cli/main.js')).href)) as {
  main: (entry: string) => Promise<void>
}
const send = process.send!.bind(process)

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

async function run({ args, environment, folder }: WarmRequest): Promise<WarmOutcome> {
  for (const name of Object.keys(process.env)) delete process.env[name]
  Object.assign(process.env, environment)
  process.chdir(folder)
  process.argv = [process.execPath, program, ...args]
  process.exitCode = undefined
  exited = undefined
  const stdout = capture(process.stdout)
  const stderr = capture(process.stderr)
  let bug = ''
  await main(pathToFileURL(program).href).catch((error: unknown) => {
    if (!(error instanceof Exit)) bug = `not caught: ${String((error as Error).stack)}`
  })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.removeAllListeners(signal)
  return {
    exitCode: bug === '' ? (exited ?? Number(process.exitCode ?? 0)) : 70,
    stdout: stdout(),
    stderr: stderr() + bug,
  }
}

process.on('message', (request: WarmRequest) => void run(request).then((outcome) => send(outcome)))
send('ready')
