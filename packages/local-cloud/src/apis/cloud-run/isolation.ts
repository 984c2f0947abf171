import { CHECK_TOKENS_VARIABLE, FRONT_DOOR_HEADER, FRONT_DOOR_VARIABLE } from '../../contract/front-door.ts'

/**
 * Runs in an instance's process before its program, in its worker threads, and in forked processes. On Google
 * Cloud nothing but Cloud Run's front door reaches a container, so programs listen on
 * 0.0.0.0 (https://cloud.google.com/run/docs/container-contract#port) and need no check of their own. On this
 * machine, other machines, other users and web pages could reach the same program. Therefore
 *
 * - every TCP port that it opens is opened on 127.0.0.1, whatever address it asks for;
 * - an HTTP request to its port (PORT) without the instance's secret gets 403, unless the program checks
 *   callers itself.
 *
 * A process that the program starts in another way (`spawn`) is not covered, because it does not inherit Node's
 * flags.
 */
export function isolationSource(): string {
  return `
import { Buffer } from 'node:buffer'
import { timingSafeEqual } from 'node:crypto'
import { Server as HttpServer } from 'node:http'
import { Server } from 'node:net'

const LOOPBACK = '127.0.0.1'
const isLoopback = (host) =>
  typeof host === 'string' && (host === 'localhost' || host === '::1' || host.startsWith('127.'))

// The forms of https://nodejs.org/docs/latest-v22.x/api/net.html#serverlisten
const { listen } = Server.prototype
Server.prototype.listen = function (...given) {
  const [first, second, third] = given
  if (typeof first === 'object' && first !== null) {
    const isPort = 'port' in first && !first._handle && !first.handle && !(first.fd >= 0)
    return listen.call(this, isPort && !isLoopback(first.host) ? { ...first, host: LOOPBACK } : first, ...given.slice(1))
  }
  const isPipe = typeof first === 'string' && !(Number(first) >= 0)
  if (isPipe) return listen.apply(this, given)
  const callback = given.findLast((value) => typeof value === 'function')
  const backlog = [second, third].find((value) => typeof value === 'number')
  const port = typeof first === 'function' ? 0 : (first ?? 0)
  const host = isLoopback(second) ? second : LOOPBACK
  return listen.call(this, { port, host, ...(backlog === undefined ? {} : { backlog }) }, callback)
}

const { PORT, ${FRONT_DOOR_VARIABLE}: secret = '', ${CHECK_TOKENS_VARIABLE}: check } = process.env
const expected = Buffer.from(secret)
const isFromFrontDoor = (request) => {
  const sent = Buffer.from(request.headers['${FRONT_DOOR_HEADER}'] ?? '')
  return expected.length > 0 && sent.length === expected.length && timingSafeEqual(sent, expected)
}
/** The program sees its request as Cloud Run would hand it on. */
const hideSecret = (request) => {
  delete request.headers['${FRONT_DOOR_HEADER}']
  const at = request.rawHeaders.findIndex((name, index) => index % 2 === 0 && name.toLowerCase() === '${FRONT_DOOR_HEADER}')
  if (at >= 0) request.rawHeaders.splice(at, 2)
}
const REQUESTS = new Set(['request', 'checkContinue', 'checkExpectation', 'upgrade', 'connect'])

if (check !== 'on') {
  const { emit } = HttpServer.prototype
  HttpServer.prototype.emit = function (event, request, answer, ...rest) {
    if (REQUESTS.has(event) && request.socket.localPort === Number(PORT)) {
      if (!isFromFrontDoor(request)) {
        // The answer of an upgrade is the bare socket.
        if (typeof answer.writeHead !== 'function') answer.destroy()
        else answer.writeHead(403, { connection: 'close' }).end('This port is for the local Cloud Run only.\\n')
        return true
      }
      hideSecret(request)
    }
    return emit.call(this, event, request, answer, ...rest)
  }
}
`
}
