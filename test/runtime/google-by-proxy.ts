import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import tls from 'node:tls'
import { generate } from 'selfsigned'

/** A request as it reached one of Google's hosts. */
export interface HeardRequest {
  host: string
  method: string
  path: string
  authorization: string | undefined
  body: string
}

/** Answers in Google's place: a status and a JSON body. */
export type Answerer = (request: HeardRequest) => Promise<{ status: number; body: unknown }>

export interface GoogleByProxy {
  heard: HeardRequest[]
  answer: Answerer
  stop(): Promise<void>
}

/**
 * Stands between this process and Google's own host names, like a company's proxy, which Google's
 * libraries use when HTTPS_PROXY is set, with certificates of an authority that only this process
 * trusts. Neither imagery nor the libraries get another address.
 */
export async function googleByProxy(): Promise<GoogleByProxy> {
  const { private: key, cert } = await generate([{ name: 'commonName', value: 'googleapis.com' }], {
    algorithm: 'sha256',
    extensions: [
      { name: 'basicConstraints', cA: true },
      { name: 'subjectAltName', altNames: [{ type: 2, value: '*.googleapis.com' }] },
    ],
  })
  const before = tls.getCACertificates('default')
  tls.setDefaultCACertificates([...before, cert])
  const google: GoogleByProxy = { heard: [], answer: () => Promise.reject(new Error('no answer is set')), stop }
  const origin = createServer((request, response) => {
    reply(google, request, response).catch((error: unknown) => {
      response.writeHead(500).end(String(error))
    })
  })
  const secureContext = tls.createSecureContext({ key, cert })
  const proxy = createServer()
  proxy.on('connect', (_request, socket) => {
    socket.write('HTTP/1.1 200 OK\r\n\r\n')
    const secure = new tls.TLSSocket(socket, { isServer: true, secureContext })
    secure.on('error', () => socket.destroy())
    origin.emit('connection', secure)
  })
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
  process.env['HTTPS_PROXY'] = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`
  process.env['NO_PROXY'] = '127.0.0.1'
  return google

  async function stop(): Promise<void> {
    delete process.env['HTTPS_PROXY']
    delete process.env['NO_PROXY']
    tls.setDefaultCACertificates(before)
    await Promise.all([origin, proxy].map(closed))
  }
}

async function reply(google: GoogleByProxy, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const chunks = await Array.fromAsync(request as AsyncIterable<Buffer>)
  const heard = {
    host: request.headers.host ?? '',
    method: request.method ?? '',
    path: request.url ?? '',
    authorization: request.headers.authorization,
    body: Buffer.concat(chunks).toString('utf8'),
  }
  google.heard.push(heard)
  const { status, body } = await google.answer(heard)
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}

async function closed(server: Server): Promise<void> {
  server.closeAllConnections()
  if (server.listening) await new Promise((resolve) => server.close(resolve))
}
