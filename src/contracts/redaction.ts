/** One shape of a secret, and what stands in its place when the words around it are shown. */
interface Secret {
  pattern: RegExp
  replacement: string
  /** What it is, for a person; undefined for a shape that harmless words may have too. */
  what?: string
}

/** Where a URL begins. A URL may have backslashes for slashes (https://url.spec.whatwg.org/#url-writing). */
const SCHEME = String.raw`\b([a-z][a-z0-9+.-]{0,30}:[\\/]{2})`

/** Members of a query whose value opens doors: signed URLs of Google, AWS and Azure, and the usual names. */
const QUERY_MEMBERS = [
  'X-Goog-Signature',
  'X-Goog-Credential',
  'X-Amz-Signature',
  'X-Amz-Credential',
  'X-Amz-Security-Token',
  'GoogleAccessId',
  'Signature',
  'sig',
  '(?:api[-_]?|access[-_]?|subscription[-_]?)?key',
  '(?:access[-_]?|auth[-_]?|id[-_]?|refresh[-_]?|sas[-_]?)?token',
  '(?:client[-_]?)?secret',
  'pass(?:word|wd)?',
  'pwd',
  'credentials?',
  'authorization',
].join('|')

/** What opens doors, by the shapes that Google gives it. The scheme or name before it stays, so that a message is still understood. */
const SECRETS: readonly Secret[] = [
  { pattern: /\b(Bearer|Basic)\s+[A-Za-z0-9._~+/=-]{8,}/gi, replacement: '$1 [removed]' },
  // Access tokens (https://cloud.google.com/docs/authentication/token-types#access-contents), refresh tokens, API keys.
  { pattern: /\bya29\.[A-Za-z0-9._-]+/g, replacement: '[access token removed]', what: 'an access token' },
  { pattern: /\b1\/\/[A-Za-z0-9_-]{20,}/g, replacement: '[refresh token removed]', what: 'a refresh token' },
  { pattern: /\bAIza[A-Za-z0-9_-]{30,}/g, replacement: '[API key removed]', what: 'an API key' },
  // JSON Web Tokens, with or without their signature.
  { pattern: /\beyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*){0,2}/g, replacement: '[token removed]', what: 'a token' },
  {
    pattern: /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g,
    replacement: '[private key removed]',
    what: 'a private key',
  },
  // The user and password of a URL (https://www.rfc-editor.org/rfc/rfc3986#section-3.2.1).
  {
    pattern: new RegExp(String.raw`${SCHEME}[^\s\\/?#"'<>\`]*@`, 'gi'),
    replacement: '$1[removed]@',
    what: 'a user name or password in a URL',
  },
  // A password that was not encoded may hold what would end it: what follows the colon is no port.
  {
    pattern: new RegExp(String.raw`${SCHEME}[^\s\\/?#"'<>\`:@[\]]+:(?!\d{1,5}[\\/?#])[^\s"'<>\`]{0,200}@`, 'gi'),
    replacement: '$1[removed]@',
    what: 'a user name or password in a URL',
  },
  // A text that was cut in the middle of them (cutText): what follows could be the `@`.
  { pattern: new RegExp(String.raw`${SCHEME}[^\s\\/?#"'<>\`]*(?=… \[)`, 'gi'), replacement: '$1[removed]' },
  // Signed URLs (https://cloud.google.com/storage/docs/authentication/signatures), and keys in a query.
  {
    pattern: new RegExp(String.raw`([?&#](?:${QUERY_MEMBERS})=)[^&#\s"']+`, 'gi'),
    replacement: '$1[removed]',
    what: 'a key, token or signature in a URL',
  },
]

/** A text without passwords, tokens, keys and signatures: for whatever is logged, stored or shown of somebody else's words. */
export function redacted(text: string): string {
  return SECRETS.reduce((rest, { pattern, replacement }) => rest.replace(pattern, replacement), text)
}

/**
 * The secret that a text holds for certain, as a noun with its article: of what a user gives, that
 * imagery would write into a run's record. Undefined when there is none.
 */
export function secretIn(text: string): string | undefined {
  const url = URL.parse(text)
  if (url && (url.username !== '' || url.password !== '')) return 'a user name or password in a URL'
  // `search` finds by each pattern from the start, whatever was found by it before.
  return SECRETS.find(({ pattern, what }) => what !== undefined && text.search(pattern) !== -1)?.what
}
