import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import type { Delivery, DeliveryAnswer, HttpFace } from './api.ts'
import { errorBody, GoogleError, notEmulated } from './errors.ts'
import { endToEndHeaders } from './headers.ts'
import { errorResponse } from './gateway.ts'

/**
 * Cloud Run accepts HTTP/1 requests up to 32 MiB (https://cloud.google.com/run/quotas#cloud_run_limits,
 * "Maximum HTTP/1 request size").
 */
const MAX_SERVICE_REQUEST_BYTES = 32 * 1024 * 1024

/**
 * The maximum request timeout of a Cloud Run service (https://cloud.google.com/run/docs/configuring/request-timeout).
 */
const MAX_SERVICE_REQUEST_MS = 60 * 60 * 1000

/** Clients keep connections open for a minute; a server that closes earlier could reset a request in transit. */
const KEEP_ALIVE_MS = 65_000

/** Forwards to the Cloud Run services. */
export interface FrontDoor {
  /** `host` is the request's Host header, without a port. Rejects with GoogleError when there is no response. */
  handle(host: string, delivery: Delivery): Promise<DeliveryAnswer>
}

export interface HttpServerOptions {
  /** Every REST API, and all other routes by path. */
  faces: readonly HttpFace[]
  /** Absent without a local Cloud Run. */
  frontDoor?: FrontDoor
  /** 0 uses a free one. Rejects with EADDRINUSE when the port is taken. */
  port: number
}

export interface HttpServer {
  port: number
  /** Closes the listener. Requests in progress get `graceMs` to finish, then their sockets are closed. */
  stop(graceMs?: number): Promise<void>
}

/**
 * The one HTTP listener of the local cloud, on 127.0.0.1: REST APIs by path prefix, Cloud Run services
 * by Host header. Requests for another host are refused, so that a web page cannot reach it through its
 * own DNS name (DNS rebinding).
 */
export async function serveHttp(options: HttpServerOptions): Promise<HttpServer> {
  const patterns: { pattern: RegExp; listener: RequestListener }[] = []
  const routes = options.faces.flatMap(({ prefixes, patterns: own = [], app }) => {
    // Overriding the global Request and Response would change them for all other code.
    const listener = getRequestListener(app.fetch, {
      overrideGlobalObjects: false,
      errorHandler: errorResponse,
    })
    patterns.push(...own.map((pattern) => ({ pattern, listener })))
    return prefixes.map((prefix) => ({ prefix, listener }))
  })
  // The longest prefix wins: /upload/storage/v1 before /upload.
  routes.sort((a, b) => b.prefix.length - a.prefix.length)

  const server = createServer({ keepAliveTimeout: KEEP_ALIVE_MS, requestTimeout: 0 }, (request, response) => {
    const host = hostName(request.headers.host)
    if (hasTwoCredentials(request)) {
      sendError(response, new GoogleError('UNAUTHENTICATED', 'the request has more than one Authorization header'))
    } else if (isServiceHost(host)) {
      void passToService(options.frontDoor, host, request, response)
    } else if (isLoopbackHost(host)) {
      const url = request.url ?? '/'
      const path = url.split('?', 1)[0]!
      const route =
        patterns.find(({ pattern }) => pattern.test(path)) ?? routes.find(({ prefix }) => isUnder(url, prefix))
      if (route) void route.listener(request, response)
      else sendError(response, notEmulated(`${request.method} ${url.split('?')[0]}`))
    } else {
      sendError(response, new GoogleError('PERMISSION_DENIED', `the local cloud does not answer for host ${host}`))
    }
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port, '127.0.0.1', resolve)
  })
  // One connection that cannot be accepted must not end the others.
  server.on('error', (error) => console.error('the HTTP listener:', error))
  return {
    port: (server.address() as AddressInfo).port,
    stop: (graceMs = 1_000) =>
      new Promise((resolve) => {
        const force = setTimeout(() => server.closeAllConnections(), graceMs)
        server.close(() => {
          clearTimeout(force)
          resolve()
        })
        server.closeIdleConnections()
      }),
  }
}

/**
 * Whether a request has more than one Authorization header, which "must not" be
 * (https://www.rfc-editor.org/rfc/rfc9110#section-5.3). Node.js uses the first; other programs can use the
 * last.
 */
function hasTwoCredentials({ rawHeaders }: IncomingMessage): boolean {
  let count = 0
  for (let at = 0; at < rawHeaders.length; at += 2) {
    if (rawHeaders[at]?.length === 13 && rawHeaders[at]?.toLowerCase() === 'authorization') count++
  }
  return count > 1
}

/** Whether `host` names a Cloud Run service. */
export function isServiceHost(host: string): boolean {
  return host.endsWith('.run.app')
}

/** Whether `host` is a name that only means this machine. */
export function isLoopbackHost(host: string): boolean {
  return host === '127.0.0.1' || host === 'localhost' || host === '[::1]'
}

/** The Host header without its port, in lower case. */
export function hostName(header: string | undefined): string {
  return (header ?? '').replace(/:\d+$/, '').toLowerCase()
}

function isUnder(url: string, prefix: string): boolean {
  if (!url.startsWith(prefix)) return false
  const next = url[prefix.length]
  return next === undefined || next === '/' || next === '?' || prefix.endsWith('/')
}

function sendError(response: ServerResponse, error: GoogleError): void {
  const body = JSON.stringify(errorBody(error))
  response.writeHead(error.http, { 'content-type': 'application/json; charset=UTF-8' }).end(body)
}

async function passToService(
  frontDoor: FrontDoor | undefined,
  host: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  try {
    if (!frontDoor) throw notEmulated(`Cloud Run service ${host}`)
    const answer = await frontDoor.handle(host, {
      method: request.method ?? 'GET',
      url: `https://${host}${request.url ?? '/'}`,
      headers: endToEndHeaders(request.headers),
      body: await readBody(request),
      deadlineMs: MAX_SERVICE_REQUEST_MS,
      isFromInternet: true,
    })
    response.writeHead(answer.status, {
      ...endToEndHeaders(answer.headers),
      'content-length': answer.body.byteLength,
    })
    response.end(request.method === 'HEAD' ? undefined : answer.body)
  } catch (error) {
    if (!(error instanceof GoogleError)) console.error(error)
    if (response.headersSent) response.destroy()
    else sendError(response, error instanceof GoogleError ? error : new GoogleError('UNAVAILABLE', String(error)))
  }
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.byteLength
    if (size > MAX_SERVICE_REQUEST_BYTES) {
      throw new GoogleError('INVALID_ARGUMENT', 'Request Entity Too Large', { http: 413 })
    }
    chunks.push(chunk)
  }
  return Buffer.concat(chunks, size)
}
