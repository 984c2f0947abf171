import { readFileSync } from 'node:fs'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { once } from 'node:events'
import { connectionOwner } from '../../kernel/connection-owner.ts'

/**
 * Whether a connection within this machine comes from the user of this process, from root, who may read everything
 * anyway, or from the guest.
 */
export type IsOwnUser = (socket: Socket, guest?: number) => Promise<boolean>

/**
 * Undefined if the kernel does not show the user of a connection: on systems other than Linux, and if
 * several users share this process's user ID.
 */
export async function ownUserCheck(): Promise<IsOwnUser | undefined> {
  const own = process.getuid?.()
  if (own === undefined || !(await showsOwner(own)) || isOverflow(own)) return undefined
  // A connection always has the same owner and can carry several requests.
  const owners = new WeakMap<Socket, Promise<number | undefined>>()
  return async (socket, guest) => {
    const looking = owners.get(socket) ?? connectionOwner(socket)
    owners.set(socket, looking)
    const owner = await looking
    return owner !== undefined && [own, ROOT, guest].includes(owner)
  }
}

const ROOT = 0

/** Tried once, with a connection of this process to itself. */
async function showsOwner(own: number): Promise<boolean> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1')
  try {
    const [[accepted]] = (await Promise.all([once(server, 'connection'), once(client, 'connect')])) as [
      [Socket],
      unknown,
    ]
    const owner = await connectionOwner(accepted)
    accepted.destroy()
    return owner === own
  } finally {
    client.destroy()
    server.close()
  }
}

/**
 * Users that are unknown in a user namespace all appear as one, the overflow user
 * (https://man7.org/linux/man-pages/man7/user_namespaces.7.html). It is a separate user only if every ID is known.
 */
function isOverflow(user: number): boolean {
  if (process.platform !== 'linux') return false
  const [first = '', ...others] = readFileSync('/proc/self/uid_map', 'utf8').trim().split('\n')
  const knowsAll = others.length === 0 && /^0\s+0\s+4294967295$/.test(first.trim())
  return !knowsAll && user === Number(readFileSync('/proc/sys/kernel/overflowuid', 'utf8'))
}
