import { existsSync, readdirSync, readFileSync } from 'node:fs'

/*
 * What the kernel says of other processes, from /proc: Linux only. Elsewhere the figures are absent
 * and the benches leave their columns out.
 */

/** Whether this system can say what other processes use. */
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
      // It ended between the listing and the look.
      if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return false
      throw error
    }
  })
}

/** Processor seconds that a process has used, in user and kernel mode. */
export function processorSeconds(id: number): number {
  const fields = statFields(id)
  return (Number(fields[USER_TICKS]) + Number(fields[SYSTEM_TICKS])) / TICKS_PER_SECOND
}

/** Processor seconds that the whole machine has used since it started, by whatever process. */
export function machineSeconds(): number {
  // user nice system idle iowait irq softirq steal (proc_stat(5))
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = (
    /^cpu +(.*)$/m.exec(readFileSync('/proc/stat', 'utf8'))?.[1] ?? ''
  )
    .split(' ')
    .map(Number)
  return (user + nice + system + irq + softirq + steal) / TICKS_PER_SECOND
}

/** The same of this process's children that have ended. */
export function endedChildrenSeconds(): number {
  const fields = statFields('self')
  return (Number(fields[CHILDREN_USER_TICKS]) + Number(fields[CHILDREN_SYSTEM_TICKS])) / TICKS_PER_SECOND
}

/** The most memory that a process ever had resident (VmHWM), in MB. */
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

/** The fields of /proc/PID/stat behind the command's name, which may hold blanks and brackets. */
function statFields(id: number | 'self'): string[] {
  const text = readFileSync(`/proc/${id}/stat`, 'utf8')
  return text.slice(text.lastIndexOf(')') + 2).split(' ')
}
