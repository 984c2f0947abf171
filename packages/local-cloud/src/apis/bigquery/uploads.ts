import { randomUUID } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { readdir, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { GoogleError } from '../../kernel/errors.ts'
import { parseJsonObject } from '../../kernel/json-object.ts'

type Body = Record<string, unknown>

const invalid = (message: string): GoogleError => new GoogleError('INVALID_ARGUMENT', message, { reason: 'invalid' })

interface Session {
  body: Body
  received: Buffer[]
  bytes: number
}

/**
 * Files that come with load jobs: https://cloud.google.com/bigquery/docs/reference/api-uploads
 * Finished ones are staged on disk, because the job that reads them may outlive the process.
 */
export class Uploads {
  readonly #directory: string
  readonly #sessions = new Map<string, Session>()

  constructor(directory: string) {
    this.#directory = path.join(directory, 'uploads')
    mkdirSync(this.#directory, { recursive: true })
  }

  get directory(): string {
    return this.#directory
  }

  /** Keeps a file and returns its path. */
  async stage(content: Buffer): Promise<string> {
    const file = path.join(this.#directory, randomUUID())
    await writeFile(file, content, { flush: true })
    return file
  }

  /** Removes files that no job will read: their requests ended with an earlier process. */
  async keepOnly(files: ReadonlySet<string>): Promise<void> {
    for (const name of await readdir(this.#directory)) {
      const file = path.join(this.#directory, name)
      if (!files.has(file)) await rm(file, { force: true })
    }
  }

  /** Begins a resumable upload and returns its id. Sessions end with the process. */
  begin(body: Body): string {
    const id = randomUUID()
    this.#sessions.set(id, { body, received: [], bytes: 0 })
    return id
  }

  /** Takes a part of a resumable upload; answers the job's body and file once all is there, else the bytes received so far. */
  receive(
    id: string,
    content: Buffer,
    range: string | undefined,
  ): { body: Body; content: Buffer } | { received: number } {
    const session = this.#sessions.get(id)
    if (!session) throw new GoogleError('NOT_FOUND', 'No such upload session')
    const match = range === undefined ? undefined : /^bytes (?:(\d+)-(\d+|\*)|\*)\/(\d+|\*)$/.exec(range)
    if (range !== undefined && !match) throw invalid(`Invalid Content-Range: ${range}`)
    const [, from, , total] = match ?? []
    if (from !== undefined && Number(from) !== session.bytes)
      throw invalid(`Upload continues at ${session.bytes}, not at ${from}`)
    session.received.push(content)
    session.bytes += content.length
    const isLast =
      match === undefined || total === '*' ? range === undefined || match?.[2] === '*' : Number(total) === session.bytes
    if (!isLast) return { received: session.bytes }
    this.#sessions.delete(id)
    return { body: session.body, content: Buffer.concat(session.received) }
  }
}

/** The two parts of a multipart/related body: the job as JSON, and the file. */
export function splitMultipart(contentType: string, raw: Buffer): { body: Body; content: Buffer } {
  const boundary = /boundary=(?:"([^"]+)"|'([^']+)'|([^;\s]+))/.exec(contentType)
  const mark = boundary?.[1] ?? boundary?.[2] ?? boundary?.[3]
  if (!mark) throw invalid('A multipart upload needs a boundary')
  const parts: Buffer[] = []
  const delimiter = Buffer.from(`--${mark}`)
  for (let at = raw.indexOf(delimiter); at >= 0;) {
    const start = at + delimiter.length
    const next = raw.indexOf(delimiter, start)
    if (next < 0) break
    const separator = raw.indexOf('\r\n\r\n', start)
    if (separator < 0 || separator > next) throw invalid('Malformed multipart body')
    parts.push(raw.subarray(separator + 4, raw[next - 2] === 13 ? next - 2 : next))
    at = next
  }
  if (parts.length !== 2) throw invalid(`A multipart upload has two parts, not ${parts.length}`)
  return { body: parseBody(parts[0]!.toString('utf8')), content: parts[1]! }
}

export function parseBody(text: string): Body {
  return parseJsonObject(
    text,
    () => new GoogleError('INVALID_ARGUMENT', 'Invalid JSON payload received.', { reason: 'parseError' }),
  )
}
