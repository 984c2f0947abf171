import { secretIn } from './redaction.ts'

/**
 * What is wrong with the base URL of a proxy or stand-in for Vertex AI, as the continuation of a sentence about it;
 * undefined when nothing is. It stands in the run's record, which everyone who reads the deployment's bucket sees, and in
 * messages, so it may hold no password or key: fetch refuses a URL with a user or password anyway
 * (https://fetch.spec.whatwg.org/#dom-request), and Google's client puts the path of each request behind the base URL, where
 * a query or fragment would swallow it.
 */
export function endpointFault(text: string): string | undefined {
  const url = URL.parse(text)
  if (!url || !/^https?:$/.test(url.protocol)) return 'is not an http(s) URL'
  const secret = secretIn(text)
  if (secret !== undefined)
    return `holds ${secret}: a proxy may let callers in by the token of the services' own account`
  if (url.search !== '' || url.hash !== '' || /[?#]/.test(text))
    return 'has a query or fragment: it must be a base URL, a host and a path at most'
  return undefined
}
