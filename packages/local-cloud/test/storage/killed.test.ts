import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { startStorage } from './storage-fixture.ts'

let directory: string

beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), 'imagery-storage-'))
})

afterEach(() => rmSync(directory, { recursive: true, force: true }))

/** Bytes that show where they belong. */
function bytesOf(name: string, version: number): Buffer {
  return Buffer.alloc(1000 + version, `${name}/${version};`)
}

/** Writes, overwrites and deletes through a separate server until that is killed; returns what was acknowledged. */
async function writeUntilKilled(
  killAfter: number,
): Promise<{ kept: Map<string, number>; unsure: Map<string, number> }> {
  const program = path.join(import.meta.dirname, 'storage-process-fixture.ts')
  const child = spawn(process.execPath, [program, directory], { stdio: ['ignore', 'pipe', 'inherit'] })
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  const { value: base } = (await createInterface({ input: child.stdout })[Symbol.asyncIterator]().next()) as {
    value: string
  }
  const ask = (method: string, route: string, body?: Uint8Array | string): Promise<Response> =>
    fetch(base + route, { method, ...(body === undefined ? {} : { body: body as Uint8Array<ArrayBuffer> | string }) })
  await ask('POST', '/storage/v1/b?project=imagery-local', JSON.stringify({ name: 'imagery-a' }))
  const kept = new Map<string, number>()
  /** Sent, but not acknowledged: may or may not have happened. -1 is a deletion. */
  const unsure = new Map<string, number>()
  let acknowledged = 0
  const write = async (name: string): Promise<void> => {
    for (let version = 1; ; version++) {
      const isDeletion = version % 5 === 0
      unsure.set(name, isDeletion ? -1 : version)
      const route = isDeletion
        ? `/storage/v1/b/imagery-a/o/${name}`
        : `/upload/storage/v1/b/imagery-a/o?uploadType=media&name=${name}`
      const answer = await (isDeletion ? ask('DELETE', route) : ask('POST', route, bytesOf(name, version)))
      expect(answer.ok).toBe(true)
      await answer.arrayBuffer()
      unsure.delete(name)
      if (isDeletion) kept.delete(name)
      else kept.set(name, version)
      acknowledged += 1
      if (acknowledged === killAfter) child.kill('SIGKILL')
    }
  }
  await Promise.allSettled(['a', 'b', 'c', 'd'].map(write))
  await exited
  return { kept, unsure }
}

it.each([7, 40, 111])('keeps every acknowledged object whole when it is killed after %i answers', async (killAfter) => {
  const { kept, unsure } = await writeUntilKilled(killAfter)
  const storage = await startStorage({ directory })
  try {
    const [files] = await storage.client.bucket('imagery-a').getFiles()
    for (const name of ['a', 'b', 'c', 'd']) {
      const file = files.find((found) => found.name === name)
      const possible = [kept.get(name) ?? -1, unsure.get(name) ?? kept.get(name) ?? -1]
      const bytes = file ? (await file.download())[0] : undefined
      const version = bytes ? bytes.byteLength - 1000 : -1
      expect(possible).toContain(version)
      expect(bytes?.toString()).toBe(bytes && bytesOf(name, version).toString())
      expect(file?.metadata.md5Hash).toBe(bytes && createHash('md5').update(bytes).digest('base64'))
    }
    const stored = readdirSync(directory, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
    expect(stored.filter(({ name }) => !name.startsWith('storage.sqlite'))).toHaveLength(files.length)
  } finally {
    await storage.stop()
  }
})
