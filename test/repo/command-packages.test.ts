import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import path from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import type { ServicesClient } from '@google-cloud/run'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { buildCommandPackages, LOCAL_CLOUD_PACKAGES, PACKAGES } from '../../scripts/command-packages.ts'
import { writeLicenses } from '../../scripts/licenses.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** Next to node_modules, where a bundle finds what it does not hold. */
let target: string

beforeAll(async () => {
  target = await mkdtemp(path.join(root, 'node_modules', '.packages-'))
  const metafiles = await buildCommandPackages({ root, target })
  await writeLicenses(path.join(target, 'licenses.md'), { root, metafiles })
})

afterAll(() => rm(target, { recursive: true, force: true }))

const bundle = async (file: string): Promise<Record<string, unknown>> =>
  (await import(pathToFileURL(path.join(target, file)).href)) as Record<string, unknown>

/** Names that Node gives every CommonJS module. */
const OF_EVERY_MODULE = new Set(['default', 'module.exports', '__esModule'])
const names = (module: object): string[] => Object.keys(module).filter((name) => !OF_EVERY_MODULE.has(name))

test.each(Object.entries({ ...PACKAGES, ...LOCAL_CLOUD_PACKAGES }))(
  '%s has the exports of its package',
  async (name, out) => {
    const published = (await import(name)) as object
    expect(names(await bundle(`${out}.js`)).toSorted()).toEqual(names(published).toSorted())
  },
)

test('packages that the clients import later keep their names, such as the agent for proxies', async () => {
  const files = (await readdir(target)).filter((file) => file.endsWith('.js'))
  const all = new Set((await Promise.all(files.map(bundle))).flatMap((chunk) => Object.keys(chunk)))
  expect([...all]).toEqual(expect.arrayContaining(['HttpsProxyAgent', 'FormData']))
})

test('a client works by JSON, and what is left out names itself when it is used', async () => {
  const { ServicesClient: Client, JobsClient: Jobs } = (await bundle('run.js')) as Record<string, typeof ServicesClient>
  const sent: string[] = []
  const auth = {
    getClient: async () => auth,
    getUniverseDomain: async () => 'googleapis.com',
    fetch: async (url: string) => {
      sent.push(url)
      const body = new TextEncoder().encode('{"error": {"code": 404, "status": "NOT_FOUND", "message": "none"}}').buffer
      return { ok: false, status: 404, arrayBuffer: async () => body }
    },
  } as never
  const name = 'projects/p/locations/l/services/s'
  await expect(new Client!({ fallback: true, auth }).getService({ name })).rejects.toMatchObject({ code: 5 })
  expect(sent).toEqual([expect.stringMatching(`^https://run.googleapis.com:443/v2/${name}`)])
  expect(() => new Jobs!()).toThrow('jobs_client.js is left out of the command line')
  await expect(async () => new Client!({ auth }).getService({ name })).rejects.toThrow(
    'is left out of the command line',
  )
})

test('a client decodes an error in HTML with the package that it loads only then', async () => {
  const { ApiError: Failure } = (await bundle('storage.js')) as { ApiError?: new (body: object) => Error }
  const failure = new Failure!({ code: 400, response: { body: 'a &lt; b &eacute;' } })
  expect(failure.message).toContain('a < b é')
})

test('the license of each bundled package is beside the bundles, with the copyright of its authors', async () => {
  const text = await readFile(path.join(target, 'licenses.md'), 'utf8')
  const { version } = JSON.parse(await readFile(path.join(root, 'node_modules/google-gax/package.json'), 'utf8')) as {
    version: string
  }
  // One that is bundled, one that a bundled one uses, and one that is imported later.
  for (const title of ['@google-cloud/storage ', `google-gax ${version} (Apache-2.0)`, 'https-proxy-agent '])
    expect(text).toContain(`\n## ${title}`)
  expect(text).toMatch(/TERMS AND CONDITIONS FOR USE, REPRODUCTION, AND DISTRIBUTION/)
  expect(text).toMatch(/Copyright \(c\) 2016, Daniel Wirtz/)
  expect(text).not.toContain('## sharp ')
})
