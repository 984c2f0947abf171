import { createHmac } from 'node:crypto'

/**
 * A local cloud's proof that it belongs to a locator file: it shows that it knows the file's `adminToken` without
 * revealing the token. After a crash the file stays, and another user can listen on its port.
 *
 * @param challenge any text that was not used before
 */
export function localCloudProof(adminToken: string, challenge: string): string {
  return createHmac('sha256', adminToken).update(`imagery local cloud\n${challenge}`).digest('base64url')
}
