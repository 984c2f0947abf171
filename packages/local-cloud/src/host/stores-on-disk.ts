import { existsSync, readdirSync, statSync } from 'node:fs'
import path from 'node:path'
import { readPorts } from './ports-file.ts'

/** The file that holds an API's state. */
const STORE_FILES: Record<string, string> = {
  storage: 'storage.sqlite',
  bigquery: 'bigquery.duckdb',
  run: 'run.sqlite',
  tasks: 'cloud-tasks.sqlite',
  pubsub: 'pubsub.sqlite',
}

/** The same for newer APIs: a data folder of an older local cloud does not have these files. */
const LATER_STORE_FILES: Record<string, string> = { iam: 'iam.sqlite' }

/**
 * Returns when the local cloud of a data folder last wrote to a store, in milliseconds since the Unix
 * epoch; 0 when there is no store.
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
 * Returns a store that is missing or empty although the local cloud ran on this folder before: the API
 * would start without its data. Undefined when all stores exist.
 */
export function lostStore(dataDir: string): { name: string; file: string } | undefined {
  // Written at the end of the first start, when every store exists.
  if (readPorts(dataDir).http === undefined) return undefined
  const later = Object.entries(LATER_STORE_FILES).filter(([name]) => existsSync(path.join(dataDir, name)))
  for (const [name, fileName] of [...Object.entries(STORE_FILES), ...later]) {
    const file = path.join(dataDir, name, fileName)
    if ((statSync(file, { throwIfNoEntry: false })?.size ?? 0) === 0) return { name, file }
  }
  return undefined
}
