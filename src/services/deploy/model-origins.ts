import { ImageryError } from '../../contracts/errors.ts'

/** Excludes commas, which a URL's host can contain, because they separate origins in the service's variable. */
const ORIGIN = /^https:\/\/[a-z0-9.-]+(:\d+)?$/

/**
 * Returns the origins that runs may call instead of Gemini, sorted and without duplicates, so that the order of flags
 * changes no service. They receive the access token of the runtime's account, so each must be an HTTPS origin
 * (https://developer.mozilla.org/docs/Glossary/Origin), which proves its identity.
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
      // The message does not repeat the text before the host, which can be a password.
      `--allow-model-origin ${text.replace(/^.*@/s, '…@')} is not an HTTPS origin: use https://HOST or https://HOST:PORT, with nothing after it`,
      { suggestions: [`--allow-model-origin ${isOrigin ? origin : 'https://proxy.example.com'}`] },
    )
  }
  return [...new Set(given.map((text) => new URL(text).origin))].toSorted()
}
