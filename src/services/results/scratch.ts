import { mkdtemp, rm, stat } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { notWritable } from '../source/scratch-folder.ts'

/** A temporary folder, created at its first use. */
export interface Scratch {
  folder(): Promise<string>
}

/**
 * Provides a temporary folder, and deletes it when the work is done. It is beside the file that the work writes, because
 * that disk has space for it; the system's temporary folder can be a small one in memory.
 *
 * @param file undefined if the work writes no file
 */
export async function withScratch<Result>(
  file: string | undefined,
  work: (scratch: Scratch) => Promise<Result>,
): Promise<Result> {
  let made: Promise<string> | undefined
  try {
    return await work({ folder: () => (made ??= makeFolder(file)) })
  } finally {
    // A writer that was interrupted may still add a file.
    const folder = await made?.catch(() => undefined)
    if (folder !== undefined) await rm(folder, { recursive: true, force: true, maxRetries: 5 })
  }
}

async function makeFolder(file: string | undefined): Promise<string> {
  const existing = file === undefined ? undefined : await stat(file).catch(() => undefined)
  const isPlain = file !== undefined && (existing === undefined || existing.isFile())
  const place = isPlain ? path.dirname(path.resolve(file)) : os.tmpdir()
  return mkdtemp(path.join(place, '.imagery-results-')).catch((error: unknown) => {
    throw notWritable(place, error)
  })
}
