import { Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import type { HttpBindings } from '@hono/node-server'
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import type { Context } from 'hono'
import { OBJECT_FILE_HEADER, TAKES_FILE_HEADER } from '../../contract/object-file.ts'
import { diskProblem } from '../../kernel/disk-problem.ts'
import { GoogleError } from '../../kernel/errors.ts'
import { readDownloadRange } from './content-range.ts'
import type { ContentStore } from './content-store.ts'
import type { ObjectRow } from './metadata-store.ts'
import { mediaHeaders } from './resource-wire.ts'
import { sendFile } from './send-file.ts'

/** Up to this size, the file is read at once. */
const SMALL_READ_BYTES = 512 * 1024

/** From this size on, it takes a client less time to open the content's file than to receive the bytes. */
const LEAST_FILE_BYTES = 32 * 1024

/** The response to `alt=media`: the bytes, or the requested range. */
export function mediaResponse(context: Context, row: ObjectRow, content: ContentStore): Response {
  const headers = mediaHeaders(row)
  if (row.fields.contentEncoding === 'gzip') {
    if (!/\bgzip\b/i.test(context.req.header('accept-encoding') ?? '')) return decompressed(row, content, headers)
    headers['content-encoding'] = 'gzip'
  }
  const range = readDownloadRange(context.req.header('range'), row.size)
  const { first, last } = range ?? { first: 0, last: row.size - 1 }
  const length = last - first + 1
  headers['accept-ranges'] = 'bytes'
  headers['content-length'] = String(length)
  if (range) headers['content-range'] = `bytes ${first}-${last}/${row.size}`
  const status = range ? 206 : 200
  try {
    if (length === 0) return new Response(null, { status, headers })
    const takesFile = context.req.header(TAKES_FILE_HEADER) !== undefined && row.fields.contentEncoding !== 'gzip'
    if (takesFile && length >= LEAST_FILE_BYTES) {
      const file = encodeURIComponent(content.existingFile(row.contentId))
      return new Response(null, { status, headers: { ...headers, 'content-length': '0', [OBJECT_FILE_HEADER]: file } })
    }
    if (length <= SMALL_READ_BYTES) {
      return new Response(content.readNow(row.contentId, first, last) as Uint8Array<ArrayBuffer>, {
        status,
        headers,
      })
    }
    const { outgoing } = (context.env ?? {}) as Partial<HttpBindings>
    // A test that calls the app directly has no socket.
    if (!outgoing || 'stream' in outgoing)
      return new Response(webStream(content.readStream(row.contentId, first, last)), { status, headers })
    const descriptor = content.open(row.contentId)
    outgoing.writeHead(status, headers)
    void sendFile(outgoing, { descriptor, first, length })
    return RESPONSE_ALREADY_SENT
  } catch (error) {
    // Too many open files: the bytes exist, so a later call can succeed.
    if (diskProblem(error)) throw error
    throw new GoogleError('DATA_LOSS', `the bytes of ${row.bucket}/${row.name} cannot be read: ${String(error)}`, {
      cause: error,
    })
  }
}

/** https://cloud.google.com/storage/docs/transcoding: for clients that do not accept gzip; ranges are then ignored. */
function decompressed(row: ObjectRow, content: ContentStore, headers: Record<string, string>): Response {
  const source = row.size === 0 ? Readable.from([]) : content.readStream(row.contentId, 0, row.size - 1)
  const plain = createGunzip()
  source.on('error', (error) => plain.destroy(error)).pipe(plain)
  return new Response(webStream(plain), {
    headers: { ...headers, warning: '214 UploadServer gunzipped' },
  })
}

function webStream(stream: Readable): ReadableStream {
  return Readable.toWeb(stream) as ReadableStream
}
