import { GoogleError } from '../../kernel/errors.ts'
import { DEFAULT_PAGE_SIZE, LARGEST_PAGE_SIZE } from './limits.ts'
import type { PageRequest } from './resource-store.ts'
import { decodePageToken, encodePageToken } from '../../kernel/page-token.ts'

/** A list request's paging fields; the token is the last name of the previous page. */
export function pageRequest(request: { pageSize: number; pageToken: string }): PageRequest {
  if (request.pageSize < 0) {
    throw new GoogleError('INVALID_ARGUMENT', `page_size must not be negative, got ${request.pageSize}.`)
  }
  const after = decodePageToken(request.pageToken)
  if (after === undefined || (after !== '' && !after.startsWith('projects/'))) {
    throw new GoogleError('INVALID_ARGUMENT', `Invalid page_token given (page_token=${request.pageToken}).`)
  }
  return { after, size: Math.min(request.pageSize === 0 ? DEFAULT_PAGE_SIZE : request.pageSize, LARGEST_PAGE_SIZE) }
}

export function pageToken(next: string | undefined): string {
  return next === undefined ? '' : encodePageToken(next)
}
