import { sendRequest } from './http-request.ts'

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
 * Supports a URL, a method, headers and a text body; does not follow redirects. The response is read with `text`, `json`
 * or `arrayBuffer`, as often as wanted.
 */
export const patientFetch: typeof fetch = async (input, init = {}) => {
  const url = new URL(input instanceof Request ? input.url : input)
  const { signal, body, method = 'GET' } = init
  if (body !== undefined && body !== null && typeof body !== 'string')
    throw new TypeError('patientFetch sends text only')
  const answer = await sendRequest(url, {
    method,
    headers: Object.fromEntries(new Headers(init.headers)),
    ...(typeof body === 'string' ? { body } : {}),
    ...(signal ? { signal } : {}),
    maxBytes: MAX_ANSWER_BYTES,
  })
  const headers = new Headers()
  for (const [name, value] of Object.entries(answer.headers)) {
    for (const each of [value ?? []].flat()) headers.append(name, each)
  }
  return withBody(new Response(null, { status: answer.status, headers }), answer.body)
}

/** What would show an empty body. */
const UNREADABLE = ['body', 'blob', 'bytes', 'clone', 'formData'] as const

/** A Response turns its body into a web stream, and that back into text, which costs as much as a small request. */
function withBody(response: Response, body: Buffer<ArrayBuffer>): Response {
  const text = (): string => body.toString('utf8')
  const unreadable = (): never => {
    throw new TypeError('read the response with text, json or arrayBuffer')
  }
  return Object.defineProperties(response, {
    text: { value: async () => text() },
    json: { value: async () => JSON.parse(text()) as unknown },
    arrayBuffer: { value: async () => new Uint8Array(body).buffer },
    ...Object.fromEntries(UNREADABLE.map((name) => [name, { get: unreadable }])),
  })
}
