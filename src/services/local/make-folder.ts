import { existsSync, mkdirSync } from 'node:fs'
import path from 'node:path'

/** Only the user may read imagery's files. */
const OWNER_ONLY = 0o700

/**
 * Creates a folder and its parents if they do not exist. Creates them one by one, because Node's
 * recursive `mkdir` retries forever on a file system that accepts no folders, such as /proc.
 */
export function makeFolder(directory: string): void {
  if (existsSync(directory)) return
  makeFolder(path.dirname(directory))
  try {
    mkdirSync(directory, { mode: OWNER_ONLY })
  } catch (error) {
    // Another process created it first.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
}
