import { createServer, request, type IncomingMessage, type ServerResponse } from 'node:http'
import { readFileSync } from 'node:fs'
import type { AddressInfo, Socket } from 'node:net'
import tls from 'node:tls'
import { generate } from 'selfsigned'
import type { LocalCloudLocator } from '../../src/contract/locator.ts'

/** A local cloud that answers to Google's own host names. */
export interface GoogleFront {
  /** For HTTPS_PROXY. */
  proxy: string
  /** The certificate that vouches for the names, for NODE_EXTRA_CA_CERTS. */
  certificate: string
  /** `HOST` of each tunnel that was asked for, in order. */
  tunnels: string[]
  /** `HOST METHOD PATH` of each HTTP/1 request, in order. */
  requests: string[]
  /** The required Proxy-Authorization; a request without it gets 407. */
  password?: string
  stop(): Promise<void>
}

/**
 * Puts a local cloud behind Google's host names, by the way of a company's proxy: a real CONNECT proxy
 * that ends TLS in its clients' stead. Clients are told nothing but the proxy and its authority, so
 * all that they do is what they do at Google.
 */
export async function googleFront(locator: LocalCloudLocator): Promise<GoogleFront> {
  const { private: key, cert } = await generate([{ name: 'commonName', value: 'googleapis.com' }], {
    algorithm: 'sha256',
    keyType: 'ec',
    extensions: [
      { name: 'basicConstraints', cA: true },
      {
        name: 'subjectAltName',
        altNames: ['*.googleapis.com', `*.${locator.region}.run.app`].map((value) => ({ type: 2 as const, value })),
      },
    ],
  })
  const secureContext = tls.createSecureContext({ key, cert })
  const sockets = new Set<Socket>()
  const front: GoogleFront = { proxy: '', certificate: cert, tunnels: [], requests: [], stop }
  const origin = createServer((incoming, outgoing) => forward(front, locator, incoming, outgoing))
  const proxy = createServer((_incoming, outgoing) => outgoing.writeHead(405).end())
  proxy.on('connect', (incoming: IncomingMessage, socket: Socket) => {
    sockets.add(socket.on('error', () => socket.destroy()).on('close', () => sockets.delete(socket)))
    const given = Buffer.from(incoming.headers['proxy-authorization']?.split(' ')[1] ?? '', 'base64').toString()
    if (front.password !== undefined && given !== front.password) {
      socket.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n')
      return
    }
    front.tunnels.push(incoming.url ?? '')
    socket.write('HTTP/1.1 200 OK\r\n\r\n')
    const secure = new tls.TLSSocket(socket, { isServer: true, secureContext, ALPNProtocols: ['h2', 'http/1.1'] })
    secure.on('error', () => socket.destroy())
    secure.once('secure', () => {
      if (secure.alpnProtocol === 'h2') tunnel(secure, locator)
      else origin.emit('connection', secure)
    })
  })
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
  front.proxy = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`
  return front

  async function stop(): Promise<void> {
    for (const socket of sockets) socket.destroy()
    await new Promise((resolve) => proxy.close(resolve))
  }
}

/** gRPC passes through unchanged. */
function tunnel(secure: tls.TLSSocket, { grpc, caFile }: LocalCloudLocator): void {
  const onward = tls.connect({ ...grpc, ca: readFileSync(caFile), ALPNProtocols: ['h2'], servername: 'localhost' })
  onward.on('error', () => secure.destroy()).on('close', () => secure.destroy())
  secure.on('close', () => onward.destroy())
  secure.pipe(onward).pipe(secure)
}

/** The local cloud tells services by their host name, and APIs by their path. */
function forward(
  { requests }: GoogleFront,
  locator: LocalCloudLocator,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): void {
  const { method = '', url = '/', headers } = incoming
  const host = headers.host ?? ''
  requests.push(`${host} ${method} ${url.split('?', 1)[0]}`)
  const target = new URL(locator.http)
  const onward = request(
    {
      hostname: target.hostname,
      port: target.port,
      path: url,
      method,
      headers: { ...headers, host: host.endsWith('.run.app') ? host : target.host },
    },
    (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(outgoing)
    },
  )
  onward.on('error', () => outgoing.destroy())
  incoming.pipe(onward)
}
