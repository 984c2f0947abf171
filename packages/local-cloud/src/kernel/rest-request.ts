import type { Context } from 'hono'
import { badRequest } from './bad-request.ts'
import { GoogleError, notEmulated } from './errors.ts'
import { parseJson } from './json-text.ts'
import { parseMessage, type MessageType } from './proto-json.ts'
import { decodePageToken, encodePageToken } from './page-token.ts'

/** Every REST method accepts these (https://cloud.google.com/apis/docs/system-parameters). */
const SYSTEM_PARAMETERS = new Set([
  '$.xgafv',
  '$alt',
  '$prettyPrint',
  'access_token',
  'alt',
  'callback',
  'key',
  'oauth_token',
  'prettyPrint',
  'quotaUser',
  'uploadType',
  'upload_protocol',
])

/**
 * Reads the body of a REST call as strictly as Google's front end
 * (https://protobuf.dev/programming-guides/json/). An empty body is an empty message.
 *
 * @throws GoogleError INVALID_ARGUMENT with google.rpc.BadRequest; UNIMPLEMENTED for fields that are not emulated
 */
export async function bodyMessage(context: Context, type: MessageType): Promise<Record<string, unknown>> {
  const { value, violations, refused } = parseMessage(type, parseBody(await context.req.text()))
  if (violations.length > 0) throw badRequest(violations)
  if (refused.length > 0) throw notEmulated(`${type.name}.${refused.join(', ')}`)
  return value
}

function parseBody(text: string): unknown {
  try {
    return text.trim() === '' ? {} : parseJson(text)
  } catch (error) {
    throw badRequest([{ description: `Invalid JSON payload received. ${(error as Error).message}` }])
  }
}

/** Returns the query of a REST call: every value of each parameter. Refuses unknown parameters as Google does. */
export function readQuery<Name extends string>(
  context: Context,
  names: readonly Name[],
): Partial<Record<Name, string[]>> {
  const given = Object.entries(context.req.queries())
  const strangers = given.filter(
    ([name]) => !SYSTEM_PARAMETERS.has(name) && !(names as readonly string[]).includes(name),
  )
  if (strangers.length > 0) {
    throw badRequest(
      strangers.map(([name]) => ({
        description:
          `Invalid JSON payload received. Unknown name "${name}": Cannot bind query parameter. ` +
          `Field '${name}' could not be found in request message.`,
      })),
    )
  }
  return Object.fromEntries(given.filter(([name]) => !SYSTEM_PARAMETERS.has(name))) as Partial<Record<Name, string[]>>
}

/** Checks that the address names the local project, by ID or by number. Throws PERMISSION_DENIED, as for a project without access. */
export function checkProject(context: Context, local: { projectId: string; projectNumber: string }): void {
  const project = context.req.param('project') ?? ''
  if (project === local.projectId || project === local.projectNumber) return
  throw restError('PERMISSION_DENIED', 'The caller does not have permission')
}

/** A page of a listing. The token is opaque to callers; it contains the key of the page's last item. */
export interface Page<Item> {
  items: Item[]
  /** Absent on the last page. */
  nextPageToken: string | undefined
}

/**
 * Splits a listing, sorted by key, into pages (https://google.aip.dev/158).
 *
 * @param limits `standard` is the default size; `most` is the maximum
 */
export function pageOf<Item>(
  items: readonly Item[],
  query: { pageSize?: string[]; pageToken?: string[] },
  key: (item: Item) => string,
  limits: { standard: number; most: number },
): Page<Item> {
  const asked = query.pageSize?.[0]
  if (asked !== undefined && !/^-?\d{1,9}$/.test(asked)) {
    throw badRequest([{ field: 'page_size', description: `Invalid value at 'page_size' (TYPE_INT32), "${asked}"` }])
  }
  if (Number(asked ?? 0) < 0) throw invalidArgument('page_size must not be negative')
  const size = Math.min(Number(asked ?? 0) || limits.standard, limits.most)
  const after = decodePageToken(query.pageToken?.[0] ?? '')
  if (after === undefined) throw invalidArgument('Invalid page token.')
  const rest = items.filter((item) => after === '' || key(item) > after)
  const page = rest.slice(0, size)
  const last = page.at(-1)
  const hasMore = rest.length > size && last !== undefined
  return { items: page, nextPageToken: hasMore ? encodePageToken(key(last)) : undefined }
}

/** An error in AIP-193's format (https://google.aip.dev/193), with google.rpc details where given. */
export function restError(
  status: GoogleError['status'],
  message: string,
  details: readonly object[] = [],
): GoogleError {
  return new GoogleError(status, message, { details })
}

export function invalidArgument(message: string): GoogleError {
  return restError('INVALID_ARGUMENT', message)
}

/** google.rpc.ErrorInfo (https://google.aip.dev/193#errorinfo). */
export function errorInfo(reason: string, domain: string, metadata: Record<string, string>): object {
  return { '@type': 'type.googleapis.com/google.rpc.ErrorInfo', reason, domain, metadata }
}
