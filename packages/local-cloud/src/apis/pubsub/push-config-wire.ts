import { GoogleError, notEmulated } from '../../kernel/errors.ts'
import type { PushTarget } from './resources.ts'

/** `google.pubsub.v1.PushConfig` in proto-loader form. */
export interface WirePushConfig {
  pushEndpoint: string
  attributes: Record<string, string>
  oidcToken: { serviceAccountEmail: string; audience: string } | null
  noWrapper: object | null
}

/** The only attribute that Google defines: the format of the pushed message. */
const VERSION_ATTRIBUTE = 'x-goog-version'
const LOOPBACK_HOSTS: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]'])

/**
 * Checks where a subscription pushes to (https://cloud.google.com/pubsub/docs/push#properties). Google
 * accepts only https endpoints; plain http is allowed here for loopback addresses.
 *
 * @returns undefined for an empty configuration: a pull subscription
 * @throws GoogleError INVALID_ARGUMENT, or UNIMPLEMENTED for what is not emulated
 */
export function pushOfWire(config: WirePushConfig | null): PushTarget | undefined {
  if (!config) return undefined
  if (config.noWrapper) throw notEmulated('PushConfig.noWrapper')
  if (config.pushEndpoint === '') {
    if (config.oidcToken) throw new GoogleError('INVALID_ARGUMENT', 'PushConfig.oidcToken needs a pushEndpoint.')
    return undefined
  }
  checkEndpoint(config.pushEndpoint)
  if (config.oidcToken?.serviceAccountEmail === '') {
    throw new GoogleError('INVALID_ARGUMENT', 'PushConfig.oidcToken.serviceAccountEmail must be set.')
  }
  return {
    endpoint: config.pushEndpoint,
    attributes: checkAttributes(config.attributes),
    // "If not specified, the Push endpoint URL will be used": projects.subscriptions#OidcToken.
    oidc: config.oidcToken
      ? {
          serviceAccountEmail: config.oidcToken.serviceAccountEmail,
          audience: config.oidcToken.audience === '' ? config.pushEndpoint : config.oidcToken.audience,
        }
      : undefined,
  }
}

/** A pull subscription has an empty configuration instead of none. */
export function wireOfPush(target: PushTarget | undefined): WirePushConfig {
  return {
    pushEndpoint: target?.endpoint ?? '',
    attributes: target?.attributes ?? {},
    oidcToken: target?.oidc ?? null,
    noWrapper: null,
  }
}

function checkEndpoint(endpoint: string): void {
  const url = URL.canParse(endpoint) ? new URL(endpoint) : undefined
  if (url?.protocol === 'https:' || (url?.protocol === 'http:' && LOOPBACK_HOSTS.has(url.hostname))) return
  throw new GoogleError(
    'INVALID_ARGUMENT',
    `Invalid push endpoint given (endpoint=${endpoint}). Refer to https://cloud.google.com/pubsub/docs/push for more information.`,
  )
}

function checkAttributes(attributes: Record<string, string>): Record<string, string> {
  for (const [key, value] of Object.entries(attributes)) {
    if (key !== VERSION_ATTRIBUTE) {
      throw new GoogleError('INVALID_ARGUMENT', `Unsupported push configuration attribute (key=${key}).`)
    }
    if (value === 'v1beta1') throw notEmulated('PushConfig.attributes["x-goog-version"] = "v1beta1"')
    if (value !== 'v1' && value !== 'v1beta2') {
      throw new GoogleError('INVALID_ARGUMENT', `Unsupported value of ${VERSION_ATTRIBUTE} (${value}).`)
    }
  }
  // "GetSubscription calls will always return a valid version, even if the subscription was created without."
  return { [VERSION_ATTRIBUTE]: 'v1', ...attributes }
}
