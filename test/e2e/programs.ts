import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { connect } from 'node:net'
import path from 'node:path'

/** What a process of imagery is. */
export type Role = 'main' | 'populate' | 'cloud' | 'command'

export interface RunningProgram {
  pid: number
  role: Role
}

/** Processes are found in /proc, so these tests run only on Linux. */
export const CAN_SEE_PROCESSES = process.platform === 'linux'

/** Every live process that carries `mark` (a folder's path) in its arguments or environment, except this one. */
export function programsOf(mark: string): RunningProgram[] {
  const found: RunningProgram[] = []
  for (const name of readdirSync('/proc')) {
    const pid = Number(name)
    if (!Number.isInteger(pid) || pid === process.pid) continue
    const program = describe(pid, mark)
    if (program) found.push(program)
  }
  return found
}

function describe(pid: number, mark: string): RunningProgram | undefined {
  try {
    const argv = readFileSync(`/proc/${pid}/cmdline`, 'utf8')
    // A dead process whose parent has not waited for it has no arguments left.
    if (argv === '') return undefined
    if (!argv.includes(mark) && !readFileSync(`/proc/${pid}/environ`, 'utf8').includes(mark)) return undefined
    const program = path.basename(readlinkSync(`/proc/${pid}/exe`))
    if (program !== 'node') return undefined
    if (argv.endsWith('main.js\0')) return { pid, role: 'main' }
    if (argv.endsWith('populate.js\0')) return { pid, role: 'populate' }
    return { pid, role: argv.includes('\0local\0start\0') && !argv.includes('--detach') ? 'cloud' : 'command' }
  } catch (error) {
    // It has ended while we looked.
    if (['ENOENT', 'ESRCH', 'EACCES'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined
    throw error
  }
}

/** Whether anything listens on a port of 127.0.0.1. */
export function isPortHeld(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}
