import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { list } from 'tar'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { imageSource, packedSource, sourceHash } from '../../../src/services/deploy/source-archive.ts'
import { ownSourceHashes, writeSourceHashes } from '../../../src/services/deploy/source-hashes.ts'

const root = fileURLToPath(new URL('../../..', import.meta.url))

let folder: string
let installed: string

/** A folder as npm installs it: the Dockerfile next to the bundled runtime. */
beforeAll(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'imagery-archive-'))
  installed = path.join(folder, 'imagery')
  mkdirSync(path.join(installed, 'dist', 'runtime', 'chunks'), { recursive: true })
  cpSync(path.join(root, 'Dockerfile'), path.join(installed, 'Dockerfile'))
  for (const file of ['main.js', 'main.js.map', 'package.json', 'package-lock.json', 'chunks/a.js'])
    writeFileSync(path.join(installed, 'dist', 'runtime', file), `// ${file}\n`)
})

afterAll(() => rmSync(folder, { recursive: true }))

const source = (where: string) => imageSource(path.join(where, 'dist', 'runtime'))

async function pathsIn(archive: Buffer): Promise<string[]> {
  const file = path.join(folder, 'archive.tar.gz')
  writeFileSync(file, archive)
  const paths: string[] = []
  await list({ file, onReadEntry: (entry) => void paths.push(entry.path) })
  return paths
}

test('an archive has the Dockerfile and everything it copies, and no source maps', async () => {
  const paths = await pathsIn(await packedSource(await source(installed)))
  expect(paths).toEqual([
    'Dockerfile',
    'dist/runtime/chunks/a.js',
    'dist/runtime/main.js',
    'dist/runtime/package-lock.json',
    'dist/runtime/package.json',
  ])
  const copied = [...readFileSync(path.join(root, 'Dockerfile'), 'utf8').matchAll(/^COPY (.+) \S+$/gm)].flatMap(
    ([, sources = '']) => sources.split(' ').filter((each) => !each.startsWith('--')),
  )
  expect(copied.length).toBeGreaterThan(0)
  for (const each of copied) expect(paths.some((name) => name.startsWith(each))).toBe(true)
})

test('the same files make the same bytes, regardless of installation time and umask', async () => {
  const copy = path.join(folder, 'copy')
  cpSync(installed, copy, { recursive: true })
  for (const file of ['Dockerfile', 'dist/runtime/main.js']) {
    chmodSync(path.join(copy, file), 0o600)
    utimesSync(path.join(copy, file), 1, 1)
  }
  const [one, other] = await Promise.all([source(installed), source(copy)])
  expect(await packedSource(other)).toEqual(await packedSource(one))
  expect(await sourceHash(other)).toBe(await sourceHash(one))
})

test('a changed byte or name changes the hash', async () => {
  const before = await sourceHash(await source(installed))
  const changed = path.join(folder, 'changed')
  cpSync(installed, changed, { recursive: true })
  writeFileSync(path.join(changed, 'dist', 'runtime', 'main.js'), '// main.jz\n')
  expect(await sourceHash(await source(changed))).not.toBe(before)
})

test('the hashes that a build has written are those of its files, and are not computed again', async () => {
  const runtime = path.join(installed, 'dist', 'runtime')
  const computed = await ownSourceHashes(runtime)
  await writeSourceHashes(runtime)
  expect(await ownSourceHashes(runtime)).toEqual(computed)
  expect(computed[0]).toBe(await sourceHash(await source(installed)))
  rmSync(runtime, { recursive: true })
  expect(await ownSourceHashes(runtime)).toEqual(computed)
  // The build of this program has written its own.
  const built = path.join(root, 'dist', 'runtime')
  expect(await ownSourceHashes(built)).toContain(await sourceHash(await source(root)))
})
