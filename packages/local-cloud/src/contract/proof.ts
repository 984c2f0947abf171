import { createHmac } from 'node:crypto'

/**
 * How a local cloud proves that it is the one of a locator file: it knows the file's `adminToken`, and shows so
 * without showing the token. After a crash the file stays, and another user may listen on the port that it names.
 *
 * @param challenge anything that was not asked before
 */
export function localCloudProof(adminToken: string, challenge: string): string {
  return createHmac('sha256', adminToken).update(`imagery local cloud\n${challenge}`).digest('base64url')
}
