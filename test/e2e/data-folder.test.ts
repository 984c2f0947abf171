import {
  chmodSync,
  chownSync,
  existsSync,
  lchownSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { startLocalCloud } from '@imagery/local-cloud'
import { findLocalCloud } from '../../src/services/local/cloud.ts'
import { NO_OTHER_USER, OTHER_USER } from '@imagery/local-cloud/test/host/other-user-fixture'

const HAS_USERS = process.platform !== 'win32'

let home: string
let folder: string
let umask: number

beforeEach(() => {
  umask = process.umask(0)
  home = mkdtempSync(path.join(os.tmpdir(), 'imagery-folder-'))
  folder = path.join(home, 'cloud')
})

afterEach(() => {
  process.umask(umask)
  rmSync(home, { recursive: true, force: true })
})

/** The entries of the data folder that are open to other users. */
function open(): string[] {
  const entries = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  return ['.', ...entries].filter((name) => {
    const status = lstatSync(path.join(folder, name))
    return !status.isSymbolicLink() && (status.mode & 0o077) !== 0
  })
}

async function startAndStop(dataDir = folder): Promise<void> {
  const cloud = await startLocalCloud({ dataDir })
  await cloud.stop()
}

function refusal(message: RegExp): object {
  return {
    code: 'DATA_FOLDER_UNUSABLE',
    message: expect.stringMatching(message),
    suggestions: expect.arrayContaining(['choose another folder with --data-dir']),
  }
}

describe.runIf(HAS_USERS)('a data folder (not on Windows, which has no modes)', () => {
  it('is closed to other users with everything in it, even if it was open before', async () => {
    mkdirSync(folder)
    chmodSync(folder, 0o777)
    const cloud = await startLocalCloud({ dataDir: folder })
    expect(open()).toEqual([])
    await cloud.stop()
    expect(open()).toEqual([])

    // As an older local cloud might leave it.
    mkdirSync(path.join(folder, 'run', 'revisions', 'us-central1'), { recursive: true })
    writeFileSync(path.join(folder, 'run', 'revisions', 'us-central1', 'main.js'), '')
    for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
      chmodSync(path.join(folder, name), statSync(path.join(folder, name)).isDirectory() ? 0o755 : 0o644)
    }
    chmodSync(folder, 0o755)
    await startAndStop()
    expect(open()).toEqual([])
  })

  it('is refused and left unchanged if it is open and holds files of other programs', async () => {
    mkdirSync(folder)
    chmodSync(folder, 0o755)
    writeFileSync(path.join(folder, 'thesis.txt'), '')
    await expect(startLocalCloud({ dataDir: folder })).rejects.toMatchObject({
      ...refusal(/contains other files/),
      suggestions: expect.arrayContaining([expect.stringContaining(`chmod 700 ${folder}`)]),
    })
    expect(readdirSync(folder)).toEqual(['thesis.txt'])
    expect(open()).toEqual(['.', 'thesis.txt'])
  })

  it("may be a link to the same user's folder", async () => {
    const target = path.join(home, 'elsewhere')
    mkdirSync(target)
    chmodSync(target, 0o777)
    symlinkSync(target, folder)
    await startAndStop()
    expect(existsSync(path.join(target, 'ports.json'))).toBe(true)
    expect(statSync(target).mode & 0o777).toBe(0o700)
  })
})

describe.skipIf(NO_OTHER_USER !== '')('a file or folder of another user (skipped unless root on Linux)', () => {
  it('is not accepted as a data folder', async () => {
    mkdirSync(folder)
    chmodSync(folder, 0o777)
    chownSync(folder, OTHER_USER, OTHER_USER)
    const message = /belongs to another user \(65534, and you are 0\)/
    await expect(startLocalCloud({ dataDir: folder })).rejects.toMatchObject(refusal(message))
    await expect(findLocalCloud(folder)).rejects.toMatchObject({
      code: 'LOCAL_CLOUD_FAILED',
      message: expect.stringMatching(message),
    })
    expect(readdirSync(folder)).toEqual([])
  })

  it('is not followed if it is a link to a data folder', async () => {
    const target = path.join(home, 'elsewhere')
    mkdirSync(target)
    symlinkSync(target, folder)
    lchownSync(folder, OTHER_USER, OTHER_USER)
    await expect(startLocalCloud({ dataDir: folder })).rejects.toMatchObject(refusal(/belongs to another user/))
    expect(readdirSync(target)).toEqual([])
  })

  it.each(['identity/signing-key.pem', 'storage', 'local-cloud.json', 'run/revisions/planted'])(
    'is not trusted in a data folder: %s',
    async (name) => {
      const entry = path.join(folder, name)
      mkdirSync(path.join(folder, 'identity'), { recursive: true })
      mkdirSync(path.dirname(entry), { recursive: true })
      writeFileSync(entry, '')
      chownSync(entry, OTHER_USER, OTHER_USER)
      await expect(startLocalCloud({ dataDir: folder })).rejects.toMatchObject(refusal(new RegExp(name)))
      if (name === 'local-cloud.json') {
        await expect(findLocalCloud(folder)).rejects.toMatchObject({ message: expect.stringContaining(name) })
      }
    },
  )
})

describe('a locator file left behind by a crash', () => {
  it('does not connect to the program that now has its port, and does not send it a secret', async () => {
    const cloud = await startLocalCloud({ dataDir: folder })
    expect(await findLocalCloud(folder)).toEqual(cloud.locator)
    renameSync(path.join(folder, 'local-cloud.json'), path.join(home, 'kept'))
    await cloud.stop()
    renameSync(path.join(home, 'kept'), path.join(folder, 'local-cloud.json'))
    const heard: string[] = []
    const stranger = createServer((request, response) => {
      heard.push(`${request.url} ${JSON.stringify(request.headers)}`)
      response.end(JSON.stringify({ status: 'ready', proof: 'believe me', pid: process.pid }))
    })
    const { port } = new URL(cloud.locator.http)
    await new Promise<void>((resolve) => stranger.listen(Number(port), '127.0.0.1', resolve))
    expect((stranger.address() as AddressInfo).port).toBe(Number(port))
    expect(await findLocalCloud(folder)).toBe(undefined)
    expect(heard).toHaveLength(1)
    expect(heard.join()).not.toContain(cloud.locator.adminToken)
    await new Promise((resolve) => stranger.close(resolve))
  })
})
