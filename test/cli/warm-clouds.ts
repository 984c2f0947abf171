import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import type { CloudAnswer, CloudRequest, WarmCloudOptions } from './cloud-process.ts'

export type { WarmCloudOptions } from './cloud-process.ts'

const PROCESS = path.join(import.meta.dirname, 'cloud-process.ts')
const ROOT = path.join(import.meta.dirname, '..', '..')

interface Host {
  process?: Promise<ChildProcess>
  lastId: number
}

// Test files that share a process share the local clouds' process too.
const HOST = Symbol.for('imagery.test.cloud-process')
const host = ((globalThis as { [HOST]?: Host })[HOST] ??= { lastId: 0 })

/**
 * Starts a local cloud in a process that keeps the emulator loaded and compiled, which saves two seconds of processor
 * time. Its process ID is that of all such clouds, so a test that kills a local cloud needs a real one.
 */
export async function startWarmCloud(dataDir: string, options: WarmCloudOptions = {}): Promise<void> {
  await ask({ start: { ...options, dataDir } })
}

/** Stops such a cloud at once; does nothing if it has stopped or there is none. */
export async function stopWarmCloud(dataDir: string): Promise<void> {
  if (host.process) await ask({ stop: dataDir })
}

async function ask(request: Omit<CloudRequest, 'id'>): Promise<void> {
  const child = await (host.process ??= begin())
  const id = (host.lastId += 1)
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const onAnswer = (answer: CloudAnswer): void => {
    if (answer.id !== id) return
    if (answer.error === undefined) resolve()
    else reject(new Error(answer.error))
  }
  const onExit = (code: number | null): void => reject(new Error(`the process of the local clouds ended with ${code}`))
  child.on('message', onAnswer)
  child.once('exit', onExit)
  child.send({ id, ...request } satisfies CloudRequest)
  await promise.finally(() => {
    child.off('message', onAnswer)
    child.off('exit', onExit)
  })
}

async function begin(): Promise<ChildProcess> {
  const child = fork(PROCESS, [ROOT], {
    env: { PATH: process.env['PATH'], NODE_COMPILE_CACHE: path.join(ROOT, 'node_modules', '.cache', 'compiled') },
    execArgv: ['--disable-warning=ExperimentalWarning'],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  await once(child, 'message')
  return child
}
