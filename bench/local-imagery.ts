import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { LocalCloudLocator } from '@imagery/local-cloud/contract/locator'
import { useLocalCloud } from '../src/google/transport/environment.ts'
import { findLocalCloud } from '../src/services/local/cloud.ts'

/** The installed command, as its users run it. */
const IMAGERY = fileURLToPath(new URL('../bin/run.js', import.meta.url))

const START_TIMEOUT_MS = 120_000

/** The benchmark's own local cloud, in a folder that is deleted at the end. */
export interface LocalImagery {
  /** The temporary folder; it is the home directory of every command too. */
  folder: string
  dataDirectory: string
  locator: LocalCloudLocator
  /** Runs `imagery ARGUMENTS --local --json`. Rejects unless it exits with 0. */
  imagery: (...commandLine: string[]) => Promise<{ result: unknown; seconds: number }>
  stop: () => Promise<void>
}

/**
 * Starts `imagery local start` in a new folder, deploys imagery on it, and points the Google
 * clients of this process at it.
 *
 * @param startFlags more flags of `imagery local start`
 */
export async function startLocalImagery(startFlags: readonly string[] = []): Promise<LocalImagery> {
  const folder = mkdtempSync(path.join(tmpdir(), 'imagery-bench-'))
  const dataDirectory = path.join(folder, 'cloud')
  const spawnImagery = (commandLine: readonly string[]): ChildProcess =>
    spawn(process.execPath, [IMAGERY, ...commandLine, '--data-dir', dataDirectory], {
      env: { ...process.env, HOME: folder, XDG_CONFIG_HOME: folder, XDG_DATA_HOME: folder, XDG_CACHE_HOME: folder },
      stdio: ['ignore', 'pipe', 'inherit'],
    })

  const cloud = spawnImagery(['local', 'start', '--json', ...startFlags])
  const stop = async (): Promise<void> => {
    if (cloud.exitCode === null && cloud.signalCode === null) {
      cloud.kill('SIGTERM')
      await once(cloud, 'exit')
    }
    rmSync(folder, { recursive: true, force: true })
  }
  try {
    const locator = await untilUp(dataDirectory, cloud)
    useLocalCloud(locator)
    const imagery: LocalImagery['imagery'] = async (...commandLine) => {
      const startedMs = performance.now()
      const child = spawnImagery([...commandLine, '--local', '--json'])
      const chunks: Buffer[] = []
      child.stdout?.on('data', (chunk: Buffer) => chunks.push(chunk))
      const [code] = (await once(child, 'close')) as [number | null]
      const seconds = (performance.now() - startedMs) / 1_000
      const output = Buffer.concat(chunks).toString('utf8')
      if (code !== 0) throw new Error(`imagery ${commandLine.join(' ')} exited with ${code}: ${output}`)
      return { result: JSON.parse(output), seconds }
    }
    await imagery('deploy')
    return { folder, dataDirectory, locator, imagery, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

async function untilUp(dataDirectory: string, cloud: ChildProcess): Promise<LocalCloudLocator> {
  for (const deadlineMs = Date.now() + START_TIMEOUT_MS; Date.now() < deadlineMs; await pause(50)) {
    const locator = await findLocalCloud(dataDirectory)
    if (locator) return locator
    if (cloud.exitCode !== null) throw new Error(`imagery local start exited with ${cloud.exitCode}`)
  }
  throw new Error(`imagery local start was not ready after ${START_TIMEOUT_MS / 1_000} s`)
}
