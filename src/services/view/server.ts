import type { Server } from 'node:http'
import { createServer, type AddressInfo } from 'node:net'
import { ImageryError } from '../../contracts/errors.ts'
import { newSecret, OPEN_PATH, type Access } from './access.ts'
import type { Viewed } from './api.ts'
import { viewApp } from './app.ts'

/** Only programs of this machine reach it. */
const HOST = '127.0.0.1'

/** A browser needs seconds to start. */
const LAUNCH_MS = 60_000

/** The address of an export has the filter and the columns. Node takes 16 KiB by default, together with all cookies of this machine. */
const MOST_HEADER_BYTES = 1024 * 1024

export interface ViewServer {
  port: number
  /** The address for the user: it works as long as the server runs. */
  url: string
  /** The address for the browser that is started now: it works once, for a minute. */
  launchUrl: string
  close(): Promise<void>
}

/**
 * Serves a run on a port of this machine.
 *
 * @param options.port undefined for a free port
 * @throws ImageryError NOT_AVAILABLE if the port is taken, or may not be used
 */
export async function startViewServer(options: {
  viewed: Viewed
  folder: string
  port: number | undefined
  now?: () => number
}): Promise<ViewServer> {
  const { viewed, folder, now = Date.now } = options
  const { serve } = await import('@hono/node-server')
  const closing = new AbortController()
  const access: Access = {
    port: 0,
    token: newSecret(),
    launch: { token: newSecret(), expiresMs: now() + LAUNCH_MS, isUsed: false },
    session: newSecret(),
  }
  const app = viewApp({ access: () => access, viewed, folder, signal: closing.signal, now })
  const serverOptions = { maxHeaderSize: MOST_HEADER_BYTES }
  const server = serve({ fetch: app.fetch, hostname: HOST, port: options.port ?? 0, serverOptions }) as Server
  await new Promise<void>((resolve, reject) => {
    server.once('listening', resolve)
    server.once('error', (error) => reject(portError(options.port ?? 0, error)))
  })
  access.port = (server.address() as AddressInfo).port
  const address = (token: string): string => `http://${HOST}:${access.port}${OPEN_PATH}?token=${token}`
  return {
    port: access.port,
    url: address(access.token),
    launchUrl: address(access.launch?.token ?? access.token),
    close: async () => {
      closing.abort()
      await closed(server)
    },
  }
}

/** Answers in progress have this long to end. Ctrl-C must not wait for a slow download. */
const CLOSE_MS = 500

/** How often idle connections are closed meanwhile. */
const IDLE_CHECK_MS = 20

async function closed(server: Server): Promise<void> {
  const idle = setInterval(() => server.closeIdleConnections(), IDLE_CHECK_MS)
  const late = setTimeout(() => server.closeAllConnections(), CLOSE_MS)
  await new Promise((resolve) => server.close(resolve))
  clearInterval(idle)
  clearTimeout(late)
}

/**
 * Checks that a port is free, before rows are read for a server that could not start.
 *
 * @throws ImageryError NOT_AVAILABLE
 */
export async function checkPort(port: number): Promise<void> {
  const server = createServer()
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => reject(portError(port, error)))
    server.listen(port, HOST, resolve)
  })
  await new Promise((resolve) => server.close(resolve))
}

function portError(port: number, error: NodeJS.ErrnoException): ImageryError {
  const reason =
    error.code === 'EADDRINUSE'
      ? 'is used by another program'
      : error.code === 'EACCES'
        ? 'may only be used by an administrator'
        : `cannot be used: ${error.message}`
  return new ImageryError('NOT_AVAILABLE', `Port ${port} ${reason}`, {
    suggestions: ['Run the same command without --port, which takes a free port'],
    cause: error,
  })
}
