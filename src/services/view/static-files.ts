import { readFile } from 'node:fs/promises'
import path from 'node:path'

/** The types of the app's files. A file of another type is not served. */
const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
}

export interface StaticFile {
  bytes: Buffer<ArrayBuffer>
  type: string
  /** Whether the name has a hash of the content, so that the file never changes. */
  isHashed: boolean
}

/**
 * Returns a file of the app, or undefined if there is none. Only names that the build makes are looked for, so that no
 * path leads out of the folder.
 *
 * @param requested the path of the request, decoded: `/`, `/assets/index-3fd1.js`
 */
export async function staticFile(folder: string, requested: string): Promise<StaticFile | undefined> {
  const name = requested === '/' ? '/index.html' : requested
  if (!/^(?:\/[\w-][\w.-]*)+$/.test(name)) return undefined
  const type = TYPES[path.posix.extname(name)]
  if (type === undefined) return undefined
  const bytes = await readFile(path.join(folder, ...name.split('/'))).catch(() => undefined)
  return bytes && { bytes, type, isHashed: name.startsWith('/assets/') }
}
