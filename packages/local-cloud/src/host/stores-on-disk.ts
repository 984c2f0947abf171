import { existsSync, readdirSync, statSync } from 'node:fs'
import path from 'node:path'
import { readPorts } from './ports-file.ts'

/** The file without which an API has lost what it kept. */
const STORE_FILES: Record<string, string> = {
  storage: 'storage.sqlite',
  bigquery: 'bigquery.duckdb',
  run: 'run.sqlite',
  tasks: 'cloud-tasks.sqlite',
  pubsub: 'pubsub.sqlite',
}

/** Likewise, of APIs that older local clouds have not had: a data folder without theirs has lost nothing. */
const LATER_STORE_FILES: Record<string, string> = { iam: 'iam.sqlite' }

/**
 * When the local cloud of a data folder has last written to one of its stores, in milliseconds
 * since the Unix epoch; 0 when there is nothing.
 */
export function lastWriteMs(dataDir: string): number {
  const times = Object.keys({ ...STORE_FILES, ...LATER_STORE_FILES }).flatMap((api) => {
    const directory = path.join(dataDir, api)
    const names = statSync(directory, { throwIfNoEntry: false })?.isDirectory() ? readdirSync(directory) : []
    return names.map((name) => statSync(path.join(directory, name), { throwIfNoEntry: false })?.mtimeMs ?? 0)
  })
  return Math.max(0, ...times)
}

/**
 * The store of an API that is gone, or empty, although the local cloud has been up on this folder
 * before: it would start as if nothing had ever been kept. Undefined when all is well.
 */
export function lostStore(dataDir: string): { name: string; file: string } | undefined {
  // Written at the end of the first start, when every store has been made.
  if (readPorts(dataDir).http === undefined) return undefined
  const later = Object.entries(LATER_STORE_FILES).filter(([name]) => existsSync(path.join(dataDir, name)))
  for (const [name, fileName] of [...Object.entries(STORE_FILES), ...later]) {
    const file = path.join(dataDir, name, fileName)
    if ((statSync(file, { throwIfNoEntry: false })?.size ?? 0) === 0) return { name, file }
  }
  return undefined
}
