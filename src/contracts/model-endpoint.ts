import { secretIn } from './redaction.ts'

/**
 * Returns what is wrong with the base URL of a Vertex AI proxy or replacement, as the predicate of a sentence;
 * undefined for a valid URL. The URL is stored in the run's record, which every reader of the deployment's bucket sees,
 * and appears in messages, so it must not contain a password or key. fetch refuses a URL with a user or password anyway
 * (https://fetch.spec.whatwg.org/#dom-request), and Google's client appends each request's path to the base URL, where
 * it would become part of a query or fragment.
 */
export function endpointFault(text: string): string | undefined {
  const url = URL.parse(text)
  if (!url || !/^https?:$/.test(url.protocol)) return 'is not an http(s) URL'
  const secret = secretIn(text)
  if (secret !== undefined)
    return `contains ${secret}; a proxy can authenticate callers by the access token of the services' account instead`
  if (url.search !== '' || url.hash !== '' || /[?#]/.test(text))
    return 'has a query or fragment; a base URL has only a host and an optional path'
  return undefined
}
