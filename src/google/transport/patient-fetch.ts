import { Agent as HttpAgent, request as httpRequest, type ClientRequest, type IncomingMessage } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import { proxyAgent, ProxyRefused } from './proxy.ts'

const agents = { http: new HttpAgent({ keepAlive: true }), https: new HttpsAgent({ keepAlive: true }) }

/** A hundred times the longest answer of a model. A longer response does not come from a model. */
const MAX_ANSWER_BYTES = 32 * 1024 * 1024

/**
 * `fetch` for all of imagery's own calls. It differs from Node's in three ways:
 *
 * - it waits as long as its signal allows. Node's gives up after 300 s without a response head
 *   (https://undici.nodejs.org/#/docs/api/Client, headersTimeout), but a model on the flex tier can take 30 minutes;
 * - it goes through the proxy that the environment names, as Google's clients do. Node's does so from Node 24 on, and
 *   only if enabled at its start (https://nodejs.org/api/http.html#built-in-proxy-support);
 * - it sends the given Host header.
 *
 * Supports a URL, a method, headers and a text body; does not follow redirects.
 */
export const patientFetch: typeof fetch = async (input, init = {}) => {
  const url = new URL(input instanceof Request ? input.url : input)
  const { signal, body, method = 'GET' } = init
  if (body !== undefined && body !== null && typeof body !== 'string')
    throw new TypeError('patientFetch sends text only')
  signal?.throwIfAborted()
  const isSecure = url.protocol === 'https:'
  const agent = (await proxyAgent(url)) ?? (isSecure ? agents.https : agents.http)
  const headers = Object.fromEntries(new Headers(init.headers))
  return new Promise((resolve, reject) => {
    const request = (isSecure ? httpsRequest : httpRequest)(
      url,
      { method, headers, agent, ...(signal ? { signal } : {}) },
      (response) => {
        const chunks: Buffer[] = []
        let bytes = 0
        response.on('data', (chunk: Buffer) => {
          bytes += chunk.length
          if (bytes <= MAX_ANSWER_BYTES) chunks.push(chunk)
          else response.destroy(new Error(`the response is larger than ${MAX_ANSWER_BYTES} bytes`))
        })
        response.on('error', fail)
        response.on('end', () => resolve(answerOf(response, Buffer.concat(chunks))))
      },
    )
    refuseWithProxy(request, url)
    request.on('error', fail)
    request.end(body ?? undefined)

    function fail(error: Error): void {
      reject(signal?.aborted ? signal.reason : error)
    }
  })
}

/** Without this check, a proxy's own response would be mistaken for the server's. */
function refuseWithProxy(request: ClientRequest, url: URL): void {
  request.on('proxyConnect', ({ statusCode }: { statusCode: number }) => {
    if (statusCode !== 200) request.destroy(new ProxyRefused(url, statusCode))
  })
}

function answerOf(response: IncomingMessage, body: Buffer<ArrayBuffer>): Response {
  const headers = new Headers()
  for (const [name, values] of Object.entries(response.headersDistinct)) {
    for (const value of values ?? []) headers.append(name, value)
  }
  const status = response.statusCode ?? 502
  return new Response(NO_BODY.has(status) ? null : body, { status, headers })
}

/** A Response with these statuses must not have a body (https://fetch.spec.whatwg.org/#null-body-status). */
const NO_BODY: ReadonlySet<number> = new Set([204, 205, 304])
