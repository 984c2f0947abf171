import type { Context } from 'hono'

/** How a service recognizes its own URL. */
export interface OwnUrlRules {
  /** The name of the Cloud Run service (`K_SERVICE`). */
  service: string | undefined
  region: string
  /** The audiences that it accepts, if it checks tokens itself or a local cloud has set them. */
  audiences: readonly string[] | undefined
}

/**
 * Returns this service's own URL, to send itself tasks: the audience of the caller's identity token. Cloud Run has checked
 * the token and lets it pass only if its audience is a URL of the service, so a caller without access cannot choose it, as
 * it could choose the `Host` header (https://cloud.google.com/run/docs/authenticating/service-to-service). Of two tokens,
 * Cloud Run checks the one in `X-Serverless-Authorization` (same page). A URL that cannot be this service's is not used
 * even then: a service that the project's owner made public has unchecked callers.
 *
 * Undefined for a token with another audience, such as that of a person's token from gcloud.
 */
export function ownUrl(context: Context, rules: OwnUrlRules): string | undefined {
  const header = context.req.header('x-serverless-authorization') ?? context.req.header('authorization')
  const audience = audienceOf(/^bearer\s+(\S+)$/i.exec(header ?? '')?.[1])?.replace(/\/+$/, '')
  return audience !== undefined && isOwn(audience, rules) ? audience : undefined
}

function isOwn(url: string, { service, region, audiences }: OwnUrlRules): boolean {
  // Cloud Tasks sends tokens only to https addresses
  // (https://cloud.google.com/tasks/docs/reference/rest/v2/projects.locations.queues.tasks#HttpRequest).
  if (!url.startsWith('https://')) return false
  if (audiences !== undefined) return audiences.includes(url)
  const host = /^https:\/\/([a-z0-9.-]+)$/.exec(url)?.[1]
  if (host === undefined || service === undefined || !host.startsWith(`${service}-`)) return false
  // `<service>-<project number>.<region>.run.app` and `<service>-<hash>-<abbreviation>.a.run.app`
  // (https://cloud.google.com/run/docs/triggering/https-request#deterministic).
  const rest = host.slice(service.length + 1)
  return rest.replace(/^\d+/, '') === `.${region}.run.app` || /^[a-z0-9]+-[a-z]+\.a\.run\.app$/.test(rest)
}

/** The audience of an identity token. Its signature is not looked at: Cloud Run has replaced it. */
function audienceOf(token: string | undefined): string | undefined {
  const payload = token?.split('.')[1]
  if (payload === undefined) return undefined
  try {
    const { aud } = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8')) as { aud?: unknown }
    return typeof aud === 'string' ? aud : undefined
  } catch {
    return undefined
  }
}
