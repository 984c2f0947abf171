import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { buildRuntime } from '../../scripts/runtime-bundle.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** Next to node_modules, where the bundle finds external packages. */
let target: string

beforeAll(async () => {
  target = await mkdtemp(path.join(root, 'node_modules', '.runtime-'))
  await buildRuntime({ root, target })
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
  test('answers its health check and exits with 0 on SIGTERM', async () => {
    const service = start(file)
    const url = await listening(service)
    const response = await fetch(`${url}/healthz`)
    expect([response.status, await response.json()]).toEqual([200, { status: 'ok' }])
    service.child.kill('SIGTERM')
    expect(await service.exited).toBe(0)
    expect(service.log.map(({ severity }) => severity)).toEqual(['INFO', 'INFO'])
  })

  test('refuses an incomplete environment with every fault on one line and exit code 1', async () => {
    const service = start(file, { PATH: ENVIRONMENT.PATH })
    expect(await service.exited).toBe(1)
    expect(service.log).toHaveLength(1)
    expect(service.log[0]).toMatchObject({
      severity: 'ERROR',
      message: expect.stringMatching(/IMAGERY_PROJECT: not set\n.*IMAGERY_REGION: not set/),
    })
  })
})

test('a service whose port is in use says so and exits with 1', async () => {
  const first = start('main.js')
  const url = await listening(first)
  const second = start('main.js', { ...ENVIRONMENT, PORT: new URL(url).port })
  expect(await second.exited).toBe(1)
  expect(second.log[0]).toMatchObject({ severity: 'ERROR', message: expect.stringContaining('EADDRINUSE') })
})

test('a request in flight on SIGTERM is answered before the service exits', async () => {
  const cloud = await slowCloud(300)
  const service = start('main.js', { ...ENVIRONMENT, IMAGERY_LOCAL_CLOUD: cloud.locatorFile })
  const url = await listening(service)
  const setUp = fetch(`${url}/setup`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ v: 1, run_id: '261123-9f3c1a7b' }),
  })
  await cloud.reached
  service.child.kill('SIGTERM')
  const response = await setUp
  expect(response.status).toBe(404)
  expect(await response.json()).toMatchObject({ error: { code: 'RUN_NOT_FOUND' } })
  expect(await service.exited).toBe(0)
})

/** A local cloud with only tokens and a slow, empty Cloud Storage. */
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
