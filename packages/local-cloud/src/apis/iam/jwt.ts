/** A parsed, unverified JSON Web Token. */
export interface Jwt {
  header: Record<string, unknown>
  claims: Record<string, unknown>
  /** The signed text. */
  signed: string
  signature: Buffer
}

/**
 * Reads the compact form (https://www.rfc-editor.org/rfc/rfc7515#section-7.1); undefined for anything
 * else. Implemented here because identifying callers must be synchronous, and `jose` is not.
 */
export function readJwt(token: string): Jwt | undefined {
  const [head = '', body = '', signature = '', ...rest] = token.split('.')
  const header = readPart(head)
  const claims = readPart(body)
  if (!header || !claims || signature === '' || rest.length > 0) return undefined
  return { header, claims, signed: `${head}.${body}`, signature: Buffer.from(signature, 'base64url') }
}

function readPart(part: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString('utf8'))
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}
