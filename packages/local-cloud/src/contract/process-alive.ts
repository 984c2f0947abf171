import { readFileSync } from 'node:fs'

/**
 * Whether a process of this machine is running. A zombie is not: in a container whose first process
 * adopts others and never waits for them, it stays in the process table permanently and accepts signals
 * as if it ran (state `Z`, https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html).
 */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
  } catch (error) {
    // A process of another user is running too.
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false
  }
  return stateOf(pid) !== 'Z'
}

/** Returns the letter of the state; undefined if the kernel does not provide it. */
function stateOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The program's name before it is in parentheses and can contain parentheses.
    return stat.slice(stat.lastIndexOf(')') + 2).charAt(0)
  } catch {
    return undefined
  }
}
