import { ImageryError } from '../../contracts/errors.ts'

/** A URL's host may hold a comma, which stands between origins in the service's variable. */
const ORIGIN = /^https:\/\/[a-z0-9.-]+(:\d+)?$/

/**
 * The origins that runs may ask in Gemini's place, each once and in order, so that the order of flags changes no
 * service. What answers there is shown the access token of the runtime's account: only an origin by TLS, written as one
 * (https://developer.mozilla.org/docs/Glossary/Origin), leaves no doubt who that is.
 *
 * @throws ImageryError INVALID_FLAG
 */
export function modelOrigins(given: readonly string[]): string[] {
  for (const text of given) {
    const origin = URL.parse(text)?.origin ?? ''
    const isOrigin = ORIGIN.test(origin)
    if (isOrigin && origin === text.replace(/\/$/, '')) continue
    throw new ImageryError(
      'INVALID_FLAG',
      // What stands before the host is not repeated: it may be a password.
      `--allow-model-origin ${text.replace(/^.*@/s, '…@')} is not an origin by TLS: https://HOST or https://HOST:PORT, and nothing after`,
      { suggestions: [`--allow-model-origin ${isOrigin ? origin : 'https://proxy.example.com'}`] },
    )
  }
  return [...new Set(given.map((text) => new URL(text).origin))].toSorted()
}
