import { Agent as HttpAgent, request as httpRequest } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'

const agents = { http: new HttpAgent({ keepAlive: true }), https: new HttpsAgent({ keepAlive: true }) }

/** A hundred times the longest answer that a model gives; whoever sends more is no model. */
const MAX_ANSWER_BYTES = 32 * 1024 * 1024

/**
 * `fetch` that waits as long as its signal allows. Node's own gives up after 300 s without a
 * response head (https://undici.nodejs.org/#/docs/api/Client, headersTimeout), where a model on the
 * flex tier may take 30 minutes. For the calls of Google's client: a URL, a method, headers and a
 * text; redirects are not followed.
 */
export const patientFetch: typeof fetch = async (input, init = {}) => {
  const url = new URL(input instanceof Request ? input.url : input)
  const { signal, body, method = 'GET' } = init
  if (body !== undefined && body !== null && typeof body !== 'string')
    throw new TypeError('patientFetch sends text only')
  const isSecure = url.protocol === 'https:'
  return new Promise((resolve, reject) => {
    const request = (isSecure ? httpsRequest : httpRequest)(
      url,
      {
        method,
        headers: Object.fromEntries(new Headers(init.headers)),
        agent: isSecure ? agents.https : agents.http,
        ...(signal ? { signal } : {}),
      },
      (response) => {
        const chunks: Buffer[] = []
        let bytes = 0
        response.on('data', (chunk: Buffer) => {
          bytes += chunk.length
          if (bytes <= MAX_ANSWER_BYTES) chunks.push(chunk)
          else response.destroy(new Error(`the answer is larger than ${MAX_ANSWER_BYTES} bytes`))
        })
        response.on('error', reject)
        response.on('end', () => {
          const headers = new Headers()
          for (const [name, values] of Object.entries(response.headersDistinct)) {
            for (const value of values ?? []) headers.append(name, value)
          }
          const status = response.statusCode ?? 502
          resolve(new Response(NO_BODY.has(status) ? null : Buffer.concat(chunks), { status, headers }))
        })
      },
    )
    request.on('error', reject)
    request.end(body ?? undefined)
  })
}

/** A Response of these statuses may have no body (https://fetch.spec.whatwg.org/#null-body-status). */
const NO_BODY: ReadonlySet<number> = new Set([204, 205, 304])
