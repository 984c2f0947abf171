import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { buildRuntime, type RuntimeFile } from '../../build/runtime-bundle.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** Beside node_modules, where the bundle finds what it does not contain. */
let target: string
let files: RuntimeFile[]

beforeAll(async () => {
  target = await mkdtemp(path.join(root, 'node_modules', '.runtime-'))
  files = (await buildRuntime({ root, target })).files
})

afterAll(() => rm(target, { recursive: true, force: true }))

const ENVIRONMENT = {
  PATH: process.env['PATH'] ?? '',
  PORT: '0',
  IMAGERY_PROJECT: 'demo',
  IMAGERY_REGION: 'us-central1',
  IMAGERY_BUCKET: 'imagery-demo-us-central1',
  IMAGERY_MAIN_URL: 'https://imagery-main-abc.run.app',
  IMAGERY_INVOKER: 'imagery-invoker@demo.iam.gserviceaccount.com',
}

/** Starts a service; `log` grows with the entries that it writes. */
function start(file: string, environment: Record<string, string> = ENVIRONMENT) {
  const child = spawn(process.execPath, [path.join(target, file)], {
    env: environment,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  const log: { severity: string; message: string; port?: number }[] = []
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    for (const line of text.split('\n')) if (line) log.push(JSON.parse(line))
  })
  const exited = new Promise<number | null>((resolve) => child.on('exit', resolve))
  return { child, log, exited }
}

async function listening({ child, log }: { child: ChildProcess; log: { port?: number }[] }): Promise<string> {
  for (;;) {
    const port = log.find((entry) => entry.port !== undefined)?.port
    if (port !== undefined) return `http://127.0.0.1:${port}`
    await new Promise((resolve) => child.stdout!.once('data', resolve))
  }
}

describe.each(['main.js', 'populate.js'])('the built %s', (file) => {
  test('answers its health check, and ends with 0 on SIGTERM', async () => {
    const service = start(file)
    const url = await listening(service)
    const response = await fetch(`${url}/healthz`)
    expect([response.status, await response.json()]).toEqual([200, { status: 'ok' }])
    service.child.kill('SIGTERM')
    expect(await service.exited).toBe(0)
    expect(service.log.map(({ severity }) => severity)).toEqual(['INFO', 'INFO'])
  })

  test('refuses an environment that is not complete: every fault in one line, exit 1', async () => {
    const service = start(file, { PATH: ENVIRONMENT.PATH })
    expect(await service.exited).toBe(1)
    expect(service.log).toHaveLength(1)
    expect(service.log[0]).toMatchObject({
      severity: 'ERROR',
      message: expect.stringMatching(/IMAGERY_PROJECT: not set\n.*IMAGERY_REGION: not set/),
    })
  })

  test('reads no Google client and no image decoder before it is asked for work', async () => {
    const source = await readFile(path.join(target, file), 'utf8')
    const eager = [...source.matchAll(/^(?:import|export)[^;]*?from "(\.\/[^"]+)"|^import "(\.\/[^"]+)"/gm)].map(
      (match) => match[1] ?? match[2] ?? '',
    )
    expect(eager.length).toBeGreaterThan(0)
    const loaded = await importClosure(eager)
    const bytes = loaded.map((name) => files.find(({ path: known }) => known === name)?.bytes ?? 0)
    expect(bytes.reduce((sum, size) => sum + size, 0)).toBeLessThan(1_000_000)
    const text = (await Promise.all(loaded.map((name) => readFile(path.join(target, name), 'utf8')))).join('\n')
    expect(text).not.toMatch(/from "sharp"/)
    expect(text).not.toContain('google.cloud.tasks.v2.CloudTasks')
  })
})

test('a service that cannot have its port says so and ends with 1', async () => {
  const first = start('main.js')
  const url = await listening(first)
  const second = start('main.js', { ...ENVIRONMENT, PORT: new URL(url).port })
  expect(await second.exited).toBe(1)
  expect(second.log[0]).toMatchObject({ severity: 'ERROR', message: expect.stringContaining('EADDRINUSE') })
})

