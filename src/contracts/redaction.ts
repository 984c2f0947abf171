/** One pattern of a secret, and the text that replaces it. */
interface Secret {
  pattern: RegExp
  replacement: string
  /** A name for people; undefined for a pattern that harmless text can match too. */
  what?: string
}

/** The start of a URL. A URL can have backslashes instead of slashes (https://url.spec.whatwg.org/#url-writing). */
const SCHEME = String.raw`\b([a-z][a-z0-9+.-]{0,30}:[\\/]{2})`

/** Query parameters whose values are secrets: signed URLs of Google, AWS and Azure, and the usual names. */
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

/**
 * Patterns of secrets, following Google's formats. The scheme or name before a secret stays, so that the message
 * remains clear.
 */
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
  // An unencoded password can contain characters that would end it: the text after the colon is not a
  // port.
  {
    pattern: new RegExp(String.raw`${SCHEME}[^\s\\/?#"'<>\`:@[\]]+:(?!\d{1,5}[\\/?#])[^\s"'<>\`]{0,200}@`, 'gi'),
    replacement: '$1[removed]@',
    what: 'a user name or password in a URL',
  },
  // A text that was cut inside the user or password (cutText): the `@` can be missing.
  { pattern: new RegExp(String.raw`${SCHEME}[^\s\\/?#"'<>\`]*(?=… \[)`, 'gi'), replacement: '$1[removed]' },
  // Signed URLs (https://cloud.google.com/storage/docs/authentication/signatures), and keys in a query.
  {
    pattern: new RegExp(String.raw`([?&#](?:${QUERY_MEMBERS})=)[^&#\s"']+`, 'gi'),
    replacement: '$1[removed]',
    what: 'a key, token or signature in a URL',
  },
]

/**
 * Removes passwords, tokens, keys and signatures from a text. Used for all foreign text that is logged, stored or
 * shown.
 */
export function redacted(text: string): string {
  return SECRETS.reduce((rest, { pattern, replacement }) => rest.replace(pattern, replacement), text)
}

/**
 * Returns the secret that a text certainly contains, as a noun with its article; undefined when there is
 * none. Used for user input that imagery would write into a run's record.
 */
export function secretIn(text: string): string | undefined {
  const url = URL.parse(text)
  if (url && (url.username !== '' || url.password !== '')) return 'a user name or password in a URL'
  // `search` always starts at the beginning, whatever the pattern matched before.
  return SECRETS.find(({ pattern, what }) => what !== undefined && text.search(pattern) !== -1)?.what
}
