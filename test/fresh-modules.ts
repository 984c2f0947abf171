import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { expect, vi } from 'vitest'
import { kindOf } from './kinds.ts'

/**
 * Runs before each test file of a kind whose files share a process. The file gets the limits of its kind, the environment, the
 * folder and the umask that the process began with, and its own copy of our modules, so that nothing is left in them from
 * another file: no variable, and no client of another file's local cloud, which also leaves its own umask. Google's clients,
 * gRPC and DuckDB stay loaded, which is what sharing saves.
 */
interface Shared {
  environment: NodeJS.ProcessEnv
  folder: string
  umask: number
}

const SHARED = Symbol.for('imagery.test.shared-process')
const shared = ((globalThis as { [SHARED]?: Shared })[SHARED] ??= {
  environment: { ...process.env },
  folder: process.cwd(),
  umask: process.umask(),
})

for (const name of Object.keys(process.env)) if (!(name in shared.environment)) delete process.env[name]
Object.assign(process.env, shared.environment)
process.chdir(shared.folder)
process.umask(shared.umask)
vi.resetModules()

const { timeoutMs, retry = 0 } = kindOf(expect.getState().testPath ?? '')
// vitest takes these back after each file. It reads the retries where it reads the limits.
const limits = { testTimeout: timeoutMs, hookTimeout: timeoutMs, retry }
vi.setConfig(limits)

/** gRPC reads its root certificates once per process. Here once per file, since each file's local cloud has its own. */
const helpers = createRequire(import.meta.url)('@grpc/grpc-js/build/src/tls-helpers.js') as {
  getDefaultRootsData: () => Buffer | null
}
let roots: Buffer | undefined
helpers.getDefaultRootsData = () => {
  const file = process.env['GRPC_DEFAULT_SSL_ROOTS_FILE_PATH']
  if (file) roots ??= readFileSync(file)
  return roots ?? null
}
