import { spawn } from 'node:child_process'
import { mkdtemp, readFile, realpath, rm } from 'node:fs/promises'
import path from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { buildRuntime, type RuntimeFile } from '../../scripts/runtime-bundle.ts'
import { recordModules } from '../loaded-modules.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** Next to node_modules, where the bundle finds external packages. */
let target: string
let files: RuntimeFile[]

beforeAll(async () => {
  target = await realpath(await mkdtemp(path.join(root, 'node_modules', '.runtime-')))
  files = (await buildRuntime({ root, target })).files
})

afterAll(() => rm(target, { recursive: true, force: true }))

test('loads every chunk on its own and exports the clients by name', async () => {
  const names = new Set<string>()
  for (const { path: file } of files.filter((entry) => entry.path.startsWith('chunks/'))) {
    const chunk = (await import(pathToFileURL(path.join(target, file)).href)) as object
    for (const name of Object.keys(chunk)) names.add(name)
  }
  expect([...names]).toEqual(
    expect.arrayContaining(['BigQuery', 'Storage', 'CloudTasksClient', 'Compute', 'GoogleAuth', 'pixelsModel']),
  )
})

test('has the same bytes after every build', async () => {
  const again = await realpath(await mkdtemp(path.join(root, 'node_modules', '.runtime-')))
  onTestFinished(() => rm(again, { recursive: true, force: true }))
  expect((await buildRuntime({ root, target: again })).files).toEqual(files)
})

test('locks external packages to the versions that the project is tested with', async () => {
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

describe('the code that an instance reads', () => {
  /** Packages that a service needs only for its work. */
  const FOR_WORK = /node_modules\/(@google|google-|gaxios|gcp-metadata|@grpc|protobufjs|sharp|ajv)/

  test('is at most 5 MB in total', () => {
    expect(files.reduce((sum, { bytes }) => sum + bytes, 0)).toBeLessThanOrEqual(5_000_000)
  })

  test.each(['main.js', 'populate.js'])(
    'before the first health check has no Google client, no image decoder, and less than 0.5 MB: %s',
    async (file) => {
      const loaded = await loadedUntilHealthy(file)
      const own = loaded.map((url) => path.relative(target, fileURLToPath(url)).replaceAll(path.sep, '/'))
      expect(own).toContain(file)
      expect(own.filter((name) => name.startsWith('..'))).toEqual([])
      // The source map of a chunk lists its sources.
      const sources = await Promise.all(
        own.map(
          async (name) => JSON.parse(await readFile(path.join(target, `${name}.map`), 'utf8')).sources as string[],
        ),
      )
      expect(sources.flat()).toContainEqual(expect.stringContaining('src/runtime/http-service.ts'))
      expect(sources.flat().filter((source) => FOR_WORK.test(source))).toEqual([])
      const bytes = own.map((name) => files.find((known) => known.path === name)?.bytes ?? Infinity)
      expect(bytes.reduce((sum, size) => sum + size, 0)).toBeLessThan(500_000)
    },
  )
})

/** The files that a service has loaded when it answers GET /healthz. */
async function loadedUntilHealthy(file: string): Promise<string[]> {
  const recorder = recordModules()
  onTestFinished(() => recorder.remove())
  const child = spawn(process.execPath, [...recorder.args, path.join(target, file)], {
    env: {
      ...recorder.environment,
      PORT: '0',
      IMAGERY_PROJECT: 'demo',
      IMAGERY_REGION: 'us-central1',
      IMAGERY_BUCKET: 'imagery-demo-us-central1',
      IMAGERY_MAIN_URL: 'https://imagery-main-abc.run.app',
      IMAGERY_INVOKER: 'imagery-invoker@demo.iam.gserviceaccount.com',
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  const line = await new Promise<string>((resolve) => child.stdout.once('data', (bytes) => resolve(String(bytes))))
  const { port } = JSON.parse(line) as { port: number }
  expect((await fetch(`http://127.0.0.1:${port}/healthz`)).status).toBe(200)
  return recorder.loaded().filter((url) => url.startsWith('file:') && !url.endsWith('/hook.mjs'))
}
