import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import path from 'node:path'
import { shellWord } from '@imagery/local-cloud/contract/shell-word'
import { ROOT } from '../cli/imagery-process.ts'

const PROGRAM = path.join(ROOT, 'bin', 'run.js')

/** The program that gives a command a terminal (script(1) of util-linux). */
const SCRIPT = '/usr/bin/script'

export const hasTerminal = process.platform === 'linux' && existsSync(SCRIPT)

/** Runs imagery at a terminal and types keys once it asks for a yes. */
export async function typeAtTerminal(
  commandLine: readonly string[],
  { keys, home }: { keys: string; home: string },
): Promise<{ exitCode: number | null; output: string }> {
  // A terminal without a size has no columns, and shows no progress.
  const command = `stty cols 120 rows 40; ${[process.execPath, PROGRAM, ...commandLine].map(shellWord).join(' ')}`
  const child = spawn(SCRIPT, ['--quiet', '--return', '--command', command, '/dev/null'], {
    env: { PATH: process.env['PATH'] ?? '', HOME: home, XDG_CONFIG_HOME: home, XDG_DATA_HOME: home, TERM: 'xterm' },
    cwd: home,
  })
  let output = ''
  let hasTyped = false
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString()
    if (hasTyped || !output.includes('Type yes')) return
    hasTyped = true
    child.stdin.write(keys)
  })
  const [exitCode] = (await once(child, 'close')) as [number | null]
  return { exitCode, output }
}
