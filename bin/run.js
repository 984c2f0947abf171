#!/usr/bin/env node
import { existsSync, mkdirSync, statSync } from 'node:fs'
import module from 'node:module'
import os from 'node:os'
import path from 'node:path'

/** As in package.json: `node:sqlite` without a flag. npm only warns of an older Node.js. */
const OLDEST = [22, 13]

if (isTooOld()) {
  process.stderr.write(
    `Error imagery needs Node.js ${OLDEST.join('.')} or later, and this is ${process.versions.node}\n\nTry this\n  Install Node.js ${OLDEST.join('.')} or later (https://nodejs.org/en/download), then run the same command\n`,
  )
  process.exitCode = 1
} else {
  enableCompileCache()
  // Not awaited at top level: with the pipe closed early Node would report an unsettled await.
  void import('../dist/cli/main.js').then(({ main }) => main(import.meta.url))
}

function isTooOld() {
  const [major, minor] = process.versions.node.split('.').map(Number)
  return major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1])
}

/**
 * Node.js runs what it finds in the cache, and its own place for it is the folder of temporary files, where another
 * user of the machine may have been first. On Windows that folder is the user's own. Without a cache all is slower.
 */
function enableCompileCache() {
  if (process.platform === 'win32') {
    module.enableCompileCache?.()
    return
  }
  const cache = process.env.XDG_CACHE_HOME || path.join(os.homedir(), '.cache')
  const folder = path.join(cache, 'imagery', 'compiled')
  if (!path.isAbsolute(folder)) return
  try {
    // One by one: Node's own recursive `mkdir` tries for ever where a file system takes no folders, as in /proc.
    for (const made of [cache, path.dirname(folder), folder]) {
      if (!existsSync(made)) mkdirSync(made, 0o700)
    }
    const { uid, mode } = statSync(folder)
    if (uid === process.getuid() && (mode & 0o022) === 0) module.enableCompileCache?.(folder)
  } catch (error) {
    // A home that cannot be written, or none.
    if (error.code === undefined) throw error
  }
}
