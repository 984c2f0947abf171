/** What opens doors, by the shapes that Google gives it. The scheme or name before it stays, so that a message is still understood. */
const SECRETS: readonly [pattern: RegExp, replacement: string][] = [
  [/\b(Bearer|Basic)\s+[A-Za-z0-9._~+/=-]{8,}/gi, '$1 [removed]'],
  // Access tokens (https://cloud.google.com/docs/authentication/token-types#access-contents), refresh tokens, API keys.
  [/\bya29\.[A-Za-z0-9._-]+/g, '[access token removed]'],
  [/\b1\/\/[A-Za-z0-9_-]{20,}/g, '[refresh token removed]'],
  [/\bAIza[A-Za-z0-9_-]{30,}/g, '[API key removed]'],
  // JSON Web Tokens, with or without their signature.
  [/\beyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*){0,2}/g, '[token removed]'],
  [/-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g, '[private key removed]'],
  // Signed URLs (https://cloud.google.com/storage/docs/authentication/signatures), and keys in a query.
  [/([?&](?:X-Goog-Signature|X-Goog-Credential|Signature|GoogleAccessId|key|access_token)=)[^&\s"']+/gi, '$1[removed]'],
]

/** A text without tokens, keys and signatures: for whatever is logged, stored or shown of somebody else's words. */
export function redacted(text: string): string {
  return SECRETS.reduce((rest, [pattern, replacement]) => rest.replace(pattern, replacement), text)
}
