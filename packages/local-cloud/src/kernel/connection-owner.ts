import { readFile } from 'node:fs/promises'
import { endianness } from 'node:os'

/** The two ends of a TCP connection over IPv4, as seen by the accepting side. */
export interface Connection {
  localAddress?: string | undefined
  localPort?: number | undefined
  remoteAddress?: string | undefined
  remotePort?: number | undefined
}

/** The second lists connections of IPv6 sockets, which can use IPv4 too. */
const TABLES = ['/proc/self/net/tcp', '/proc/self/net/tcp6']

/** The kernel returns a table page by page: a row can be missed while others change. */
const LOOKS = 3

/**
 * Returns the numeric ID of the user whose socket is at the other end of a connection within this machine.
 * Undefined when the kernel does not show it: on systems other than Linux, or when no process holds the socket any
 * more.
 *
 * Each end of such a connection has a row of its own in https://man7.org/linux/man-pages/man5/proc_pid_net.5.html;
 * the wanted row has the ends reversed. A row without an inode belongs to a closed socket, whose user ID is always
 * 0.
 */
export async function connectionOwner(connection: Connection): Promise<number | undefined> {
  const { localAddress, localPort, remoteAddress, remotePort } = connection
  if (localPort === undefined || remotePort === undefined) return undefined
  const local = hexadecimal(localAddress, localPort)
  const remote = hexadecimal(remoteAddress, remotePort)
  if (local === undefined || remote === undefined) return undefined
  for (let look = 0; look < LOOKS; look++) {
    const tables = await Promise.all(TABLES.map(readTable))
    const owners = new Set(tables.flatMap((rows) => ownersIn(rows, remote, local)))
    const [owner] = owners
    // Two different results are ambiguous.
    if (owners.size === 1) return owner
  }
  return undefined
}

function ownersIn(table: string, local: string, remote: string): number[] {
  const rows = table.split('\n').filter((row) => row.includes(local) && row.includes(remote))
  return rows.flatMap((row) => {
    const [, from = '', to = '', , , , , user = '', , inode = '0'] = row.trim().split(/\s+/)
    const isMeant = isSame(from, local) && isSame(to, remote)
    return isMeant && inode !== '0' ? [Number(user)] : []
  })
}

function isSame(found: string, wanted: string): boolean {
  return found === wanted || found === MAPPED + wanted
}

async function readTable(file: string): Promise<string> {
  try {
    return await readFile(file, 'latin1')
  } catch (error) {
    // Not Linux, a kernel without IPv6, or one that hides its tables.
    if (HIDDEN.has((error as NodeJS.ErrnoException).code)) return ''
    throw error
  }
}

const HIDDEN = new Set<string | undefined>(['ENOENT', 'ENOTDIR', 'EACCES', 'EPERM'])

const isLittleEndian = endianness() === 'LE'

/** Prefix of an IPv4 address in IPv6 form (::ffff:0:0/96). */
const MAPPED = isLittleEndian ? '0000000000000000FFFF0000' : '00000000000000000000FFFF'

/** Formats `127.0.0.1`, 80 as in the tables: each 32 bits of an address as a number of the machine's byte order. */
function hexadecimal(address: string | undefined, port: number): string | undefined {
  const bytes = address
    ?.replace(/^::ffff:/i, '')
    .split('.')
    .map(Number)
  if (bytes?.length !== 4) return undefined
  const ordered = isLittleEndian ? bytes.toReversed() : bytes
  return `${ordered.map((byte) => hex(byte, 2)).join('')}:${hex(port, 4)}`
}

function hex(value: number, digits: number): string {
  return value.toString(16).toUpperCase().padStart(digits, '0')
}
