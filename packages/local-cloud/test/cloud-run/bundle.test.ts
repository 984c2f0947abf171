import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { unpackArchive } from '../../src/kernel/archive.ts'
import { deploy, header, pack, PARENT, removeDirectory, serviceOf, startHarness, upload } from './cloud-run-fixture.ts'

vi.setConfig({ testTimeout: 20_000 })

describe('unpacking a source archive', () => {
  let directory: string
  beforeEach(() => {
    directory = mkdtempSync(path.join(os.tmpdir(), 'imagery-archive-'))
  })
  afterEach(() => rmSync(directory, { recursive: true, force: true }))

  const target = (): string => path.join(directory, 'inside')
  const archive = (...blocks: Buffer[]): Buffer => gzipSync(Buffer.concat([...blocks, Buffer.alloc(1_024)]))
  const block = (content: string): Buffer => Buffer.concat([Buffer.from(content), Buffer.alloc(512 - content.length)])

  test('creates its files and directories', async () => {
    await unpackArchive(pack({ './server.mjs': 'one', 'lib/deep/er.mjs': 'x'.repeat(1_024), empty: '' }), target())
    expect(readFileSync(path.join(target(), 'server.mjs'), 'utf8')).toBe('one')
    expect(statSync(path.join(target(), 'lib/deep/er.mjs')).size).toBe(1_024)
    expect(statSync(path.join(target(), 'empty')).size).toBe(0)
  })

  // https://pubs.opengroup.org/onlinepubs/9799919799/utilities/pax.html: extended header records
  test('reads long paths as pax and GNU tar write them', async () => {
    const long = `${'directory/'.repeat(15)}file.mjs`
    const record = `${long.length + 10} path=${long}\n`
    const pax = [header('PaxHeader/x', record, 'x'), block(record), header('short', 'pax'), block('pax')]
    await unpackArchive(archive(...pax), target())
    expect(readFileSync(path.join(target(), long), 'utf8')).toBe('pax')
    const gnu = [header('././@LongLink', `${long}2\0`, 'L'), block(`${long}2\0`), header('short', 'gnu'), block('gnu')]
    await unpackArchive(archive(...gnu), target())
    expect(readFileSync(path.join(target(), `${long}2`), 'utf8')).toBe('gnu')
  })

  test.each(['../outside', '/tmp/imagery-absolute', 'a/../../outside', 'C:\\windows', '..', 'a\\..\\..\\b'])(
    'refuses the path %s, and writes nothing outside',
    async (name) => {
      await expect(unpackArchive(pack({ [name]: 'bad' }), target())).rejects.toThrow('leaves its directory')
      expect(existsSync(path.join(directory, 'outside'))).toBe(false)
    },
  )

  test.each([
    ['a symbolic link', '2'],
    ['a hard link', '1'],
    ['a device', '3'],
  ])('refuses %s', async (_what, type) => {
    await expect(unpackArchive(archive(header('link', '', type)), target())).rejects.toThrow('neither a file nor')
  })

  test('refuses archives that are not gzip, truncated or damaged', async () => {
    await expect(unpackArchive(Buffer.from('PK'), target())).rejects.toThrow('not a .tar.gz')
    const cut = archive(header('file', 'x'.repeat(4_000)), block('xxx'))
    await expect(unpackArchive(cut, target())).rejects.toThrow('ends in the middle')
    const damaged = header('file', 'abc')
    damaged.write('other', 0)
    await expect(unpackArchive(archive(damaged, block('abc')), target())).rejects.toThrow('wrong checksum')
  })
})

describe('an archive that runs without a build', () => {
  const manifest = (dependencies: object): string => JSON.stringify({ type: 'module', dependencies })

  // https://cloud.google.com/run/docs/deploying-source-code: Cloud Run does not run npm.
  test('does not start without its packages, even if package.json lists them', async () => {
    const harness = await startHarness()
    upload(harness, 'bare.tar.gz', {
      'package.json': manifest({ sharp: '1.0.0' }),
      'server.mjs': "import 'sharp'; import { createServer } from 'node:http'; createServer().listen(process.env.PORT)",
    })
    const request = { parent: PARENT, serviceId: 'bare', service: serviceOf('bare.tar.gz') }
    const [operation] = await harness.services.createService(request)
    await expect(operation.promise()).rejects.toMatchObject({
      code: 9,
      message: expect.stringContaining('failed to start and listen on the port') as string,
    })
    const log = readFileSync(path.join(harness.directory, 'run/logs/bare.log'), 'utf8')
    expect(log).toContain("Cannot find package 'sharp'")
    await harness.stop()
    removeDirectory(harness.directory)
  })

  test('finds the packages it contains', async () => {
    const harness = await startHarness()
    upload(harness, 'own.tar.gz', {
      'package.json': manifest({ sharp: '99.0.0' }),
      'node_modules/sharp/package.json': '{"version":"99.0.0","type":"module","exports":"./index.js"}',
      'node_modules/sharp/index.js': 'export default "own sharp"',
      'server.mjs': `
        import { createServer } from 'node:http'
        import sharp from 'sharp'
        createServer((request, response) => response.end(sharp)).listen(process.env.PORT)
      `,
    })
    await deploy(harness, 'own', serviceOf('own.tar.gz'))
    expect((await harness.call('own')).body.toString()).toBe('own sharp')
    await harness.stop()
    removeDirectory(harness.directory)
  })

  test('is read at the generation that the service names', async () => {
    const harness = await startHarness()
    harness.objects.set(
      'gs://sources/x.tar.gz#17',
      pack({
        'server.mjs': `
          import { createServer } from 'node:http'
          createServer((request, response) => response.end('17')).listen(process.env.PORT)
        `,
      }),
    )
    const sourceCode = { cloudStorageSource: { bucket: 'sources', object: 'x.tar.gz', generation: 17 } }
    await deploy(harness, 'x', serviceOf('x.tar.gz', { container: { sourceCode } }))
    expect((await harness.call('x')).body.toString()).toBe('17')
    await harness.stop()
    removeDirectory(harness.directory)
  })
})
