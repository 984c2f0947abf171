/**
 * The cost of a new service instance before its first request: the time from its start to the response
 * of GET /healthz, relative to an idle Node started alternately; the bundle's size; the loaded files:
 * `node bench/cold-start.ts [--runs N]`.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, statSync } from 'node:fs'
import { get } from 'node:http'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { recordModules } from '../test/loaded-modules.ts'
import { median, printTable } from './table.ts'

const RUNTIME = fileURLToPath(new URL('../dist/runtime', import.meta.url))
const SERVICES = ['main.js', 'populate.js']

const { values } = parseArgs({ options: { runs: { type: 'string', default: '21' } } })

const ENVIRONMENT = {
  PORT: '0',
  IMAGERY_PROJECT: 'bench',
  IMAGERY_REGION: 'us-central1',
  IMAGERY_BUCKET: 'imagery-bench-us-central1',
  IMAGERY_MAIN_URL: 'https://imagery-main.example.com',
  IMAGERY_INVOKER: 'imagery-invoker@bench.iam.gserviceaccount.com',
}

const idleMs: number[] = []
const healthyMs = new Map<string, number[]>(SERVICES.map((file) => [file, []]))
for (let run = 0; run < Number(values.runs); run++) {
  idleMs.push(await idleStart())
  for (const file of SERVICES) healthyMs.get(file)!.push(await healthyStart(file))
}

const idle = median(idleMs)
const rows = []
for (const file of SERVICES) {
  const times = healthyMs.get(file)!
  const loaded = await loadedWhenHealthy(file)
  rows.push({
    service: file,
    'spawn to /healthz, ms': median(times),
    slowest: Math.max(...times),
    'node -e 0, ms': idle,
    ratio: median(times) / idle,
    'files loaded': loaded.length,
    'of them, kB': loaded.reduce((sum, loadedFile) => sum + statSync(loadedFile).size, 0) / 1e3,
  })
}
printTable(`starts of the built services, median of ${values.runs}`, rows)

const bundled = readdirSync(RUNTIME, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && !entry.name.endsWith('.map'))
  .map((entry) => statSync(path.join(entry.parentPath, entry.name)).size)
printTable('the bundle, without source maps', [
  { files: bundled.length, MB: bundled.reduce((sum, size) => sum + size, 0) / 1e6 },
])

async function idleStart(): Promise<number> {
  const startedMs = performance.now()
  await once(spawn(process.execPath, ['-e', '0'], { env: {}, stdio: 'ignore' }), 'exit')
  return performance.now() - startedMs
}

async function healthyStart(file: string): Promise<number> {
  const startedMs = performance.now()
  return whileHealthy(file, [], {}, () => performance.now() - startedMs)
}

/** The project's files that a service has loaded by then; measured separately, because recording takes time. */
async function loadedWhenHealthy(file: string): Promise<string[]> {
  const recorder = recordModules()
  const isOurs = (url: string): boolean => url.startsWith('file:') && !url.endsWith('/hook.mjs')
  try {
    return await whileHealthy(file, recorder.args, recorder.environment, () =>
      recorder
        .loaded()
        .filter(isOurs)
        .map((url) => fileURLToPath(url)),
    )
  } finally {
    recorder.remove()
  }
}

/** Starts a service, checks it when it is healthy, and ends it. */
async function whileHealthy<Result>(
  file: string,
  args: readonly string[],
  environment: Record<string, string>,
  look: () => Result,
): Promise<Result> {
  const child = spawn(process.execPath, [...args, path.join(RUNTIME, file)], {
    env: { ...ENVIRONMENT, ...environment },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  try {
    const [line] = (await once(child.stdout, 'data')) as [Buffer]
    const { port } = JSON.parse(line.toString()) as { port?: number }
    const [answer] = await once(get({ host: '127.0.0.1', port, path: '/healthz' }), 'response')
    if (answer.statusCode !== 200) throw new Error(`${file} answered ${answer.statusCode}`)
    return look()
  } finally {
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
}
