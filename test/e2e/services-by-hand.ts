import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'

/** One of our services, started by a test on a port of this machine. */
export interface ServiceByHand {
  url: string
  pid: number
  /** Its stdout and stderr. */
  output(): string
  stop(): Promise<void>
}

export interface ProgramByHand {
  /** Node and its arguments. */
  command: readonly [string, ...string[]]
  folder: string
  /** The whole environment except PORT. */
  environment: Record<string, string>
  /** The user it runs as; this process's own user by default. */
  user?: number
}

/** A free port of 127.0.0.1. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

/** Starts a program with only the given environment; resolves once it listens. */
export async function startByHand(program: ProgramByHand, port: number): Promise<ServiceByHand> {
  const [file, ...args] = program.command
  const child = spawn(file, args, {
    cwd: program.folder,
    env: { ...program.environment, PORT: String(port) },
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(program.user === undefined ? {} : { uid: program.user, gid: program.user }),
  })
  let output = ''
  const hear = (text: string): void => {
    output += text
  }
  child.stdout.setEncoding('utf8').on('data', hear)
  child.stderr.setEncoding('utf8').on('data', hear)
  const exited = once(child, 'exit')
  const url = `http://127.0.0.1:${port}`
  while (!output.includes('listening on port')) {
    if (child.exitCode !== null || child.signalCode !== null) throw new Error(`${args.join(' ')} ended: ${output}`)
    await Promise.race([once(child.stdout, 'data'), exited])
  }
  return {
    url,
    pid: child.pid!,
    output: () => output,
    async stop() {
      child.kill('SIGTERM')
      await exited
    },
  }
}
