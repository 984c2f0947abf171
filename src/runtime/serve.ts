import type { Server } from 'node:http'
import { serve } from '@hono/node-server'
import type { Hono } from 'hono'
import type { Logger } from './log.ts'

/** Cloud Run kills an instance 10 s after SIGTERM (https://cloud.google.com/run/docs/container-contract#instance-shutdown). */
const DRAIN_MS = 8_000

/** How often connections that have nothing more to do are looked for while draining. */
const IDLE_CHECK_MS = 25

export interface ServeOptions {
  app: Hono
  /** The address to listen on. */
  address: string
  port: number
  log: Logger
  /** Called when draining begins: whatever holds requests back lets them go. */
  hurry: () => Promise<void>
}

/**
 * Listens until SIGTERM or SIGINT; then takes no new connections, finishes the
 * requests in flight and exits 0. A second signal, or a drain of more than 8 s, exits at once with 1.
 */
export function serveUntilTerminated({ app, address, port, log, hurry }: ServeOptions): void {
  const server = serve({ fetch: app.fetch, port, hostname: address }, (bound) => {
    log.info(`listening on port ${bound.port}`, { port: bound.port })
  }) as Server
  server.on('error', (error) => {
    log.error(`cannot listen on port ${port}: ${error.message}`, { error })
    process.exit(1)
  })
  let isDraining = false
  const terminate = (signal: NodeJS.Signals): void => {
    if (isDraining) process.exit(1)
    isDraining = true
    log.info(`${signal}: draining`)
    drain(server, hurry).then(
      () => process.exit(0),
      (error: unknown) => {
        log.error('could not drain', { error })
        process.exit(1)
      },
    )
  }
  process.on('SIGTERM', terminate)
  process.on('SIGINT', terminate)
}

async function drain(server: Server, hurry: () => Promise<void>): Promise<void> {
  const limit = setTimeout(() => process.exit(1), DRAIN_MS)
  const closed = new Promise((resolve) => server.close(resolve))
  // A connection that finishes its request now stays open for the next one, which must not come.
  const idle = setInterval(() => server.closeIdleConnections(), IDLE_CHECK_MS)
  await Promise.all([closed, hurry()])
  clearInterval(idle)
  clearTimeout(limit)
}
