import type { DeliveryAnswer } from '../../kernel/api.ts'

/*
 * Responses of Google's front end on behalf of a service. The 4xx pages have the text that callers see;
 * 429 and 5xx have the text of the service's request log
 * (https://cloud.google.com/run/docs/troubleshooting), so that the user need not open it.
 */

/** No service has this address (https://cloud.google.com/run/docs/troubleshooting#404). */
export function notFoundPage(): DeliveryAnswer {
  return htmlPage(404, 'Page not found', 'The requested URL was not found on this server.')
}

/** No token, or a token of an account that may not call the service. */
export function forbiddenPage(path: string): DeliveryAnswer {
  const sentence = `Your client does not have permission to get URL <code>${escapeHtml(path)}</code> from this server.`
  return htmlPage(403, 'Forbidden', sentence)
}

/** A token that is not valid for the service (https://cloud.google.com/run/docs/troubleshooting#unauthorized-client). */
export function unauthorizedPage(path: string): DeliveryAnswer {
  const sentence = `Your client does not have permission to the requested URL <code>${escapeHtml(path)}</code>.`
  const answer = htmlPage(401, 'Unauthorized', sentence)
  answer.headers['www-authenticate'] =
    'Bearer error="invalid_token" error_description="The access token could not be verified"'
  return answer
}

export function tooLargePage(): DeliveryAnswer {
  return htmlPage(413, 'Request Entity Too Large', 'Your client issued a request that was too large.')
}

/** A response with one sentence. */
export function textPage(status: number, sentence: string): DeliveryAnswer {
  return { status, headers: { 'content-type': 'text/plain; charset=utf-8' }, body: Buffer.from(sentence) }
}

function htmlPage(status: number, title: string, sentence: string): DeliveryAnswer {
  const html = `<html><head>
<meta http-equiv="content-type" content="text/html;charset=utf-8">
<title>${status} ${title}</title>
</head>
<body text=#000000 bgcolor=#ffffff>
<h1>Error: ${title}</h1>
<h2>${sentence}</h2>
<h2></h2>
</body></html>
`
  return { status, headers: { 'content-type': 'text/html; charset=UTF-8' }, body: Buffer.from(html) }
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}
