import { GoogleError } from '../../kernel/errors.ts'

/** Page tokens are opaque to callers: the last key of the page before. */
export function encodePageToken(lastKey: string): string {
  return Buffer.from(`1:${lastKey}`).toString('base64url')
}

/** The key to go on after; empty for the first page. */
export function decodePageToken(token: string): string {
  if (token === '') return ''
  const text = Buffer.from(token, 'base64url').toString()
  if (!text.startsWith('1:')) throw new GoogleError('INVALID_ARGUMENT', 'Invalid page token.')
  return text.slice(2)
}

/** The number of entries on a page: 0 stands for the most, and more than that is cut down to it. */
export function pageSize(requested: number, most: number): number {
  if (requested < 0) throw new GoogleError('INVALID_ARGUMENT', 'Page size cannot be negative.')
  return requested === 0 ? most : Math.min(requested, most)
}
