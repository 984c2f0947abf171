import { execFile, spawnSync } from 'node:child_process'
import { chmodSync, copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'

/** The unprivileged user of every Linux. */
export const OTHER_USER = 65_534

/** The reason, for a test's name, that no program can run as another user here; empty if one can. */
export const NO_OTHER_USER =
  process.platform === 'linux' && process.getuid?.() === 0
    ? ''
    : ' (only in part here: another user needs root on Linux)'

/** Runs programs of Node.js as another user of this machine. */
export interface OtherUser {
  /** The JSON that the module prints. The module gets `input` under that name. */
  run(source: string, input: unknown): Promise<unknown>
  leave(): void
}

/** Copies what the other user needs to a folder open to that user, because this Node.js may be in our home folder. */
export function otherUser(): OtherUser {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'imagery-other-user-'))
  chmodSync(folder, 0o755)
  const identity = { uid: OTHER_USER, gid: OTHER_USER, cwd: '/' }
  let node = process.execPath
  if (spawnSync(node, ['--version'], identity).status !== 0) {
    node = path.join(folder, 'node')
    copyFileSync(process.execPath, node)
    chmodSync(node, 0o755)
  }
  let scripts = 0
  return {
    async run(source, input) {
      const script = path.join(folder, `script-${scripts++}.mjs`)
      writeFileSync(script, `const input = ${JSON.stringify(input)}\n${source}`)
      chmodSync(script, 0o644)
      const { stdout } = await promisify(execFile)(node, [script], { ...identity, env: {}, timeout: 60_000 })
      return JSON.parse(stdout)
    },
    leave: () => rmSync(folder, { recursive: true, force: true }),
  }
}
