import { existsSync, mkdirSync } from 'node:fs'
import path from 'node:path'

/** Only the user may read what imagery keeps. */
const OWNER_ONLY = 0o700

/**
 * Makes a folder and those above it, unless they are there. One by one: Node's own recursive
 * `mkdir` tries for ever where a file system takes no folders, as in /proc.
 */
export function makeFolder(directory: string): void {
  if (existsSync(directory)) return
  makeFolder(path.dirname(directory))
  try {
    mkdirSync(directory, { mode: OWNER_ONLY })
  } catch (error) {
    // Another process was quicker.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
}
