import { GoogleError } from '../../kernel/errors.ts'
import { decodePageToken } from '../../kernel/page-token.ts'

/** The key to continue after; empty for the first page. */
export function pageStart(token: string): string {
  const after = decodePageToken(token)
  if (after === undefined) throw new GoogleError('INVALID_ARGUMENT', 'Invalid page token.')
  return after
}

/** Returns the page size: 0 means the maximum, and larger sizes are reduced to it. */
export function pageSize(requested: number, most: number): number {
  if (requested < 0) throw new GoogleError('INVALID_ARGUMENT', 'Page size cannot be negative.')
  return requested === 0 ? most : Math.min(requested, most)
}
