/** A JSON Web Token taken apart, nothing of it checked. */
export interface Jwt {
  header: Record<string, unknown>
  claims: Record<string, unknown>
  /** What the signature is of. */
  signed: string
  signature: Buffer
}

/**
 * Reads the compact form (https://www.rfc-editor.org/rfc/rfc7515#section-7.1); undefined when it is
 * none. Of our own, because callers are told who they are without a pause, which `jose` would take.
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
