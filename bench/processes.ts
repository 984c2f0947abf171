import { existsSync, readdirSync, readFileSync } from 'node:fs'

/*
 * Data about other processes from /proc, on Linux only. On other systems the numbers are absent and the
 * benchmarks omit their columns.
 */

/** Whether this system provides the usage of other processes. */
export const canMeasureProcesses = existsSync('/proc/self/stat')

/** Clock ticks a second of the times in /proc/PID/stat: 100 on every Linux that Node runs on (getconf CLK_TCK). */
const TICKS_PER_SECOND = 100

/** The process ids of the children of `parent` whose command line has `argument`. */
export function findChildren(parent: number, argument: string): number[] {
  if (!canMeasureProcesses) return []
  const ids = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  return ids.map(Number).filter((id) => {
    try {
      const isChild = statFields(id)[PARENT] === String(parent)
      return isChild && readFileSync(`/proc/${id}/cmdline`, 'utf8').split('\0').includes(argument)
    } catch (error) {
      // It ended between the listing and the read.
      if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return false
      throw error
    }
  })
}

/** CPU seconds that a process has used, in user and kernel mode. */
export function processorSeconds(id: number): number {
  const fields = statFields(id)
  return (Number(fields[USER_TICKS]) + Number(fields[SYSTEM_TICKS])) / TICKS_PER_SECOND
}

/** CPU seconds of the whole machine since its start, for all processes. */
export function machineSeconds(): number {
  // user nice system idle iowait irq softirq steal (proc_stat(5))
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = (
    /^cpu +(.*)$/m.exec(readFileSync('/proc/stat', 'utf8'))?.[1] ?? ''
  )
    .split(' ')
    .map(Number)
  return (user + nice + system + irq + softirq + steal) / TICKS_PER_SECOND
}

/** The same for this process's ended children. */
export function endedChildrenSeconds(): number {
  const fields = statFields('self')
  return (Number(fields[CHILDREN_USER_TICKS]) + Number(fields[CHILDREN_SYSTEM_TICKS])) / TICKS_PER_SECOND
}

/** Peak resident memory of a process (VmHWM), in MB. */
export function peakMemoryMb(id: number): number {
  const [, kilobytes] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${id}/status`, 'utf8')) ?? []
  if (kilobytes === undefined) throw new Error(`process ${id} has no VmHWM`)
  return (Number(kilobytes) * 1_024) / 1e6
}

/** Positions after the command's name (proc_pid_stat(5) counts from 1 and has two fields before them). */
const PARENT = 1
const USER_TICKS = 11
const SYSTEM_TICKS = 12
const CHILDREN_USER_TICKS = 13
const CHILDREN_SYSTEM_TICKS = 14

/** The fields of /proc/PID/stat after the command's name, which can contain spaces and parentheses. */
function statFields(id: number | 'self'): string[] {
  const text = readFileSync(`/proc/${id}/stat`, 'utf8')
  return text.slice(text.lastIndexOf(')') + 2).split(' ')
}
