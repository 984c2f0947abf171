import { readFileSync } from 'node:fs'
import path from 'node:path'
import { deflateRawSync, crc32 } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { buildOf, dockerfile, startBuildHarness, type BuildHarness } from './build-fixture.ts'

let harness: BuildHarness
beforeAll(async () => {
  harness = await startBuildHarness()
})
afterAll(() => harness.stop())

const installed = (name: string): string =>
  (
    JSON.parse(
      readFileSync(path.join(import.meta.dirname, '../../../../node_modules', name, 'package.json'), 'utf8'),
    ) as {
      version: string
    }
  ).version

/** package.json and a matching lock file. */
function manifests(dependencies: Record<string, string>, locked = dependencies): Record<string, string> {
  return {
    'package.json': JSON.stringify({ type: 'module', dependencies }),
    'package-lock.json': JSON.stringify({ lockfileVersion: 3, packages: { '': { dependencies: locked } } }),
  }
}

async function outcome(files: Record<string, string>): Promise<{ status: unknown; detail: string }> {
  const { status, failureInfo } = buildOf(await harness.build(files))
  return { status, detail: failureInfo?.detail ?? '' }
}

describe('a Dockerfile', () => {
  it('may have comments, empty lines, continuation lines, variables and lowercase instructions', async () => {
    const text = `# syntax=docker/dockerfile:1
# escape is not touched

from node:22-slim AS runtime
ENV NODE_ENV=production \\
    # a comment between the lines

    HOME_OF="/srv/the app" PORT=80
WORKDIR $HOME_OF
WORKDIR sub
COPY --chown=node:node a.txt \\
  b.txt folder*/ server.m?s ./
LABEL version="1"
EXPOSE 8080
USER node
ENTRYPOINT ["node"]
CMD ["--max-old-space-size=64", "/srv/the app/sub/server.mjs"]
`
    const files = {
      Dockerfile: text,
      'a.txt': '',
      'b.txt': '',
      'folder1/c.txt': '',
      'folder2/d.txt': '',
      'server.mjs': '',
    }
    expect(await outcome(files)).toEqual({ status: 'SUCCESS', detail: '' })
  })

  it.each([
    [
      'copies a missing file',
      ['COPY dist/missing.js ./'],
      'Dockerfile line 4: COPY failed: file not found in build context or excluded by .dockerignore: stat dist/missing.js: file does not exist',
    ],
    [
      'copies a file from outside',
      ['COPY ../secret ./'],
      'Dockerfile line 4: COPY failed: forbidden path outside the build context',
    ],
    [
      'copies several files to one',
      ['COPY Dockerfile server.mjs one'],
      'Dockerfile line 4: When using COPY with more than one source file',
    ],
    [
      'copies by a pattern that nothing fits',
      ['COPY *.py ./'],
      'Dockerfile line 4: COPY failed: no source files were specified',
    ],
    ['runs a command', ['RUN apt-get update'], 'Dockerfile line 4: RUN apt-get update: the local cloud runs no shell'],
    ['runs a command after npm ci', ['RUN npm ci && rm -rf /'], 'Dockerfile line 4: RUN npm ci && rm -rf /'],
    [
      'runs npm ci with an option that would change it',
      ['RUN npm ci --prefix elsewhere'],
      'Dockerfile line 4: RUN npm ci --prefix elsewhere',
    ],
    ['installs without a lock', ['RUN npm ci'], 'can only install with an existing package-lock.json'],
    ['has a second stage', ['FROM node:22'], 'Dockerfile line 4: a Dockerfile of several stages'],
    ['has an instruction that is not emulated', ['HEALTHCHECK NONE'], 'Dockerfile line 4: HEALTHCHECK is not emulated'],
    ['has a here-document', ['RUN <<EOF', 'EOF'], 'here-documents'],
    ['starts a program that is not in the image', ['CMD ["node", "none.js"]', '# the last one counts:'], undefined],
  ])('that %s fails the build with its line', async (_what, lines, words) => {
    const text = words === undefined ? 'FROM node:22\nCMD ["node", "none.js"]' : dockerfile(...lines)
    const { status, detail } = await outcome({ Dockerfile: text, 'server.mjs': '' })
    expect(status).toBe('FAILURE')
    expect(detail).toContain(words ?? 'line 2: the command names "none.js", which is not in the image')
    expect(detail).toContain('build step 0 "gcr.io/cloud-builders/docker" failed')
  })

  it.each([
    ['is not there', {}, 'lstat /workspace/Dockerfile: no such file or directory'],
    ['is empty', { Dockerfile: '# nothing\n' }, 'cannot be empty'],
    ['does not begin with FROM', { Dockerfile: 'CMD ["node"]' }, 'begins with FROM'],
    ['is from another image', { Dockerfile: 'FROM python:3' }, 'FROM python:3: the local cloud runs Node.js alone'],
    ['starts by the shell', { Dockerfile: 'FROM node:22\nCMD node server.mjs' }, 'write the command as a list'],
    [
      'starts another program',
      { Dockerfile: 'FROM node:22\nCMD ["npm", "start"]' },
      'the command "npm start" is not emulated',
    ],
    [
      'has files that are left out',
      { Dockerfile: dockerfile(), '.dockerignore': '*' },
      '.dockerignore is not emulated',
    ],
  ])('that %s fails the build', async (_what, files, words) => {
    const { status, detail } = await outcome({ 'server.mjs': '', ...files })
    expect([status, detail]).toEqual(['FAILURE', expect.stringContaining(words) as string])
  })
})

