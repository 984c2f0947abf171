import type { Server } from 'node:http'
import { serve } from '@hono/node-server'
import type { Hono } from 'hono'
import type { Logger } from './log.ts'

/** Cloud Run kills an instance 10 s after SIGTERM (https://cloud.google.com/run/docs/container-contract#instance-shutdown). */
const DRAIN_MS = 8_000

/** The rest of that time, for the rows of canceled attempts, with half a second to spare. */
const LAST_ROWS_MS = 1_500

/** How often idle connections are closed while draining. */
const IDLE_CHECK_MS = 25

export interface ServeOptions {
  app: Hono
  /** The address to listen on. */
  address: string
  port: number
  log: Logger
  /** Called when draining starts: releases waiting requests. */
  hurry: () => Promise<void>
  /** Called when every request is finished. */
  close?: () => Promise<void>
  /** Called when draining has taken 8 s: ends everything still in progress. */
  giveUp?: () => void
}

/**
 * Listens until SIGTERM or SIGINT; then accepts no new connections, finishes the requests in progress
 * and exits with 0. After 8 s it cancels the rest; 1.5 s later, or at a second signal, it exits with 1.
 */
export function serveUntilTerminated(options: ServeOptions): void {
  const { app, address, port, log } = options
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
    drain(server, options).then(
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

async function drain(server: Server, { hurry, close, giveUp }: ServeOptions): Promise<void> {
  const limits = [setTimeout(() => giveUp?.(), DRAIN_MS), setTimeout(() => process.exit(1), DRAIN_MS + LAST_ROWS_MS)]
  const closed = new Promise((resolve) => server.close(resolve))
  // A connection that finishes its request now would stay open for another one, which must not come.
  const idle = setInterval(() => server.closeIdleConnections(), IDLE_CHECK_MS)
  await Promise.all([closed, hurry()])
  await close?.()
  clearInterval(idle)
  for (const limit of limits) clearTimeout(limit)
}
