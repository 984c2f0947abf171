import { existsSync, mkdirSync } from 'node:fs'
import path from 'node:path'
import { PRIVATE_FOLDER_MODE } from './atomic-file.ts'

/**
 * Creates a folder and its parents unless they exist. One by one, because Node's recursive `mkdir` loops
 * forever on a file system that accepts no folders, such as /proc.
 */
export function createFolder(directory: string): void {
  if (existsSync(directory)) return
  createFolder(path.dirname(directory))
  try {
    mkdirSync(directory, { mode: PRIVATE_FOLDER_MODE })
  } catch (error) {
    // Another process created it first.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
}
