import type { Context } from 'hono'
import { GoogleError, notEmulated } from '../../kernel/errors.ts'
import type { Chunks } from './content-store.ts'
import { parseJsonObject } from '../../kernel/json-object.ts'

/** Bodies to this size are read in one piece, which is several times faster than as a stream. */
const SMALL_BODY_BYTES = 1024 * 1024

/** The origin that the caller used; links in responses begin with it. */
export function originOf(context: Context): string {
  return `http://${context.req.header('host') ?? '127.0.0.1'}`
}

/** The request's body as it arrives. Can be read once. */
export async function bodyChunks(context: Context): Promise<Chunks> {
  const length = context.req.header('content-length')
  if (length !== undefined && Number(length) <= SMALL_BODY_BYTES) {
    return Number(length) === 0 ? [] : [new Uint8Array(await context.req.arrayBuffer())]
  }
  return (context.req.raw.body ?? []) as Chunks
}

/** The JSON object in the body; an empty body is an empty object. Rejects INVALID_ARGUMENT. */
export async function jsonBody(context: Context): Promise<Record<string, unknown>> {
  return parseJsonObject(
    await context.req.text(),
    () => new GoogleError('INVALID_ARGUMENT', 'Parse Error', { reason: 'parseError' }),
  )
}

/** Query parameters and headers of features that are not emulated: refused, never ignored. */
const REFUSED_PARAMETERS = [
  'predefinedAcl',
  'destinationPredefinedAcl',
  'predefinedDefaultObjectAcl',
  'kmsKeyName',
  'matchGlob',
  'softDeleted',
]
const REFUSED_HEADERS = ['x-goog-encryption-key', 'x-goog-copy-source-encryption-key']

/** Throws UNIMPLEMENTED, by name, when the request uses one of them. */
export function refuseUnsupported(context: Context): void {
  for (const name of REFUSED_PARAMETERS) {
    const value = context.req.query(name)
    if (value !== undefined && value !== '' && value !== 'false') throw notEmulated(`storage parameter ${name}`)
  }
  for (const name of REFUSED_HEADERS) {
    if (context.req.header(name) !== undefined) throw notEmulated(`storage header ${name}`)
  }
}

/** Checksums in an `x-goog-hash` header (https://cloud.google.com/storage/docs/xml-api/reference-headers#xgooghash). */
export function readHashHeader(header: string | undefined): { md5?: string; crc32c?: string } {
  const found: { md5?: string; crc32c?: string } = {}
  for (const part of (header ?? '').split(',')) {
    const [, kind, value] = /^\s*(md5|crc32c)=(\S+)\s*$/.exec(part) ?? []
    if (value !== undefined) found[kind as 'md5' | 'crc32c'] = value
  }
  return found
}