describe('npm ci', () => {
  const text = dockerfile('RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund && npm cache clean --force')

  it('installs the same versions that imagery uses', async () => {
    const files = { ...manifests({ sharp: installed('sharp') }), Dockerfile: text, 'server.mjs': '' }
    expect(await outcome(files)).toEqual({ status: 'SUCCESS', detail: '' })
  })

  it.each([
    [
      'another version',
      manifests({ sharp: '0.1.0' }),
      `asks for sharp@0.1.0, but ${installed('sharp')} is installed here`,
    ],
    ['a range of versions', manifests({ sharp: `^${installed('sharp')}` }), `asks for sharp@^${installed('sharp')}`],
    [
      'a package that is not here',
      manifests({ 'no-such-package-at-all': '1.0.0' }),
      'no-such-package-at-all@1.0.0, which is not installed',
    ],
    ['a path in a name', manifests({ '../sharp': '1.0.0' }), '"../sharp" is not a package name'],
    [
      'what its lock does not have',
      manifests({ sharp: installed('sharp') }, {}),
      'package.json and package-lock.json are in sync',
    ],
  ])('fails the build when package.json asks for %s', async (_what, files, words) => {
    const { status, detail } = await outcome({ ...files, Dockerfile: text, 'server.mjs': '' })
    expect([status, detail]).toEqual(['FAILURE', expect.stringContaining(words) as string])
  })
})

describe('a source archive', () => {
  it('may be a .zip', async () => {
    await harness.upload('app.zip', zip({ Dockerfile: dockerfile(), 'server.mjs': 'x'.repeat(1_000), 'folder/': '' }))
    const operation = await harness.finished(await harness.submit('app.zip'))
    expect(buildOf(operation).status).toBe('SUCCESS')
  })

  it('that is a damaged .zip fails the build', async () => {
    const archive = zip({ Dockerfile: dockerfile(), 'server.mjs': '' })
    archive[40] = 0x7f
    await harness.upload('damaged.zip', archive)
    const build = buildOf(await harness.finished(await harness.submit('damaged.zip')))
    expect(build.failureInfo).toMatchObject({
      type: 'FETCH_SOURCE_FAILED',
      detail: expect.stringContaining('damaged') as string,
    })
  })
})

/** A .zip of the files, with every second one compressed. */
function zip(files: Record<string, string>): Buffer {
  const locals: Buffer[] = []
  const directory: Buffer[] = []
  let offset = 0
  for (const [index, [name, text]] of Object.entries(files).entries()) {
    const content = Buffer.from(text)
    const method = index % 2 === 0 ? 0 : 8
    const packed = method === 0 ? content : deflateRawSync(content)
    const common = Buffer.alloc(26)
    common.writeUInt16LE(20, 0)
    common.writeUInt16LE(method, 4)
    common.writeUInt32LE(crc32(content), 10)
    common.writeUInt32LE(packed.length, 14)
    common.writeUInt32LE(content.length, 18)
    common.writeUInt16LE(Buffer.byteLength(name), 22)
    const local = Buffer.concat([Buffer.from('PK\x03\x04'), common, Buffer.from(name), packed])
    const place = Buffer.alloc(14)
    place.writeUInt32LE(offset, 10)
    directory.push(Buffer.concat([Buffer.from('PK\x01\x02\x14\x03'), common, place, Buffer.from(name)]))
    locals.push(local)
    offset += local.length
  }
  const end = Buffer.alloc(18)
  end.writeUInt16LE(directory.length, 4)
  end.writeUInt16LE(directory.length, 6)
  end.writeUInt32LE(Buffer.concat(directory).length, 8)
  end.writeUInt32LE(offset, 12)
  return Buffer.concat([...locals, ...directory, Buffer.from('PK\x05\x06'), end])
}
