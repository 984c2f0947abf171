import { createHash, randomUUID } from 'node:crypto'
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import { request } from 'node:https'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { errnoText } from '../../contracts/file-kind.ts'
import { detectFormat } from '../../contracts/image-format.ts'
import { MAX_OBJECT_BYTES } from '../../google/storage/storage.ts'
import { proxyAgent } from '../../google/transport/proxy.ts'
import type { ImageFile } from './image-file.ts'
import { checkedLookup, isPublicAddress, PrivateAddress } from './public-address.ts'

/** Time limits: without any byte, and for one image with all tries. */
const IDLE_MS = 30_000
const WHOLE_MS = 120_000

const MOST_REDIRECTS = 5
const REDIRECTS = new Set([301, 302, 303, 307, 308])

/** Tries for a server that is busy or a connection that breaks, and the pause before the second one, which then doubles. */
const TRIES = 3
const FIRST_PAUSE_MS = 1_000

export interface FetchOptions {
  /** The folder that keeps fetched images, and nothing else, by their URLs. */
  cache: string
  /** The addresses that may be connected to. Default: public ones. */
  mayConnect?: (address: string) => boolean
  /** A certificate authority to trust, besides the usual ones. */
  authority?: string
  firstPauseMs?: number
  wholeMs?: number
}

/** Whether a text is an https URL. */
export function isWebAddress(text: string): boolean {
  return /^\s*https:\/\//i.test(text)
}

/**
 * Fetches an image from the web, or from the cache if it was fetched before. The table is data, perhaps from someone else,
 * so that only public addresses are connected to: never this machine, its network or a cloud's metadata server, not even
 * after a redirect. Never rejects.
 */
export async function fetchWebImage(address: string, options: FetchOptions): Promise<ImageFile> {
  const url = address.trim()
  const file = path.join(options.cache, createHash('sha256').update(url).digest('hex'))
  const cached = await readFile(file).catch(() => undefined)
  if (cached) return { bytes: cached }
  const fetched = await tries(url, options)
  // A page that asks for a login or a payment can become the image.
  if ('bytes' in fetched && 'format' in detectFormat(fetched.bytes)) await keep(file, fetched.bytes)
  return fetched
}

/** A full disk only costs the next run another fetch. */
async function keep(file: string, bytes: Buffer): Promise<void> {
  const temporary = `${file}.${randomUUID()}`
  try {
    await mkdir(path.dirname(file), { recursive: true, mode: 0o700 })
    await writeFile(temporary, bytes, { mode: 0o600 })
    await rename(temporary, file)
  } catch {
    await rm(temporary, { force: true })
  }
}

async function tries(url: string, options: FetchOptions): Promise<ImageFile> {
  const wholeMs = options.wholeMs ?? WHOLE_MS
  const signal = AbortSignal.timeout(wholeMs)
  for (let tried = 1; ; tried++) {
    const outcome = await follow(url, options, signal).catch(failureOf)
    // The request and its body fail in other words for it.
    if (signal.aborted && 'refused' in outcome) return { refused: `could not be fetched within ${wholeMs / 1_000} s` }
    if (!('isTransient' in outcome) || !outcome.isTransient || tried === TRIES) return outcome
    await pause((options.firstPauseMs ?? FIRST_PAUSE_MS) * 2 ** (tried - 1))
  }
}

type Outcome = { bytes: Buffer } | { refused: string; isTransient?: boolean }

async function follow(start: string, options: FetchOptions, signal: AbortSignal): Promise<Outcome> {
  let url = URL.parse(start)
  for (let redirects = 0; redirects <= MOST_REDIRECTS; redirects++) {
    if (url?.protocol !== 'https:')
      return {
        refused: `is not fetched: ${redirects === 0 ? 'it is no valid URL' : 'it redirects to another scheme than https'}`,
      }
    const response = await respond(url, options, signal)
    const { statusCode: status = 0, headers } = response
    if (REDIRECTS.has(status) && headers.location !== undefined) {
      response.destroy()
      url = URL.parse(headers.location, url.href)
      continue
    }
    if (status === 200) return body(response)
    response.destroy()
    return {
      refused: `could not be fetched: ${url.host} answered HTTP ${status}`,
      isTransient: status === 429 || status >= 500,
    }
  }
  return { refused: `is not fetched: it redirects more than ${MOST_REDIRECTS} times` }
}

async function respond(url: URL, options: FetchOptions, signal: AbortSignal): Promise<IncomingMessage> {
  const mayConnect = options.mayConnect ?? isPublicAddress
  const host = url.hostname.replace(/^\[|\]$/g, '')
  // Names are looked up and checked with the connection. Through a proxy, the proxy decides where they lead.
  const isName = !/^[\d.]+$|:/.test(host)
  if (isName ? /^localhost$|\.localhost$/i.test(host) && !mayConnect('127.0.0.1') : !mayConnect(host))
    throw new PrivateAddress(host)
  const agent = await proxyAgent(url)
  return new Promise((resolve, reject) => {
    const sent = request(
      url,
      {
        signal,
        timeout: IDLE_MS,
        headers: { accept: 'image/*', 'user-agent': 'imagery' },
        ...(agent ? { agent } : { lookup: checkedLookup(mayConnect) }),
        ...(options.authority === undefined ? {} : { ca: options.authority }),
      },
      resolve,
    )
    sent.on('timeout', () => sent.destroy(new Error(`no answer within ${IDLE_MS / 1_000} s`)))
    sent.on('error', reject)
    sent.end()
  })
}

async function body(response: IncomingMessage): Promise<Outcome> {
  const tooLarge = { refused: `is larger than ${MAX_OBJECT_BYTES / 1024 ** 2} MiB` }
  if (Number(response.headers['content-length']) > MAX_OBJECT_BYTES) {
    response.destroy()
    return tooLarge
  }
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    length += chunk.length
    if (length > MAX_OBJECT_BYTES) return tooLarge
    chunks.push(chunk)
  }
  return { bytes: Buffer.concat(chunks) }
}

function failureOf(error: unknown): Outcome {
  if (error instanceof PrivateAddress) {
    return {
      refused: `is not fetched: ${error.message} is an address of this machine or of a private network, and a table must not reach those. Copy the image to the table's folder`,
    }
  }
  return { refused: `could not be fetched: ${errnoText(error)}`, isTransient: true }
}
