import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

/** The child processes of a process and their children, according to https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html. */
export function descendants(pid: number): number[] {
  const children = readdirSync('/proc').flatMap((name) =>
    /^\d+$/.test(name) && parentOf(name) === pid ? [Number(name)] : [],
  )
  return children.flatMap((child) => [child, ...descendants(child)])
}

function parentOf(pid: string): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1])
  } catch {
    // It ended in the meantime.
    return undefined
  }
}

/** The TCP ports on which a process of this user listens. */
export function listeningPorts(pid: number): number[] {
  const sockets = new Set(
    readdirSync(`/proc/${pid}/fd`).map((descriptor) => {
      try {
        return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${descriptor}`))?.[1]
      } catch {
        return undefined
      }
    }),
  )
  return ['tcp', 'tcp6'].flatMap((table) =>
    readFileSync(`/proc/net/${table}`, 'utf8')
      .split('\n')
      .flatMap((row) => {
        const [, local = '', , state, , , , , , inode] = row.trim().split(/\s+/)
        return state === LISTEN && sockets.has(inode) ? [Number.parseInt(local.split(':')[1] ?? '', 16)] : []
      }),
  )
}

/** https://man7.org/linux/man-pages/man5/proc_pid_net.5.html */
const LISTEN = '0A'
