import { writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import { generate } from 'selfsigned'

/** HTTPS in front of a manually started service, because tokens are only sent over HTTPS. */
export interface TlsFront {
  url: string
  /** The target of requests, once it is known. */
  forwardTo(url: string): void
  close(): void
}

export interface TestCertificate {
  /** For NODE_EXTRA_CA_CERTS of programs that must trust it. */
  file: string
  open(): Promise<TlsFront>
}

/** A certificate for 127.0.0.1 that is its own authority, and servers with it. */
export async function testCertificate(folder: string): Promise<TestCertificate> {
  const made = await generate([{ name: 'commonName', value: '127.0.0.1' }], {
    algorithm: 'sha256',
    keyType: 'ec',
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'subjectAltName', altNames: [{ type: 7, ip: '127.0.0.1' }] },
    ],
  })
  const file = path.join(folder, 'test-ca.pem')
  writeFileSync(file, made.cert)
  return { file, open: () => openFront({ key: made.private, cert: made.cert }) }
}

async function openFront(certificate: { key: string; cert: string }): Promise<TlsFront> {
  let target = ''
  const server = createServer(certificate, (incoming, outgoing) => {
    const { method, headers } = incoming
    const onward = request(new URL(incoming.url ?? '/', target), { method, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(outgoing)
    })
    onward.on('error', () => outgoing.destroy())
    incoming.pipe(onward)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    forwardTo(url) {
      target = url
    },
    close() {
      server.closeAllConnections()
      server.close()
    },
  }
}