test('a request that is in flight on SIGTERM is answered before the service ends', async () => {
  const cloud = await slowCloud(300)
  const service = start('main.js', { ...ENVIRONMENT, IMAGERY_LOCAL_CLOUD: cloud.locatorFile })
  const url = await listening(service)
  const setUp = fetch(`${url}/setup`, { method: 'POST', body: JSON.stringify({ v: 1, run_id: '261123-9f3c1a7b' }) })
  await cloud.reached
  service.child.kill('SIGTERM')
  const response = await setUp
  expect(response.status).toBe(404)
  expect(await response.json()).toMatchObject({ error: { code: 'RUN_NOT_FOUND' } })
  expect(await service.exited).toBe(0)
})

/** A local cloud of which only this much works: tokens, and a Storage that takes its time and holds nothing. */
async function slowCloud(delayMs: number): Promise<{ locatorFile: string; reached: Promise<void> }> {
  let reach: () => void
  const reached = new Promise<void>((resolve) => (reach = resolve))
  const server = createServer((request, response) => {
    if (request.url?.startsWith('/computeMetadata/')) {
      response.setHeader('metadata-flavor', 'Google')
      const token = JSON.stringify({ access_token: 'token', expires_in: 3_600, token_type: 'Bearer' })
      response.end(request.url.includes('/token') ? token : 'demo')
      return
    }
    reach()
    setTimeout(() => {
      response.statusCode = 404
      response.end('No such object')
    }, delayMs)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const folder = await mkdtemp(path.join(root, 'node_modules', '.cloud-'))
  onTestFinished(async () => {
    server.close()
    await rm(folder, { recursive: true, force: true })
  })
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`
  const locatorFile = path.join(folder, 'local-cloud.json')
  const locator = {
    version: 1,
    pid: process.pid,
    projectId: 'demo',
    projectNumber: '1',
    region: 'us-central1',
    http: `http://${host}`,
    grpc: { host: '127.0.0.1', port: 1 },
    caFile: path.join(folder, 'no-ca.pem'),
    metadataHost: host,
    adminToken: 'none',
    startedAt: new Date(0).toISOString(),
  }
  await writeFile(locatorFile, JSON.stringify(locator))
  return { locatorFile, reached }
}

describe('the bundle', () => {
  test('loads every chunk on its own, and has the clients under their names', async () => {
    const names = new Set<string>()
    for (const { path: file } of files.filter((entry) => entry.path.startsWith('chunks/'))) {
      const chunk = (await import(pathToFileURL(path.join(target, file)).href)) as object
      for (const name of Object.keys(chunk)) names.add(name)
    }
    expect([...names]).toEqual(
      expect.arrayContaining(['BigQuery', 'Storage', 'CloudTasksClient', 'Compute', 'GoogleAuth', 'pixelsModel']),
    )
  })

  test('has the same bytes each time', async () => {
    const again = await mkdtemp(path.join(root, 'node_modules', '.runtime-'))
    onTestFinished(() => rm(again, { recursive: true, force: true }))
    expect((await buildRuntime({ root, target: again })).files).toEqual(files)
  })

  test('locks what it does not contain to the versions that the project is tested with', async () => {
    const manifest = JSON.parse(await readFile(path.join(target, 'package.json'), 'utf8'))
    const lock = JSON.parse(await readFile(path.join(target, 'package-lock.json'), 'utf8'))
    const project = JSON.parse(await readFile(path.join(root, 'package.json'), 'utf8'))
    expect(manifest).toMatchObject({ type: 'module', dependencies: { sharp: project.dependencies.sharp } })
    expect(lock.packages['node_modules/sharp'].version).toBe(project.dependencies.sharp)
    const { '': _runtime, ...packages } = lock.packages as Record<string, { integrity?: string }>
    const unchecked = Object.keys(packages).filter((name) => !packages[name]?.integrity?.startsWith('sha512-'))
    expect(unchecked).toEqual([])
    // Cloud Run runs linux/amd64 (https://cloud.google.com/run/docs/container-contract#languages).
    expect(lock.packages['node_modules/@img/sharp-linux-x64']).toBeDefined()
  })
})

/** The chunks that these chunks import statically, and theirs. */
async function importClosure(names: string[]): Promise<string[]> {
  const seen = new Set<string>()
  const waiting = names.map((name) => path.posix.normalize(name))
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    if (seen.has(name)) continue
    seen.add(name)
    const source = await readFile(path.join(target, name), 'utf8')
    for (const match of source.matchAll(/^(?:import|export)[^;]*?from "(\.[^"]+)"|^import "(\.[^"]+)"/gm)) {
      waiting.push(path.posix.join(path.posix.dirname(name), match[1] ?? match[2] ?? ''))
    }
  }
  return [...seen]
}
