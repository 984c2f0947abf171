import { readFileSync } from 'node:fs'

/**
 * Whether a process of this machine runs. One that has ended but has not been waited for by its
 * parent does not: in a container whose first process adopts others and never waits, it stays in the
 * process table for good, and takes signals as if it ran
 * (state `Z`, https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html).
 */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
  } catch (error) {
    // Somebody else's process is there, too.
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false
  }
  return stateOf(pid) !== 'Z'
}

/** The state's letter; undefined where the kernel does not tell in this way. */
function stateOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The program's name before it is in parentheses, and may hold any.
    return stat.slice(stat.lastIndexOf(')') + 2).charAt(0)
  } catch {
    return undefined
  }
}
