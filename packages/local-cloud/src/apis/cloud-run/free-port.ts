import { randomInt } from 'node:crypto'
import { createServer } from 'node:net'

/*
 * Below the ranges that systems hand out to outgoing connections (32768 and up on Linux, 49152 and up
 * elsewhere), so that no client's own port can take the port between this check and the program's listen.
 */
const LOWEST_PORT = 20_000
const HIGHEST_PORT = 32_000
const TRIES = 50

/** Returns a TCP port of 127.0.0.1 that is currently free. */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const port = randomInt(LOWEST_PORT, HIGHEST_PORT)
    if (await isFree(port)) return port
  }
  throw new Error(`no free port found between ${LOWEST_PORT} and ${HIGHEST_PORT}`)
}

/** Rejects for errors that the port did not cause, such as too many open files. */
function isFree(port: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE' || error.code === 'EACCES') resolve(false)
      else reject(error)
    })
    // The address that the program will listen on, whichever one it requests (isolation.ts).
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}
